#include "lenz/certificate.h"

#include <arpa/inet.h>
#include <fmt/format.h>
#include <openssl/ec.h>
#include <openssl/pem.h>
#include <openssl/rand.h>
#include <openssl/x509v3.h>

#include <array>
#include <chrono>
#include <memory>
#include <stdexcept>

namespace lenz {
namespace {

template <auto free>
struct Free {
  template <class Value>
  void operator()(Value* value) const {
    free(value);
  }
};
void free_all(STACK_OF(X509) * stack) { sk_X509_pop_free(stack, X509_free); }
using Certificate = std::unique_ptr<X509, Free<X509_free>>;
using Key = std::unique_ptr<EVP_PKEY, Free<EVP_PKEY_free>>;
using Memory = std::unique_ptr<BIO, Free<BIO_free_all>>;
using Extension = std::unique_ptr<X509_EXTENSION, Free<X509_EXTENSION_free>>;
using Trusted = std::unique_ptr<X509_STORE, Free<X509_STORE_free>>;
using Verification = std::unique_ptr<X509_STORE_CTX, Free<X509_STORE_CTX_free>>;
using Stack = std::unique_ptr<STACK_OF(X509), Free<free_all>>;

Memory memory_of(const std::string& text) {
  return Memory(BIO_new_mem_buf(text.data(), static_cast<int>(text.size())));
}

std::string text_in(const Memory& memory) {
  char* text = nullptr;
  const auto size = BIO_get_mem_data(memory.get(), &text);
  return {text, static_cast<std::size_t>(size)};
}

Certificate next(const Memory& memory) {
  return Certificate(PEM_read_bio_X509(memory.get(), nullptr, nullptr, nullptr));
}

Certificate first(const std::string& text) { return next(memory_of(text)); }

std::time_t seconds(measurement::Timestamp time) {
  return std::chrono::system_clock::to_time_t(std::chrono::system_clock::time_point(time));
}

void extend(X509* certificate, X509* issuer, const std::string& kind, const std::string& value) {
  X509V3_CTX context;
  X509V3_set_ctx(&context, issuer, certificate, nullptr, nullptr, 0);
  const Extension made(X509V3_EXT_nconf(nullptr, &context, kind.c_str(), value.c_str()));
  if (!made || X509_add_ext(certificate, made.get(), -1) != 1) {
    throw std::runtime_error(fmt::format(
        "No certificate can be made with \"{}\": give a host's name or address.", value));
  }
}

bool is_name_of(X509* certificate, const std::string& host) {
  return is_address(host)
             ? X509_check_ip_asc(certificate, host.c_str(), 0) == 1
             : X509_check_host(certificate, host.c_str(), host.size(), 0, nullptr) == 1;
}

}  // namespace

CertificateAndKey draw_certificate(const CertificateWords& words, const CertificateAndKey* issuer) {
  const Key key(EVP_EC_gen("P-256"));
  const Certificate made(X509_new());
  std::uint64_t serial = 0;
  if (!key || !made || RAND_bytes(reinterpret_cast<unsigned char*>(&serial), sizeof serial) != 1) {
    throw std::runtime_error("OpenSSL makes no key: the system gives no random numbers.");
  }
  auto* certificate = made.get();
  X509_set_version(certificate, 2);
  ASN1_INTEGER_set_uint64(X509_get_serialNumber(certificate), serial >> 1);
  ASN1_TIME_set(X509_getm_notBefore(certificate), seconds(words.begin));
  ASN1_TIME_set(X509_getm_notAfter(certificate), seconds(words.end));
  X509_set_pubkey(certificate, key.get());
  X509_NAME_add_entry_by_txt(X509_get_subject_name(certificate), "CN", MBSTRING_UTF8,
                             reinterpret_cast<const unsigned char*>(words.subject.c_str()), -1, -1,
                             0);
  const auto signer = issuer ? first(issuer->certificate) : Certificate();
  const Key signers_key(issuer ? PEM_read_bio_PrivateKey(memory_of(issuer->key).get(), nullptr,
                                                         nullptr, const_cast<char*>(""))
                               : nullptr);
  if (issuer && (!signer || !signers_key)) {
    throw std::runtime_error("The certificate or key of the authority is none.");
  }
  auto* by = signer ? signer.get() : certificate;
  X509_set_issuer_name(certificate, X509_get_subject_name(by));
  for (const auto& [kind, value] : words.extensions) extend(certificate, by, kind, value);
  const Memory certificate_text(BIO_new(BIO_s_mem())), key_text(BIO_new(BIO_s_mem()));
  if (X509_sign(certificate, signers_key ? signers_key.get() : key.get(), EVP_sha256()) == 0 ||
      PEM_write_bio_X509(certificate_text.get(), certificate) != 1 ||
      PEM_write_bio_PrivateKey(key_text.get(), key.get(), nullptr, nullptr, 0, nullptr, nullptr) !=
          1) {
    throw std::runtime_error("OpenSSL makes no certificate: reinstall the package libssl3.");
  }
  return {text_in(certificate_text), text_in(key_text)};
}

bool is_address(const std::string& host) {
  in6_addr bytes;
  return inet_pton(AF_INET, host.c_str(), &bytes) == 1 ||
         inet_pton(AF_INET6, host.c_str(), &bytes) == 1;
}

std::string alternative_name(const std::string& host) {
  return (is_address(host) ? "IP:" : "DNS:") + host;
}

std::vector<std::string> certificates_in(const std::string& text) {
  std::vector<std::string> found;
  const auto in = memory_of(text);
  while (const auto certificate = next(in)) {
    const Memory out(BIO_new(BIO_s_mem()));
    PEM_write_bio_X509(out.get(), certificate.get());
    found.push_back(text_in(out));
  }
  return found;
}

std::string fingerprint(const std::string& certificate) {
  std::array<unsigned char, 32> digest{};
  unsigned size = 0;
  if (const auto read = first(certificate)) {
    X509_digest(read.get(), EVP_sha256(), digest.data(), &size);
  }
  std::string text;
  for (unsigned i = 0; i < size; ++i) text += fmt::format("{}{:02X}", i ? ":" : "", digest[i]);
  return text;
}

bool is_for(const std::string& chain, const std::string& host) {
  const auto certificate = first(chain);
  return certificate && is_name_of(certificate.get(), host);
}

bool is_valid_at(const std::string& chain, measurement::Timestamp time) {
  const auto certificate = first(chain);
  if (!certificate) return false;
  auto then = seconds(time);
  return X509_cmp_time(X509_get0_notBefore(certificate.get()), &then) < 0 &&
         X509_cmp_time(X509_get0_notAfter(certificate.get()), &then) > 0;
}

std::string distrust(const std::string& chain, const std::string& root, const std::string& host,
                     measurement::Timestamp time) {
  const auto in = memory_of(chain);
  const auto own = next(in), anchor = first(root);
  const Stack others(sk_X509_new_null());
  while (auto other = next(in)) sk_X509_push(others.get(), other.release());
  const Trusted trusted(X509_STORE_new());
  const Verification verification(X509_STORE_CTX_new());
  if (!own || !anchor || X509_STORE_add_cert(trusted.get(), anchor.get()) != 1 ||
      X509_STORE_CTX_init(verification.get(), trusted.get(), own.get(), others.get()) != 1) {
    return "no certificate";
  }
  X509_STORE_CTX_set_default(verification.get(), "ssl_server");
  auto* asked = X509_STORE_CTX_get0_param(verification.get());
  X509_VERIFY_PARAM_set_time(asked, seconds(time));
  X509_VERIFY_PARAM_set_flags(asked, X509_V_FLAG_X509_STRICT);
  is_address(host) ? X509_VERIFY_PARAM_set1_ip_asc(asked, host.c_str())
                   : X509_VERIFY_PARAM_set1_host(asked, host.c_str(), host.size());
  if (X509_verify_cert(verification.get()) == 1) return {};
  return X509_verify_cert_error_string(X509_STORE_CTX_get_error(verification.get()));
}

}  // namespace lenz
