// InfluxDB 1.x and VictoriaMetrics, which take the same lines over HTTP.

#include <fmt/format.h>

#include <filesystem>
#include <fstream>
#include <memory>
#include <thread>

#include "bench/peers/process.h"
#include "bench/peers/system.h"
#include "bench/peers/wire.h"
#include "lenz/child.h"

namespace bench {
namespace {

using namespace std::chrono_literals;
using std::chrono::seconds;

constexpr auto patience = 120s;  // For what is written while it ends.

class HttpPeer : public System {
 public:
  HttpPeer(std::string program, std::string package)
      : program_(std::move(program)), package_(std::move(package)) {}

  std::optional<std::string> absent() const override {
    if (!lenz::find_program(program_).empty()) return std::nullopt;
    return fmt::format("there is no {}: apt-get install {}", program_, package_);
  }

  void begin(const std::string& folder) override {
    folder_ = folder;
    std::filesystem::create_directories(folder);
    port_ = free_port();
    start();
    prepare();
  }
  void write(std::span<const Row> rows) override {
    text_.clear();
    for (const auto& row : rows) append_line(text_, row);
    good(http_->ask("POST", write_path(), text_));
  }
  double cpu_s() const override { return cpu_s_of(process_->pid(), false); }
  Memory memory() const override { return memory_of(process_->pid(), false); }
  std::optional<double> restart(End how) override {
    http_.reset();
    if (how == End::in_order) {
      process_->stop(patience);
    } else {
      process_->kill();
    }
    return start();
  }
  void end() override {
    http_.reset();
    if (process_) process_->stop(patience);
    process_.reset();
  }

 protected:
  virtual std::vector<std::string> command() = 0;
  virtual std::string health_path() const = 0;
  virtual std::string write_path() const = 0;
  virtual void prepare() {}

  void rest() { wait_until_quiet(process_->pid(), false); }
  std::size_t get(const std::string& path) { return good(http_->ask("GET", path)).size(); }

  std::string folder_;
  int port_ = 0;
  std::unique_ptr<HttpConnection> http_;

 private:
  double start() {
    process_ = std::make_unique<lenz::Child>(
        command(), lenz::Child::Options{.quiet = true, .quiet_output = true});
    const double took = wait_until(name(), [this] { return answers(port_, health_path()); });
    http_ = std::make_unique<HttpConnection>(port_);
    return took;
  }

  const std::string program_, package_;
  std::unique_ptr<lenz::Child> process_;
  std::string text_;
};

class Influx final : public HttpPeer {
 public:
  Influx() : HttpPeer("influxd", "influxdb") {}
  std::string name() const override { return "influxdb"; }

  // It compacts what has not been written to for a while; all is done when nothing is in its log.
  void settle() override {
    const auto log = folder_ + "/wal";
    for (int calm = 0; calm < 4;) {
      const double before = bytes();
      std::this_thread::sleep_for(3s);
      calm = bytes() == before && bytes_in(log) < 32'768 ? calm + 1 : 0;
    }
    rest();
  }
  // Of its files the data and the log; its index of series is sparse, and small.
  double bytes() const override {
    return bytes_in(folder_ + "/data", ".tsm") + bytes_in(folder_ + "/wal");
  }

  std::vector<Question> questions(const Contents& contents) override {
    const auto one = contents.single_end(), begin = Contents::begin, end = contents.end();
    const auto month = std::min(one, begin + 30 * Contents::day);
    const auto week = std::min(end, begin + 7 * Contents::day);
    return {
        ask("last_all", fmt::format("SELECT last(P),last(Q),last(V),last(I) FROM pw WHERE h='0' "
                                    "AND time>={}s AND time<{}s GROUP BY c",
                                    end - 300, end)),
        ask("raw_24h", fmt::format("SELECT P FROM pw WHERE h='0' AND c='{}' AND time>={}s AND "
                                   "time<{}s",
                                   channel_of(2), end - Contents::day, end)),
        ask("mean_5m_30d", fmt::format("SELECT mean(P) FROM pw WHERE h='9' AND time>={}s AND "
                                       "time<{}s GROUP BY time(5m)",
                                       begin, month)),
        ask("kwh_1h_7d", fmt::format("SELECT sum(P)/3600000 FROM pw WHERE h='0' AND time>={}s AND "
                                     "time<{}s GROUP BY time(1h),c",
                                     begin, week)),
        ask("chart_2000px", fmt::format("SELECT mean(P),min(P),max(P) FROM pw WHERE h='9' AND "
                                        "time>={}s AND time<{}s GROUP BY time({}s)",
                                        begin, one, contents.chart_step())),
        ask("mean_1h_all", fmt::format("SELECT mean(P) FROM pw WHERE h='0' AND time>={}s AND "
                                       "time<{}s GROUP BY time(1h),c",
                                       begin, end)),
    };
  }

 protected:
  std::vector<std::string> command() override {
    const auto file = folder_ + "/influxdb.toml";
    std::ofstream(file) << fmt::format(
        "reporting-disabled = true\n"
        "bind-address = \"127.0.0.1:{}\"\n"
        "[meta]\n  dir = \"{}/meta\"\n"
        "[data]\n  dir = \"{}/data\"\n  wal-dir = \"{}/wal\"\n  index-version = \"inmem\"\n"
        "  query-log-enabled = false\n  cache-snapshot-write-cold-duration = \"10s\"\n"
        "  compact-full-write-cold-duration = \"10s\"\n"
        "[monitor]\n  store-enabled = false\n"
        "[http]\n  bind-address = \"127.0.0.1:{}\"\n  log-enabled = false\n"
        "[subscriber]\n  enabled = false\n",
        free_port(), folder_, folder_, folder_, port_);
    return {"influxd", "-config", file};
  }
  std::string health_path() const override { return "/ping"; }
  std::string write_path() const override { return "/write?db=home&precision=s"; }
  void prepare() override {
    good(http_->ask("POST", "/query?q=" + escaped("CREATE DATABASE home WITH DURATION INF")));
  }

 private:
  Question ask(std::string name, const std::string& query) {
    return {std::move(name),
            [this, path = "/query?db=home&epoch=s&q=" + escaped(query)] { return get(path); }};
  }
};

class VictoriaMetrics final : public HttpPeer {
 public:
  VictoriaMetrics() : HttpPeer("victoria-metrics", "victoria-metrics") {}
  std::string name() const override { return "victoriametrics"; }

  void settle() override {
    get("/internal/force_flush");
    get("/internal/force_merge");
    rest();
  }
  double bytes() const override {
    return bytes_in(folder_ + "/data") + bytes_in(folder_ + "/indexdb");
  }

  std::vector<Question> questions(const Contents& contents) override {
    const auto one = contents.single_end(), begin = Contents::begin, end = contents.end();
    const auto month = std::min(one, begin + 30 * Contents::day);
    const auto week = std::min(end, begin + 7 * Contents::day);
    const auto step = contents.chart_step();
    const auto range = [&](const std::string& query, std::uint32_t from, std::uint32_t to,
                           std::uint32_t by) {
      return fmt::format("/api/v1/query_range?nocache=1&query={}&start={}&end={}&step={}",
                         escaped(query), from, to, by);
    };
    std::vector<std::string> chart;
    for (const char* fold : {"avg", "min", "max"}) {
      chart.push_back(range(fmt::format("{}_over_time(pw_P{{h=\"9\"}}[{}s])", fold, step),
                            begin + step, one, step));
    }
    return {
        ask("last_all", {fmt::format("/api/v1/query?nocache=1&query={}&time={}",
                                     escaped("last_over_time({__name__=~\"pw_[PQVI]\",h=\"0\"}"
                                             "[5m])"),
                                     end - 1)}),
        ask("raw_24h", {fmt::format("/api/v1/export?match[]={}&start={}&end={}",
                                    escaped(fmt::format("pw_P{{h=\"0\",c=\"{}\"}}", channel_of(2))),
                                    end - Contents::day, end - 1)}),
        ask("mean_5m_30d", {range("avg_over_time(pw_P{h=\"9\"}[5m])", begin + 300, month, 300)}),
        ask("kwh_1h_7d",
            {range("sum_over_time(pw_P{h=\"0\"}[1h])/3600000", begin + 3600, week, 3600)}),
        ask("chart_2000px", std::move(chart)),
        ask("mean_1h_all", {range("avg_over_time(pw_P{h=\"0\"}[1h])", begin + 3600, end, 3600)}),
    };
  }

 protected:
  // Its limits of points and samples are raised, since a year is beyond them.
  std::vector<std::string> command() override {
    return {"victoria-metrics",
            "-storageDataPath=" + folder_,
            fmt::format("-httpListenAddr=127.0.0.1:{}", port_),
            "-retentionPeriod=100y",
            "-search.maxPointsPerTimeseries=100000",
            "-search.maxSamplesPerSeries=1000000000",
            "-search.maxSamplesPerQuery=10000000000",
            "-search.latencyOffset=0s",
            "-selfScrapeInterval=0"};
  }
  std::string health_path() const override { return "/health"; }
  std::string write_path() const override { return "/write?precision=s"; }

 private:
  Question ask(std::string name, std::vector<std::string> paths) {
    return {std::move(name), [this, paths = std::move(paths)] {
              std::size_t bytes = 0;
              for (const auto& path : paths) bytes += get(path);
              return bytes;
            }};
  }
};

}  // namespace

std::unique_ptr<System> influx() { return std::make_unique<Influx>(); }
std::unique_ptr<System> victoria_metrics() { return std::make_unique<VictoriaMetrics>(); }

}  // namespace bench
