// An MQTT broker of our own: Mosquitto as a child, where none is configured.

#pragma once

#include <map>
#include <memory>
#include <string>
#include <vector>

#include "lenz/child.h"
#include "lenz/temporary_folder.h"

namespace lenz {

inline constexpr const char* hub_user = "hub";

// Who may sign in: a meter, which may write its own reports and read its own answers, or a hub,
// which may do the opposite. "+" stands for every home or device.
struct BrokerAccount {
  std::string user, password;
  std::string home, device;
  bool is_hub = false;
};

// What a meter is called at the broker: its own name where there is one home, else HOME/METER.
std::string broker_user(const std::string& home, const std::string& device, bool is_only_home);

// Listens on loopback only, on a free port, with a private configuration in a temporary folder,
// a password for each user and an access list that lets a meter touch only its own topics.
class Broker {
 public:
  // Throws std::runtime_error with one sentence when the broker is not installed or does not come
  // up.
  explicit Broker(const std::vector<BrokerAccount>&);
  // `passwords` by user: the hub's and those of the meters of `home`.
  Broker(const std::string& home, const std::map<std::string, std::string>& passwords);

  int port() const { return port_; }
  int pid() const { return process_->pid(); }
  bool is_running() { return process_ && process_->is_running(); }

  void kill();   // As a crash would.
  void start();  // On the same port, when it is not running.

 private:
  TemporaryFolder folder_;
  int port_ = 0;
  std::unique_ptr<Child> process_;  // Ends before its folder goes.
};

}  // namespace lenz
