// For the tests: a certificate that a server on this machine has written itself.

#pragma once

#include <fmt/format.h>
#include <gtest/gtest.h>
#include <openssl/pem.h>
#include <openssl/x509v3.h>
#include <unistd.h>

#include <boost/asio/ssl/context.hpp>
#include <cstdio>
#include <string>

namespace hub {

// For an hour, and for what it names: "IP:127.0.0.1, DNS:localhost". The server's `tls` has it, and
// so has who takes the texts.
class OwnCertificate {
 public:
  OwnCertificate(const std::string& names, boost::asio::ssl::context& tls) {
    auto* key = EVP_RSA_gen(2048);
    auto* certificate = X509_new();
    X509_set_version(certificate, 2);
    ASN1_INTEGER_set(X509_get_serialNumber(certificate), 1);
    X509_gmtime_adj(X509_getm_notBefore(certificate), -3600);
    X509_gmtime_adj(X509_getm_notAfter(certificate), 3600);
    X509_set_pubkey(certificate, key);
    auto* name = X509_get_subject_name(certificate);
    X509_NAME_add_entry_by_txt(name, "CN", MBSTRING_ASC,
                               reinterpret_cast<const unsigned char*>("test"), -1, -1, 0);
    X509_set_issuer_name(certificate, name);
    auto* extension = X509V3_EXT_conf_nid(nullptr, nullptr, NID_subject_alt_name, names.c_str());
    X509_add_ext(certificate, extension, -1);
    X509_sign(certificate, key, EVP_sha256());
    SSL_CTX_use_certificate(tls.native_handle(), certificate);
    SSL_CTX_use_PrivateKey(tls.native_handle(), key);
    auto* out = ::fopen(file.c_str(), "w");
    PEM_write_X509(out, certificate);
    ::fclose(out);
    auto* text = BIO_new(BIO_s_mem());
    PEM_write_bio_X509(text, certificate);
    certificate_text = text_of(text);
    PEM_write_bio_PrivateKey(text, key, nullptr, nullptr, 0, nullptr, nullptr);
    key_text = text_of(text);
    BIO_free(text);
    X509_EXTENSION_free(extension);
    X509_free(certificate);
    EVP_PKEY_free(key);
  }
  ~OwnCertificate() { ::unlink(file.c_str()); }
  OwnCertificate(const OwnCertificate&) = delete;
  OwnCertificate& operator=(const OwnCertificate&) = delete;

  const std::string file = fmt::format("{}lenz-certificate-{}", testing::TempDir(), ::getpid());
  std::string certificate_text, key_text;  // PEM

 private:
  static std::string text_of(BIO* memory) {
    char* begin = nullptr;
    const auto size = BIO_get_mem_data(memory, &begin);
    std::string text(begin, static_cast<std::size_t>(size));
    BIO_reset(memory);
    return text;
  }
};

}  // namespace hub
