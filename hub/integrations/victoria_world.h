// For the tests: a VictoriaMetrics of our own.

#pragma once

#include "hub/integrations/influx_world.h"
#include "hub/integrations/sample_points.h"

namespace hub {

// Debian's victoria-metrics (1.79), on a port of its own, with its files in a folder that goes
// away.
class VictoriaServer {
 public:
  static constexpr const char* program = "/usr/bin/victoria-metrics";
  static bool is_installed() { return ::access(program, X_OK) == 0; }

  using Flags = std::vector<std::string>;
  static Flags good() { return {"-dedup.minScrapeInterval=1ms", "-retentionPeriod=100y"}; }

  explicit VictoriaServer(Flags flags = good()) : port_(free_port()) { start(std::move(flags)); }
  ~VictoriaServer() { end(SIGTERM); }
  VictoriaServer(const VictoriaServer&) = delete;
  VictoriaServer& operator=(const VictoriaServer&) = delete;

  // On the same port and files as before.
  void start(Flags flags = good()) {
    flags.insert(flags.begin(), {program, "-storageDataPath=" + folder_.path() + "/data",
                                 fmt::format("-httpListenAddr=127.0.0.1:{}", port_),
                                 "-selfScrapeInterval=0", "-loggerLevel=ERROR"});
    std::vector<char*> arguments;
    for (auto& flag : flags) arguments.push_back(flag.data());
    arguments.push_back(nullptr);
    process_ = ::fork();
    if (process_ == 0) {
      ::execv(program, arguments.data());
      ::_exit(127);
    }
    for (int tries = 0; tries < 500; ++tries) {
      if (ask("/health", "").status == 200) return;
      ::poll(nullptr, 0, 20);  // It has no other sign.
    }
    FAIL() << "victoria-metrics does not start";
  }

  void kill() { end(SIGKILL); }
  void stop() { end(SIGTERM); }
  void hang() {
    ::kill(process_, SIGSTOP);
    ::waitpid(process_, nullptr, WUNTRACED);  // Until all of its threads have stopped.
    hangs_ = true;
  }
  void go_on() {
    ::kill(process_, SIGCONT);
    hangs_ = false;
  }
  // As if its folder was a new one.
  void forget() { std::filesystem::remove_all(folder_.path() + "/data"); }

  std::string url() const { return fmt::format("http://127.0.0.1:{}", port_); }
  VictoriaMetrics settings() const { return {.url = url()}; }

  // What was written shows at once; else it would after a second.
  void flush() const { ask("/internal/force_flush", ""); }

  // What was written is on its disk, as it would be after some seconds.
  void settle() const { ask("/snapshot/create", ""); }

  // While it hangs its answer is not waited for as long as the mirror would.
  EngineAnswer post(const EngineRequest& request) const {
    return exchange_on_loopback(port_, as_text(request), hangs_ ? 100ms : 30s);
  }

  // Every point of the samples, with its labels; of each "boot field" time and value.
  using Points = std::map<std::string, std::multimap<std::int64_t, std::int64_t>>;
  Points points() const {
    flush();
    const auto answer =
        ask("/api/v1/export", "match[]=%7B__name__%3D~%22lenz_sample_.%2B%22%7D&start=0");
    EXPECT_EQ(answer.status, 200u) << answer.text;
    Points found;
    for (std::size_t at = 0; at < answer.text.size();) {
      const auto end = answer.text.find('\n', at);
      const auto series = nlohmann::json::parse(answer.text.substr(at, end - at));
      at = end + 1;
      const auto& labels = series["metric"];
      EXPECT_EQ(labels["home"], "home");
      auto& of_series =
          found[fmt::format("{} {} {} {}", labels["meter"].get<std::string>(),
                            labels["boot"].get<std::string>(), labels["stream"].get<std::string>(),
                            labels["__name__"].get<std::string>().substr(sizeof "lenz_sample"))];
      for (std::size_t i = 0; i < series["values"].size(); ++i) {
        of_series.emplace(series["timestamps"][i], series["values"][i]);
      }
    }
    return found;
  }

 private:
  static int free_port() {
    const int socket = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    socklen_t size = sizeof address;
    ::bind(socket, reinterpret_cast<const sockaddr*>(&address), size);
    ::getsockname(socket, reinterpret_cast<sockaddr*>(&address), &size);
    ::close(socket);
    return ntohs(address.sin_port);
  }

  EngineAnswer ask(const std::string& target, const std::string& form) const {
    return post({url() + target, {{"Content-Type", "application/x-www-form-urlencoded"}}, form});
  }

  void end(int signal) {
    if (process_ <= 0) return;
    go_on();
    ::kill(process_, signal);
    ::waitpid(process_, nullptr, 0);
    process_ = 0;
  }

  InfluxFolder folder_;
  int port_ = 0;
  pid_t process_ = 0;
  bool hangs_ = false;
};

// The same of a store, from its samples.
inline VictoriaServer::Points points_of(Store& store, const std::string& device, TimeRange range) {
  VictoriaServer::Points found;
  const auto kept = store.samples(device, range);
  EXPECT_TRUE(kept);
  for (const auto& [boot, stream, time, sample] : *kept) {
    const auto add = [&](const std::string& field, std::int64_t value) {
      found[fmt::format("{} {:016x} {} {}", device, boot,
                        stream_names[static_cast<std::size_t>(stream)], field)]
          .emplace(time.time_since_epoch().count(), value);
    };
    add("number", static_cast<std::int64_t>(sample.number));
    for (const auto& row : measurement::quantities) {
      if (row.kind == measurement::Kind::derived) continue;
      for (std::size_t i = 0; i < sample.count(row.id); ++i) {
        if (const auto steps = sample.steps(row.id, i)) add(field_of(row.id, i), *steps);
      }
    }
  }
  return found;
}

}  // namespace hub
