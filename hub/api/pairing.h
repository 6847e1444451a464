// Letting a new meter in, over HTTP. The shapes are those of docs/http_api.yaml.

#pragma once

#include <expected>
#include <functional>
#include <string>

#include "hub/api/message.h"
#include "hub/pairing.h"

namespace hub {

struct Call;

// How meters come to the broker. The window outlives it.
struct PairingDoor {
  Pairing& window;
  std::string trouble;  // Why no meter can be paired, in one sentence; empty: one can.
  std::string host;     // Where meters reach the broker.
  int port = 0;
  std::string certificate;  // PEM, of the broker: all that a meter trusts.
  std::function<Pairing::Random()> draw;
  // Why no meter of this home can have this name, in one sentence; empty: one can.
  std::function<std::string(const std::string& home, const std::string& device)> fault_of;

  struct Credential {
    std::string user, password;
  };
  // Lets a meter of this name in from now on, and nobody by an older credential of it. The error is
  // one sentence.
  std::function<std::expected<Credential, std::string>(const std::string& home,
                                                       const std::string& device)>
      admit;
  std::function<bool(const std::string& home, const std::string& device)> is_paired;
  // Ends the credential, and the connection that was made with it.
  std::function<std::expected<void, std::string>(const std::string& home,
                                                 const std::string& device)>
      expel;
};

Response pairing(const Call&);
Response open_pairing(const Call&);
Response close_pairing(const Call&);
Response claim_credential(const Call&);
Response take_credential_back(const Call&);

}  // namespace hub
