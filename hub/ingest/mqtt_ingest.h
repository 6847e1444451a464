// Reports from the broker into the hubs of their homes, and the hubs' answers back; requests to
// meters, and what these reply.

#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "hub/hub.h"
#include "measurement/sample.h"

namespace boost::asio {
class io_context;
}

namespace hub {

struct MqttLogin;

struct BrokerAddress {
  std::string host = "127.0.0.1";
  int port = 1883;
  std::string user = "hub";
  std::string password;

  // The library draws a client's id: several may share a broker.
  MqttLogin login(std::vector<std::string> topics) const;
};

// Hears lenz/{home}/+/report and /reply of each home and publishes to lenz/{home}/{device}/stored
// and /request. Connects, and reconnects, by itself and never waits for the broker.
//
//   heard ──> inbox, bounded ──> Hub::accept() of its home ──> a group commit of all homes ──>
//   answers
//
// Works on the context's thread, in short steps; context and hubs must outlive it. `say` gets one
// sentence when something is wrong, at most once a minute for each kind of trouble.
class MqttIngest {
 public:
  struct Options {
    // From a report that is accepted to the commit that it shares with all that came meanwhile.
    std::chrono::milliseconds commit_every{100};
    // Of a shared subscription, by which several hubs divide the reports of the same homes; empty:
    // this one hears all of them.
    std::string share;
    // What is heard and not yet accepted. More is refused: meters keep it and send it again.
    std::size_t most_inbox_bytes = 8 << 20;
    // What is accepted and not yet committed. More is committed at once.
    std::size_t most_uncommitted_bytes = 8 << 20;
    // As Volume::sync(), where the homes' stores lie on one file system: they wait for the disk
    // together. Empty, or false: each waits for itself.
    std::function<bool()> sync_all = {};
    // Gets what came as a reply. Several hubs of a share hear all of them.
    std::function<void(std::string_view home, std::string_view device, std::string_view bytes)>
        replied = {};
  };
  using Hubs = std::map<std::string, Hub*, std::less<>>;  // By the homes' ids.

  MqttIngest(boost::asio::io_context&, Hubs, BrokerAddress,
             std::function<measurement::Timestamp()> now,
             std::function<void(const std::string&)> say, Options);
  ~MqttIngest();

  bool is_connected() const;

  // Sends a request. False: the broker is away; nothing is kept for later.
  bool ask(std::string_view home, std::string_view device, std::string_view bytes);

  struct Traffic {
    std::uint64_t reports = 0;     // That were accepted.
    std::uint64_t refused = 0;     // That were no report, or not to be accepted.
    std::uint64_t overflowed = 0;  // For which the inbox had no room.
  };
  Traffic traffic() const;

 private:
  struct Client;
  std::shared_ptr<Client> client_;  // What is under way on the context looks whether it is there.
};

}  // namespace hub
