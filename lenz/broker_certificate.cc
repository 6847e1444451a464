#include "lenz/broker_certificate.h"

#include <arpa/inet.h>
#include <fmt/format.h>
#include <openssl/ec.h>
#include <openssl/pem.h>
#include <openssl/rand.h>
#include <openssl/x509v3.h>

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <memory>
#include <stdexcept>

#include "hub/toml_file.h"

namespace lenz {
namespace {

constexpr long twenty_years = 20L * 365 * 86'400;

template <auto free>
struct Free {
  template <class Value>
  void operator()(Value* value) const {
    free(value);
  }
};
using Certificate = std::unique_ptr<X509, Free<X509_free>>;
using Key = std::unique_ptr<EVP_PKEY, Free<EVP_PKEY_free>>;
using Memory = std::unique_ptr<BIO, Free<BIO_free_all>>;
using Extension = std::unique_ptr<X509_EXTENSION, Free<X509_EXTENSION_free>>;

bool is_address(const std::string& host) {
  unsigned char bytes[sizeof(in6_addr)];
  return inet_pton(AF_INET, host.c_str(), bytes) == 1 ||
         inet_pton(AF_INET6, host.c_str(), bytes) == 1;
}

std::string text_of(const std::string& file) {
  std::ifstream in(file);
  return {std::istreambuf_iterator<char>(in), {}};
}

bool is_for(const std::string& pem, const std::string& host) {
  const Memory in(BIO_new_mem_buf(pem.data(), static_cast<int>(pem.size())));
  const Certificate certificate(PEM_read_bio_X509(in.get(), nullptr, nullptr, nullptr));
  if (!certificate || X509_cmp_current_time(X509_get0_notAfter(certificate.get())) <= 0) {
    return false;
  }
  return is_address(host)
             ? X509_check_ip_asc(certificate.get(), host.c_str(), 0) == 1
             : X509_check_host(certificate.get(), host.c_str(), host.size(), 0, nullptr) == 1;
}

std::string text_in(const Memory& memory) {
  char* text = nullptr;
  const auto size = BIO_get_mem_data(memory.get(), &text);
  return {text, static_cast<std::size_t>(size)};
}

void extend(X509* certificate, int kind, const std::string& value) {
  const Extension made(X509V3_EXT_conf_nid(nullptr, nullptr, kind, value.c_str()));
  if (!made || X509_add_ext(certificate, made.get(), -1) != 1) {
    throw std::runtime_error(
        fmt::format("No certificate can be made for \"{}\": give a host's name or address with "
                    "--meters.",
                    value));
  }
}

BrokerCertificate drawn(const std::string& host) {
  const Key key(EVP_EC_gen("P-256"));
  const Certificate made(X509_new());
  unsigned char serial[8] = {};
  if (!key || !made || RAND_bytes(serial, sizeof serial) != 1) {
    throw std::runtime_error("OpenSSL makes no key: the system gives no random numbers.");
  }
  auto* certificate = made.get();
  std::uint64_t number = 0;
  for (const auto byte : serial) number = number << 7 | (byte & 0x7F);
  X509_set_version(certificate, 2);
  ASN1_INTEGER_set_uint64(X509_get_serialNumber(certificate), number);
  // A clock that is a little late keeps nobody out.
  X509_gmtime_adj(X509_getm_notBefore(certificate), -86'400);
  X509_gmtime_adj(X509_getm_notAfter(certificate), twenty_years);
  X509_set_pubkey(certificate, key.get());
  auto* name = X509_get_subject_name(certificate);
  X509_NAME_add_entry_by_txt(name, "CN", MBSTRING_UTF8,
                             reinterpret_cast<const unsigned char*>(host.c_str()), -1, -1, 0);
  X509_set_issuer_name(certificate, name);
  extend(certificate, NID_subject_alt_name, (is_address(host) ? "IP:" : "DNS:") + host);
  extend(certificate, NID_basic_constraints, "critical,CA:TRUE");
  const Memory certificate_text(BIO_new(BIO_s_mem())), key_text(BIO_new(BIO_s_mem()));
  if (X509_sign(certificate, key.get(), EVP_sha256()) == 0 ||
      PEM_write_bio_X509(certificate_text.get(), certificate) != 1 ||
      PEM_write_bio_PrivateKey(key_text.get(), key.get(), nullptr, nullptr, 0, nullptr, nullptr) !=
          1) {
    throw std::runtime_error("OpenSSL makes no certificate: reinstall the package libssl3.");
  }
  return {text_in(certificate_text), text_in(key_text), true};
}

}  // namespace

BrokerCertificate broker_certificate(const std::string& folder, const std::string& host) {
  const auto file = folder + "/broker.crt", key_file = folder + "/broker.key";
  BrokerCertificate kept{text_of(file), text_of(key_file)};
  if (!kept.key.empty() && is_for(kept.certificate, host)) return kept;
  auto made = drawn(host);
  std::filesystem::create_directories(folder);
  hub::replace_file(key_file, made.key, 0600);
  hub::replace_file(file, made.certificate, 0600);
  return made;
}

}  // namespace lenz
