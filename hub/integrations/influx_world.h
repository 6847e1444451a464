// For the tests: an InfluxDB 1.x of our own, and a small installation whose mirror writes to it.

#pragma once

#include <arpa/inet.h>
#include <fcntl.h>
#include <fmt/format.h>
#include <gtest/gtest.h>
#include <poll.h>
#include <signal.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <functional>
#include <map>
#include <nlohmann/json.hpp>
#include <optional>
#include <random>
#include <string>
#include <vector>

#include "hub/files/disk.h"
#include "hub/integrations/influx_mirror.h"
#include "hub/ledger.h"
#include "hub/store/sqlite_store.h"

namespace hub {

using namespace std::chrono_literals;

// One request to a server of this machine and its answer, or why there is none. `patience`: for
// each piece of the answer.
inline EngineAnswer exchange_on_loopback(int port, std::string_view request,
                                         std::chrono::milliseconds patience = 30s) {
  std::array<char, 65536> buffer{};
  const int socket = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  address.sin_port = htons(static_cast<std::uint16_t>(port));
  const timeval most{patience.count() / 1000, patience.count() % 1000 * 1000};
  ::setsockopt(socket, SOL_SOCKET, SO_RCVTIMEO, &most, sizeof most);
  if (::connect(socket, reinterpret_cast<const sockaddr*>(&address), sizeof address) != 0) {
    ::close(socket);
    return {0, "connection refused"};
  }
  auto rest = request;
  while (!rest.empty()) {
    const auto sent = ::send(socket, rest.data(), rest.size(), MSG_NOSIGNAL);
    if (sent <= 0) break;
    rest.remove_prefix(static_cast<std::size_t>(sent));
  }
  std::string answer;
  for (ssize_t got = 1; got > 0;) {
    got = ::recv(socket, buffer.data(), buffer.size(), 0);
    if (got > 0) answer.append(buffer.data(), static_cast<std::size_t>(got));
  }
  ::close(socket);
  const auto body = answer.find("\r\n\r\n");
  if (body == std::string::npos) return {0, "connection lost"};
  return {static_cast<unsigned>(std::stoul(answer.substr(9, 3))), answer.substr(body + 4)};
}

// A request as text, HTTP/1.0.
inline std::string as_text(const EngineRequest& request) {
  const auto path = request.url.find('/', request.url.find("//") + 2);
  std::string text = fmt::format("POST {} HTTP/1.0\r\nHost: 127.0.0.1\r\nContent-Length: {}\r\n",
                                 request.url.substr(path), request.body.size());
  for (const auto& [name, value] : request.headers) text += fmt::format("{}: {}\r\n", name, value);
  return text + "\r\n" + request.body;
}

class InfluxFolder {
 public:
  InfluxFolder() {
    std::string name = (std::filesystem::temp_directory_path() / "lenz_influx_XXXXXX").string();
    path_ = ::mkdtemp(name.data());
  }
  ~InfluxFolder() { std::filesystem::remove_all(path_); }
  InfluxFolder(const InfluxFolder&) = delete;
  InfluxFolder& operator=(const InfluxFolder&) = delete;
  const std::string& path() const { return path_; }

 private:
  std::string path_;
};

// Debian's influxdb (1.6), on a port of its own, with its files in a folder that goes away.
class InfluxServer {
 public:
  static constexpr const char* program = "/usr/bin/influxd";
  static bool is_installed() { return ::access(program, X_OK) == 0; }

  InfluxServer() { start(); }
  ~InfluxServer() { end(SIGTERM); }
  InfluxServer(const InfluxServer&) = delete;
  InfluxServer& operator=(const InfluxServer&) = delete;

  // On the same port and files as before.
  void start() {
    const auto config = folder_.path() + "/influxdb.conf";
    std::ofstream(config) << fmt::format(R"(
reporting-disabled = true
bind-address = "127.0.0.1:0"
[meta]
  dir = "{0}/meta"
[data]
  dir = "{0}/data"
  cache-snapshot-write-cold-duration = "1s"
  wal-dir = "{0}/wal"
  query-log-enabled = false
[monitor]
  store-enabled = false
[subscriber]
  enabled = false
[continuous_queries]
  enabled = false
[http]
  bind-address = "127.0.0.1:{1}"
  log-enabled = false
)",
                                         folder_.path(), port_);
    std::array<int, 2> pipe{};
    ASSERT_EQ(::pipe2(pipe.data(), O_CLOEXEC), 0);
    process_ = ::fork();
    if (process_ == 0) {
      ::dup2(pipe[1], 1);
      ::dup2(pipe[1], 2);
      ::execl(program, program, "run", "-config", config.c_str(), nullptr);
      ::_exit(127);
    }
    ::close(pipe[1]);
    log_ = pipe[0];
    wait_for_port();
    ::fcntl(log_, F_SETFL, O_NONBLOCK);
  }

  void kill() { end(SIGKILL); }
  void stop() { end(SIGTERM); }
  void hang() {
    ::kill(process_, SIGSTOP);
    ::waitpid(process_, nullptr, WUNTRACED);  // Until all of its threads have stopped.
  }
  void go_on() { ::kill(process_, SIGCONT); }
  bool is_running() const { return process_ > 0; }

  std::string url() const { return fmt::format("http://127.0.0.1:{}", port_); }

  EngineAnswer post(const EngineRequest& request) const { return exchange(as_text(request)); }

  // The answer to a query in InfluxQL: its one result, times in milliseconds.
  nlohmann::json query(const std::string& question) const {
    std::string form = "epoch=ms&db=lenz&q=";
    for (const char c : question) form += fmt::format("%{:02X}", static_cast<unsigned char>(c));
    const auto answer =
        exchange(fmt::format("POST /query HTTP/1.0\r\nHost: 127.0.0.1\r\nContent-Type: "
                             "application/x-www-form-urlencoded\r\nContent-Length: {}\r\n\r\n{}",
                             form.size(), form));
    EXPECT_EQ(answer.status, 200u) << answer.text << " for " << question;
    const auto json = nlohmann::json::parse(answer.text, nullptr, false);
    EXPECT_FALSE(json.is_discarded()) << answer.text;
    if (answer.status != 200 || json.is_discarded()) return {};
    EXPECT_FALSE(json["results"][0].contains("error")) << answer.text << " for " << question;
    return json["results"][0];
  }

  // Of what it keeps, in bytes, once everything is in its own files and no more in its log.
  std::uintmax_t size() const {
    for (int tries = 0; tries < 1'000 && bytes_below("/wal/lenz", ".wal") > 0; ++tries) {
      ::poll(nullptr, 0, 20);  // It has no other sign.
    }
    EXPECT_EQ(bytes_below("/wal/lenz", ".wal"), 0u);
    return bytes_below("/data/lenz", ".tsm");
  }

 private:
  std::uintmax_t bytes_below(const std::string& path, const std::string& ending) const {
    std::uintmax_t bytes = 0;
    std::error_code gone;  // Its files come and go.
    for (const auto& file :
         std::filesystem::recursive_directory_iterator(folder_.path() + path, gone)) {
      if (file.path().extension() == ending) bytes += file.file_size(gone);
    }
    return bytes;
  }

  void end(int signal) {
    if (process_ <= 0) return;
    ::kill(process_, SIGCONT);
    ::kill(process_, signal);
    ::waitpid(process_, nullptr, 0);
    ::close(log_);
    process_ = 0;
  }

  // Its log names the port once it listens.
  void wait_for_port() {
    const std::string sign = "addr=127.0.0.1:";
    std::string log;
    std::array<char, 4096> buffer{};
    while (true) {
      const auto got = ::read(log_, buffer.data(), buffer.size());
      if (got <= 0) break;
      log.append(buffer.data(), static_cast<std::size_t>(got));
      const auto at = log.find("Listening on HTTP");
      if (at == std::string::npos || log.find('\n', at) == std::string::npos) continue;
      port_ = std::atoi(log.c_str() + log.find(sign, at) + sign.size());
      return;
    }
    FAIL() << "influxd does not start: " << log;
  }

  EngineAnswer exchange(const std::string& request) const {
    std::array<char, 65536> buffer{};
    while (is_running() && ::read(log_, buffer.data(), buffer.size()) > 0) {
    }
    return exchange_on_loopback(port_, request);
  }

  InfluxFolder folder_;
  int port_ = 0;
  pid_t process_ = 0;
  int log_ = -1;
};

// A home with one meter of two chips, which measures every 5 s: a main switch over two legs, of
// which one gives what the roof makes, a fridge, the roof (its clamp is reversed) and a pair whose
// legs count for themselves. Starts on 2026-03-01 at 00:00 UTC.
class Installation {
 public:
  static constexpr measurement::Timestamp start{1'772'323'200'000ms};

  Home home = described();
  InfluxFolder folder;
  Disk disk;
  SqliteStore store{disk, folder.path()};
  Ledger ledger{disk, folder.path() + "/ledger.db", store, home};
  measurement::Timestamp now = start;
  std::vector<std::string> told;
  std::mt19937 random{7};  // Always the same day.
  std::optional<std::size_t> absent_channel;
  std::uint32_t base = 0, noise = 20'000;  // Of the powers, in tenths of a watt.

  // The meter measures, and its samples wait or arrive.
  void measure_minute(bool is_connected = true) {
    for (int i = 0; i < 12; ++i) waiting_.push_back(sample(now + 5s * i));
    now += 1min;
    if (is_connected) arrive();
  }

  void arrive() {
    measurement::ReportHeader header{.device = "meter",
                                     .boot = boot_,
                                     .period = 5s,
                                     .chips = 2,
                                     .booted_at = booted_at_,
                                     .lost = lost_};
    while (!waiting_.empty()) {
      const auto count = std::min<std::size_t>(waiting_.size(), 60);
      ASSERT_TRUE(store.append(header, {waiting_.data(), count}));
      waiting_.erase(waiting_.begin(), waiting_.begin() + static_cast<std::ptrdiff_t>(count));
    }
    ASSERT_TRUE(store.commit());
    follow();
  }

  void follow() {
    ASSERT_TRUE(store.tidy(now));
    for (bool is_all = false; !is_all;) {
      const auto followed = ledger.follow(now, 100);
      ASSERT_TRUE(followed);
      is_all = *followed;
    }
  }

  // The meter has to drop samples before anybody had them.
  void lose(std::uint64_t samples) {
    number_ += samples;
    lost_ += samples;
  }

  // Its totals begin at 0 again.
  void restart_meter() {
    arrive();
    ++boot_;
    booted_at_ = now;
    number_ = lost_ = 0;
    totals_ = {};
  }

  // Lets the mirror write until it has nothing more to say now. Returns the requests that it made.
  int write(InfluxMirror& mirror, const std::function<EngineAnswer(const EngineRequest&)>& post) {
    EXPECT_TRUE(store.tidy(now));  // As the hub does every second.
    int requests = 0;
    while (const auto batch = mirror.next(now)) {
      const bool is_question = batch->url.ends_with("/query");
      if (keeps_marker && (is_question || batch->body.starts_with(marker_measurement))) {
        mirror.done(is_question ? EngineAnswer{200, R"({"results": [{"series": []}]})"}
                                : EngineAnswer{204, ""},
                    now);
        continue;
      }
      ++requests;
      mirror.done(post(*batch), now);
    }
    return requests;
  }
  bool keeps_marker = true;  // The mirror's, instead of the server.

  std::function<void(const std::string&)> listener() {
    return [this](const std::string& sentence) { told.push_back(sentence); };
  }

 private:
  static Home described() {
    Home home;
    home.id = "home";
    home.name = "Maple Street";
    home.zone = "Europe/Berlin";
    home.country = "DE";
    home.currency = "EUR";
    home.price_per_kwh = 0.31;
    const auto circuit = [](std::string id, CircuitKind kind, std::vector<ChannelUse> channels) {
      Circuit made;
      made.name = "The " + id;
      made.id = std::move(id);
      made.kind = kind;
      made.channels = std::move(channels);
      return made;
    };
    Panel panel{.valid_from = start};
    panel.circuits = {
        circuit("main", CircuitKind::grid, {{"meter", 0, 1}, {"meter", 1, 1}}),
        circuit("fridge", CircuitKind::load, {{"meter", 2, 1}}),
        circuit("roof", CircuitKind::solar, {{"meter", 3, -1}}),
        circuit("pair", CircuitKind::load, {{"meter", 4, 1}, {"meter", 5, 2}}),
        circuit("spare", CircuitKind::load, {}),
    };
    panel.circuits[3].netting = Netting::per_phase;
    home.panels = {panel};
    return home;
  }

  measurement::Sample sample(measurement::Timestamp time) {
    using measurement::Quantity;
    measurement::Sample made(2);
    made.number = number_++;
    made.uptime = time - booted_at_;
    made.put_steps(Quantity::voltage, 0, 2300 + static_cast<int>(random() % 20));
    made.put_steps(Quantity::voltage, 1, 2290);
    for (std::size_t c = 0; c < 6; ++c) {
      // Tenths of a watt: leg 1 gives, the others take; 5 s of 0.1 W are 0.139 mWh.
      const auto power = static_cast<std::int64_t>(base + random() % noise) * (c == 1 ? -1 : 1);
      totals_[c][power < 0] += std::abs(power) * 5 / 36;
      if (c == absent_channel) continue;
      made.put_steps(Quantity::active_power, c, power);
      made.put_steps(Quantity::current, c, std::abs(power) * 100 / 230);
      made.put_steps(Quantity::reactive_power, c, power / 10);
      made.put_steps(Quantity::imported, c, totals_[c][0]);
      made.put_steps(Quantity::exported, c, totals_[c][1]);
    }
    return made;
  }

  std::vector<measurement::Sample> waiting_;
  std::uint64_t boot_ = 1, number_ = 0, lost_ = 0;
  measurement::Timestamp booted_at_ = start;
  std::array<std::array<std::int64_t, 2>, 6> totals_{};
};

}  // namespace hub
