// Certificates (X.509) of the hub's own doors, drawn and checked by OpenSSL. All text is PEM.

#pragma once

#include <string>
#include <utility>
#include <vector>

#include "measurement/units.h"

namespace lenz {

struct CertificateAndKey {
  std::string certificate, key;
};

struct CertificateWords {
  std::string subject;  // Its common name.
  measurement::Timestamp begin, end;
  // Names and values as openssl.cnf has them (x509v3_config(5)), in this order.
  std::vector<std::pair<std::string, std::string>> extensions;
};

// With a new key of P-256; signed by `issuer`, or by itself without one. Throws std::runtime_error
// with one sentence.
CertificateAndKey draw_certificate(const CertificateWords&,
                                   const CertificateAndKey* issuer = nullptr);

bool is_address(const std::string& host);               // IPv4 or IPv6.
std::string alternative_name(const std::string& host);  // "DNS:lenz.local", "IP:192.168.1.20"
std::vector<std::string> certificates_in(const std::string& text);  // Each for itself.
std::string fingerprint(const std::string& certificate);            // SHA-256, "AB:01:..."

// Of the first certificate. False: another name, another time, or no certificate.
bool is_for(const std::string& chain, const std::string& host);
bool is_valid_at(const std::string& chain, measurement::Timestamp);

// Whether who trusts `root` and nobody else would believe a server with this chain to be `host`
// then (RFC 5280). Empty: yes; else why not, in OpenSSL's words.
std::string distrust(const std::string& chain, const std::string& root, const std::string& host,
                     measurement::Timestamp);

}  // namespace lenz
