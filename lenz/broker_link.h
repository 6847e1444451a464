// The hub's way to its meters: a broker that was named, or one of its own that is kept running and
// lets new meters in.

#pragma once

#include <boost/asio/steady_timer.hpp>
#include <functional>
#include <memory>
#include <string>

#include "hub/api/pairing.h"
#include "hub/ingest/mqtt_ingest.h"
#include "hub/pairing.h"
#include "lenz/broker.h"
#include "lenz/commands.h"
#include "lenz/homes.h"
#include "lenz/paired_meters.h"
#include "lenz/workplace.h"

namespace lenz {

// Homes outlive it.
class BrokerLink {
 public:
  // Throws std::runtime_error with one sentence.
  BrokerLink(const HubOptions&, const Workplace&, const Homes&,
             std::function<void(const std::string&)> say);

  const hub::BrokerAddress& address() const { return address_; }
  const hub::PairingDoor& pairing() const { return door_; }

  // Starts the broker again where it has ended; `timer` and the link outlive the context's run.
  void keep_running(boost::asio::steady_timer& timer);

 private:
  void own(const HubOptions&, const Workplace&);
  std::string fault_of(const std::string& home, const std::string& device) const;
  std::expected<hub::PairingDoor::Credential, std::string> admit(const std::string& home,
                                                                 const std::string& device);
  std::expected<void, std::string> expel(const std::string& home, const std::string& device);

  const Homes& homes_;
  std::function<void(const std::string&)> say_;
  PairedMeters paired_;
  hub::BrokerAddress address_;
  std::unique_ptr<Broker> own_;  // Null: one that was named.
  hub::Pairing window_;
  hub::PairingDoor door_;
};

}  // namespace lenz
