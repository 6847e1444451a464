#include "lenz/broker.h"

#include <arpa/inet.h>
#include <fmt/format.h>
#include <netinet/in.h>
#include <pwd.h>
#include <signal.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <stdexcept>
#include <thread>

namespace lenz {
namespace {

namespace fs = std::filesystem;

constexpr const char* broker_account = "mosquitto";

sockaddr_in loopback(int port) {
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  address.sin_port = htons(static_cast<std::uint16_t>(port));
  return address;
}

int free_port() {
  const int probe = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  auto address = loopback(0);
  socklen_t size = sizeof address;
  const bool bound = bind(probe, reinterpret_cast<sockaddr*>(&address), size) == 0 &&
                     getsockname(probe, reinterpret_cast<sockaddr*>(&address), &size) == 0;
  close(probe);
  if (!bound) throw std::runtime_error("The broker finds no free port on 127.0.0.1.");
  return ntohs(address.sin_port);
}

bool answers(int port) {
  const int probe = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  const auto address = loopback(port);
  const bool connected =
      connect(probe, reinterpret_cast<const sockaddr*>(&address), sizeof address) == 0;
  close(probe);
  return connected;
}

void write_private(const fs::path& file, const std::string& text) {
  std::ofstream(file) << text;
  fs::permissions(file, fs::perms::owner_read | fs::perms::owner_write);
}

std::string access_list(const std::vector<BrokerAccount>& accounts) {
  std::string list;
  for (const auto& [user, password, home, device, is_hub, hash] : accounts) {
    list += fmt::format("user {}\n", user);
    for (const auto* topic : {"report", "reply"}) {
      list +=
          fmt::format("topic {} lenz/{}/{}/{}\n", is_hub ? "read" : "write", home, device, topic);
    }
    for (const auto* topic : {"stored", "request"}) {
      list +=
          fmt::format("topic {} lenz/{}/{}/{}\n", is_hub ? "write" : "read", home, device, topic);
    }
  }
  return list;
}

std::vector<BrokerAccount> accounts_of(const std::string& home,
                                       const std::map<std::string, std::string>& passwords) {
  std::vector<BrokerAccount> accounts;
  for (const auto& [user, password] : passwords) {
    const bool is_hub = user == hub_user;
    accounts.push_back({user, password, home, is_hub ? "+" : user, is_hub});
  }
  return accounts;
}

// Reports that wait for a hub which is away or busy: two seconds of a large one's meters.
std::size_t queue_of(const std::vector<BrokerAccount>& accounts) {
  return std::max<std::size_t>(2000, 2 * accounts.size());
}

// Of those that have none yet, all in one go.
void hash_passwords(std::vector<BrokerAccount>& accounts) {
  const TemporaryFolder folder;
  const auto file = fs::path(folder.path()) / "passwords";
  std::string users;
  for (const auto& account : accounts) {
    if (account.hash.empty()) users += fmt::format("{}:{}\n", account.user, account.password);
  }
  if (users.empty()) return;
  write_private(file, users);
  if (Child({"mosquitto_passwd", "-U", file.string()}).wait() != 0) {
    throw std::runtime_error("The broker's passwords cannot be hashed by mosquitto_passwd.");
  }
  std::map<std::string, std::string> hashes;
  std::ifstream in(file);
  for (std::string line; std::getline(in, line);) {
    const auto colon = line.find(':');
    if (colon != std::string::npos) hashes[line.substr(0, colon)] = line.substr(colon + 1);
  }
  for (auto& account : accounts) {
    if (account.hash.empty()) account.hash = hashes[account.user];
  }
}

// As root we start the broker under its own account, which must then own its files.
void give_to_broker(const fs::path& folder) {
  const passwd* account = geteuid() == 0 ? getpwnam(broker_account) : nullptr;
  if (!account) return;
  const auto give = [&](const fs::path& path) {
    if (chown(path.c_str(), account->pw_uid, account->pw_gid) != 0) {
      throw std::runtime_error(fmt::format("{} cannot be given to the broker.", path.string()));
    }
  };
  for (const auto& entry : fs::directory_iterator(folder)) give(entry.path());
  give(folder);
}

}  // namespace

std::string broker_user(const std::string& home, const std::string& device, bool is_only_home) {
  return is_only_home ? device : home + "/" + device;
}

Broker::Broker(const std::string& home, const std::map<std::string, std::string>& passwords)
    : Broker(accounts_of(home, passwords)) {}

Broker::Broker(std::vector<BrokerAccount> accounts, std::optional<BrokerReach> reach)
    : accounts_(std::move(accounts)), port_(free_port()) {
  if (find_program("mosquitto").empty() || find_program("mosquitto_passwd").empty()) {
    throw std::runtime_error(
        "The broker Mosquitto is not installed: install the package mosquitto, or name a broker "
        "with --broker HOST:PORT.");
  }
  const fs::path folder(folder_.path());
  hash_passwords(accounts_);
  auto configuration = fmt::format(
      "listener {} 127.0.0.1\n"
      "allow_anonymous false\n"
      "password_file {}/passwords\n"
      "acl_file {}/access\n"
      "persistence false\n"
      "message_size_limit 8192\n"
      "max_inflight_messages 1000\n"
      "set_tcp_nodelay true\n"
      "max_queued_messages {}\n"
      "log_dest none\n",
      port_, folder_.path(), folder_.path(), queue_of(accounts_));
  if (reach) {
    if (answers(reach->port)) {
      throw std::runtime_error(fmt::format(
          "Port {} is in use, so no meter can reach the broker there: name another with --meters "
          "{}:PORT.",
          reach->port, reach->host));
    }
    reach_port_ = reach->port;
    write_private(folder / "certificate", reach->certificate);
    write_private(folder / "key", reach->key);
    configuration += fmt::format(
        "listener {}\n"
        "certfile {}/certificate\n"
        "keyfile {}/key\n"
        "tls_version tlsv1.2\n",
        reach->port, folder_.path(), folder_.path());
  }
  write_private(folder / "mosquitto.conf", configuration);
  write_accounts();
  start();
}

std::string Broker::hash_of(const std::string& user, const std::string& password) {
  std::vector<BrokerAccount> account{{user, password, "", "", false}};
  hash_passwords(account);
  return account.front().hash;
}

void Broker::write_accounts() const {
  const fs::path folder(folder_.path());
  std::string users;
  for (const auto& account : accounts_) users += fmt::format("{}:{}\n", account.user, account.hash);
  write_private(folder / "passwords", users);
  write_private(folder / "access", access_list(accounts_));
  give_to_broker(folder);
}

void Broker::reload() {
  write_accounts();
  if (is_running()) ::kill(pid(), SIGHUP);
}

void Broker::admit(BrokerAccount account) {
  if (account.hash.empty()) account.hash = hash_of(account.user, account.password);
  std::erase_if(accounts_, [&](const BrokerAccount& old) {
    return !old.is_hub && old.home == account.home && old.device == account.device;
  });
  accounts_.push_back(std::move(account));
  reload();
}

void Broker::expel(const std::string& home, const std::string& device) {
  std::erase_if(accounts_, [&](const BrokerAccount& old) {
    return !old.is_hub && old.home == home && old.device == device;
  });
  reload();
}

void Broker::kill() {
  if (process_) process_->kill();
}

void Broker::start() {
  using namespace std::chrono_literals;
  if (is_running()) return;
  process_ = std::make_unique<Child>(
      std::vector<std::string>{"mosquitto", "-c", folder_.path() + "/mosquitto.conf"},
      Child::Options{.user = broker_account, .quiet = true});
  for (int i = 0; i < 500 && process_->is_running(); ++i) {
    if (answers(port_) && (reach_port_ == 0 || answers(reach_port_))) return;
    std::this_thread::sleep_for(10ms);
  }
  throw std::runtime_error(fmt::format(
      "The broker does not come up on 127.0.0.1:{}: check that the account {} may enter "
      "{}, and with \"mosquitto -v\" that it runs at all.",
      port_, broker_account, fs::temp_directory_path().string()));
}

}  // namespace lenz
