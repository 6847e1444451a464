// Reports from the broker into the hub, and the hub's answers back.

#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "hub/hub.h"
#include "measurement/sample.h"

namespace boost::asio {
class io_context;
}

namespace hub {

struct BrokerAddress {
  std::string host = "127.0.0.1";
  int port = 1883;
  std::string user = "hub";
  std::string password;
};

// Hears lenz/{home}/+/report and publishes to lenz/{home}/{device}/stored. All reports that have
// arrived together are committed together, then acknowledged. Connects, and reconnects, by itself
// and never waits for the broker.
//
// Works on the context's thread; context and hub must outlive it. `say` gets one sentence when
// something is wrong, at most once a minute for each kind of trouble.
class MqttIngest {
 public:
  MqttIngest(boost::asio::io_context&, Hub&, std::string home, BrokerAddress,
             std::function<measurement::Timestamp()> now,
             std::function<void(const std::string&)> say);
  ~MqttIngest();

  bool is_connected() const;
  std::uint64_t refused() const;  // Messages that were no report, or not to be accepted.

 private:
  struct Client;
  std::unique_ptr<Client> client_;
};

}  // namespace hub
