// What the broker shows to meters: a certificate of its own, which is all that they trust.

#pragma once

#include <string>

namespace lenz {

struct BrokerCertificate {
  std::string certificate, key;  // PEM
  bool is_new = false;           // Meters that were paired before do not trust it.
};

// The one in FOLDER/broker.crt and broker.key, drawn when there is none for this host: P-256, for a
// name or an address, for twenty years. Throws std::runtime_error with one sentence.
BrokerCertificate broker_certificate(const std::string& folder, const std::string& host);

}  // namespace lenz
