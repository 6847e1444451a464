// An MQTT broker of our own: Mosquitto as a child, where none is configured.

#pragma once

#include <map>
#include <memory>
#include <optional>
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
  std::string hash = {};  // Of the password, where that is not known: as hash_of() gives it.
};

// Where meters elsewhere in the network reach the broker: by TLS, on all of the machine's
// addresses.
struct BrokerReach {
  std::string host;
  int port = 8883;
  std::string certificate, key;  // PEM
};

// What a meter is called at the broker: its own name where there is one home, else HOME/METER.
std::string broker_user(const std::string& home, const std::string& device, bool is_only_home);

// Listens on loopback, on a free port, and where meters are to reach it; with a private
// configuration in a temporary folder, a password for each user and an access list that lets a
// meter touch only its own topics.
class Broker {
 public:
  // Throws std::runtime_error with one sentence when the broker is not installed or does not come
  // up.
  explicit Broker(std::vector<BrokerAccount>, std::optional<BrokerReach> = {});
  // `passwords` by user: the hub's and those of the meters of `home`.
  Broker(const std::string& home, const std::map<std::string, std::string>& passwords);

  int port() const { return port_; }
  int pid() const { return process_->pid(); }
  bool is_running() { return process_ && process_->is_running(); }

  // Takes the place of the accounts of the same meter, whose connections end. Throws as above.
  void admit(BrokerAccount);
  void expel(const std::string& home, const std::string& device);
  // As the broker's list has a password.
  static std::string hash_of(const std::string& user, const std::string& password);

  void kill();   // As a crash would.
  void start();  // On the same port, when it is not running.

 private:
  void write_accounts() const;
  void reload();

  TemporaryFolder folder_;
  std::vector<BrokerAccount> accounts_;  // Each with its hash.
  int port_ = 0;
  int reach_port_ = 0;              // 0: meters elsewhere do not reach it.
  std::unique_ptr<Child> process_;  // Ends before its folder goes.
};

}  // namespace lenz
