#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <boost/asio/io_context.hpp>
#include <chrono>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <limits>
#include <nlohmann/json.hpp>
#include <optional>
#include <stdexcept>
#include <vector>

#include "hub/config.h"
#include "hub/files/disk.h"
#include "hub/net/http_client.h"
#include "hub/store/sqlite_store.h"
#include "lenz/broker.h"
#include "lenz/broker_address.h"
#include "lenz/child.h"
#include "lenz/commands.h"
#include "lenz/folder_lock.h"
#include "lenz/process_figures.h"
#include "lenz/secrets.h"
#include "lenz/simulated_homes.h"
#include "lenz/stop.h"
#include "lenz/workplace.h"

namespace lenz {
namespace {

namespace fs = std::filesystem;
using json = nlohmann::json;
using measurement::Timestamp;
using std::chrono::steady_clock;
using namespace std::chrono_literals;

constexpr const char* simulator_user = "simulator";
constexpr std::size_t points_a_report = bench::Workload::circuits * 4;  // P, Q, V, I of each.
constexpr double latest_acknowledgement_ms = 250;
constexpr double first_ceiling_load = 500, next_ceiling_load = 1.25;
constexpr auto warm_up = 3s;       // Of each step, not counted.
constexpr auto longest_end = 60s;  // For the last acknowledgements.
constexpr int start_wait_ms = 300'000;

Timestamp system_now() {
  return std::chrono::floor<std::chrono::milliseconds>(std::chrono::system_clock::now());
}

// Those that are not there yet.
void prepare(const Workplace& place, std::size_t homes) {
  if (fs::exists(place.home_file())) {
    throw std::runtime_error(fmt::format(
        "{} is the folder of a single home: name another with --data.", place.folder()));
  }
  for (std::size_t i = 0; i < homes; ++i) {
    const auto home = simulated_home(i);
    const Workplace own(place.homes_folder() + "/" + home.id);
    if (!fs::exists(own.home_file())) hub::save_home(home, own.home_file());
  }
}

// A hub of its own, with a broker at which one user may speak for all homes.
class OwnHub {
 public:
  OwnHub(const Workplace& place, std::chrono::milliseconds commit_every)
      : place_(place),
        password_(random_token()),
        broker_(std::vector<BrokerAccount>{
            {hub_user, password_of(place.secrets(), hub_user), "+", "+", true},
            {simulator_user, password_, "+", "+", false}}),
        hub_({Workplace::program(), "hub", "--data", place.folder(), "--broker",
              fmt::format("127.0.0.1:{}", broker_.port()), "--port", "0", "--meter",
              simulated_device, "--commit-every", fmt::format("{}ms", commit_every.count())},
             {.keep_output = true}) {
    const auto begin = steady_clock::now();
    const auto line = hub_.read_line(start_wait_ms);
    const auto at = line ? line->find("http://") : std::string::npos;
    if (at == std::string::npos) throw std::runtime_error("The hub does not start.");
    page_ = line->substr(at, line->find(' ', at) - at);
    start_s_ = std::chrono::duration<double>(steady_clock::now() - begin).count();
  }

  hub::BrokerAddress broker() const {
    return {.port = broker_.port(), .user = simulator_user, .password = password_};
  }
  double start_s() const { return start_s_; }
  ProcessFigures hub_figures() const { return figures_of(hub_.pid()); }
  ProcessFigures broker_figures() const { return figures_of(broker_.pid()); }
  void kill() { hub_.kill(); }

  hub::HttpRequest metrics() const {
    return {.method = "GET",
            .url = page_ + "metrics",
            .headers = {{"Authorization",
                         "Bearer " + read_secret(place_.secrets() + "/metrics.token")}},
            .body = {}};
  }

 private:
  const Workplace& place_;
  const std::string password_;
  Broker broker_;
  Child hub_;
  std::string page_;
  double start_s_ = 0;
};

double metric(const std::string& text, const std::string& name) {
  const auto at = text.find("\n" + name + " ");
  return at == std::string::npos ? 0 : std::atof(text.c_str() + at + name.size() + 2);
}

double quantile(std::vector<float>& values, double q) {
  if (values.empty()) return std::numeric_limits<double>::quiet_NaN();
  const auto at = static_cast<std::size_t>(q * static_cast<double>(values.size() - 1));
  std::ranges::nth_element(values, values.begin() + static_cast<std::ptrdiff_t>(at));
  return values[at];
}

// What one load came to.
struct Step {
  double reports_per_s = 0;      // Asked for; of samples.
  double points_per_s = 0;       // Acknowledged.
  double edge_sweeps_per_s = 0;  // The same, around switching edges.
  double p50_ms = 0, p99_ms = 0, max_ms = 0;
  double hub_cores = 0, broker_cores = 0, own_cores = 0;
  double hub_rss_mib = 0, broker_rss_mib = 0;
  std::uint64_t again = 0, left_out = 0;
  double refused = 0, overflowed = 0;  // By the hub, since its start.
  bool was_held = false;               // All in time, nothing refused.
};

class Simulation {
 public:
  explicit Simulation(const SimulateOptions& options) : options_(options) {
    if (options.broker.empty()) {
      place_.emplace(options.data);
      prepare(*place_, options.homes);
      own_.emplace(*place_, options.commit_every);
      say(fmt::format("The hub of {} homes was up after {:.1f} s.", options.homes,
                      own_->start_s()));
    }
    auto broker = own_ ? own_->broker() : parse_address(options.broker);
    if (!own_) {
      broker.user = options.user;
      broker.password = read_secret(options.password_file);
    }
    homes_.emplace(context_, broker, options.homes, system_now);
    if (!run(30s, [&] { return homes_->is_connected(); })) {
      throw std::runtime_error("The broker does not let the simulated meters in.");
    }
    // After a start the hub first tells every meter what it has.
    run(std::chrono::milliseconds(options.homes), [] { return false; });
  }

  int go() {
    say("reports/s  points/s  p50 ms  p99 ms  max ms   hub  broker  simulator (cores)  "
        "hub RSS MiB  broker RSS MiB  again  refused");
    json steps = json::array();
    Step held;
    if (options_.ceiling) {
      for (double load = first_ceiling_load; !stop_requested(); load *= next_ceiling_load) {
        const auto step = measure(load);
        steps.push_back(figures(step));
        if (!step.was_held) break;
        held = step;
      }
      say(fmt::format("The ceiling: {:.0f} points/s ({:.0f} reports/s).", held.points_per_s,
                      held.reports_per_s));
    } else {
      steps.push_back(figures(measure(options_.rate * static_cast<double>(options_.homes))));
    }
    homes_->load(0, 1);
    run(longest_end, [&] { return homes_->waiting() == 0; });
    const auto unanswered = homes_->waiting();
    const auto lost = own_ ? std::optional(count_lost()) : std::nullopt;
    say(fmt::format("Never acknowledged: {} reports. {}", unanswered,
                    lost ? fmt::format("After a SIGKILL of the hub, lost of what was acknowledged: "
                                       "{} of {} samples.",
                                       *lost, acknowledged_)
                         : std::string()));
    write(steps, held, unanswered, lost);
    return unanswered > 0 || lost.value_or(0) > 0 ? 1 : 0;
  }

 private:
  void say(const std::string& text) {
    auto* out = options_.json == "-" ? stderr : stdout;
    fmt::print(out, "{}\n", text);
    std::fflush(out);
  }

  template <class Condition>
  bool run(steady_clock::duration most, Condition is_so) {
    const auto until = steady_clock::now() + most;
    while (!is_so()) {
      if (steady_clock::now() > until || stop_requested()) return false;
      context_.run_one_for(5ms);
      context_.restart();
    }
    return true;
  }

  Step measure(double reports_per_s) {
    const auto never = [] { return false; };
    const auto active =
        std::clamp<std::size_t>(static_cast<std::size_t>(reports_per_s), 1, options_.homes);
    homes_->load(reports_per_s, active);
    run(warm_up, never);
    static_cast<void>(homes_->take_figures());
    const auto begin = steady_clock::now();
    const auto hub = own_ ? own_->hub_figures() : ProcessFigures{};
    const auto broker = own_ ? own_->broker_figures() : ProcessFigures{};
    const auto self = figures_of(::getpid());
    run(std::chrono::duration_cast<steady_clock::duration>(
            std::chrono::duration<double>(options_.for_s)),
        never);

    const double seconds = std::chrono::duration<double>(steady_clock::now() - begin).count();
    auto counted = homes_->take_figures();
    Step step{.reports_per_s = reports_per_s};
    step.points_per_s =
        static_cast<double>(counted.acknowledged_ms.size() * points_a_report) / seconds;
    step.edge_sweeps_per_s = static_cast<double>(counted.edge_sweeps) / seconds;
    step.p50_ms = quantile(counted.acknowledged_ms, .5);
    step.p99_ms = quantile(counted.acknowledged_ms, .99);
    step.max_ms = quantile(counted.acknowledged_ms, 1);
    step.again = counted.again;
    step.left_out = counted.left_out;
    step.own_cores = (figures_of(::getpid()).cpu_s - self.cpu_s) / seconds;
    if (own_) {
      const auto hub_now = own_->hub_figures(), broker_now = own_->broker_figures();
      step.hub_cores = (hub_now.cpu_s - hub.cpu_s) / seconds;
      step.broker_cores = (broker_now.cpu_s - broker.cpu_s) / seconds;
      step.hub_rss_mib = hub_now.rss_mib;
      step.broker_rss_mib = broker_now.rss_mib;
      ask_for_refusals(step);
    }
    step.was_held = step.p99_ms <= latest_acknowledgement_ms && step.again == 0 &&
                    step.refused + step.overflowed == 0 && step.left_out == 0;
    say(
        fmt::format("{:9.0f} {:9.0f} {:7.0f} {:7.0f} {:7.0f} {:5.2f} {:7.2f} {:10.2f} {:20.0f} "
                    "{:15.0f} {:6} {:8.0f}{}",
                    step.reports_per_s, step.points_per_s, step.p50_ms, step.p99_ms, step.max_ms,
                    step.hub_cores, step.broker_cores, step.own_cores, step.hub_rss_mib,
                    step.broker_rss_mib, step.again, step.refused + step.overflowed,
                    step.left_out > 0 ? "  (the simulator itself was too slow)" : ""));
    return step;
  }

  void ask_for_refusals(Step& step) {
    bool is_answered = false;
    hub::HttpClient client(context_);
    client.send(own_->metrics(), 10s, [&](std::expected<hub::HttpAnswer, std::string> answer) {
      is_answered = true;
      if (!answer) throw std::runtime_error("The hub's metrics: " + answer.error());
      step.refused = metric(answer->body, "lenz_hub_reports_refused_total");
      step.overflowed = metric(answer->body, "lenz_hub_reports_overflowed_total");
    });
    run(15s, [&] { return is_answered; });
  }

  // Of all that was acknowledged, what the stores do not have once the hub was ended at once.
  std::uint64_t count_lost() {
    own_->kill();
    const FolderLock lock(place_->folder());
    if (!lock.is_ours()) {
      throw std::runtime_error(fmt::format(
          "Another hub works in {}: what is stored cannot be counted.", place_->folder()));
    }
    std::uint64_t lost = 0;
    hub::Disk disk;
    for (std::size_t i = 0; i < options_.homes; ++i) {
      const auto made = homes_->made(i, measurement::Stream::samples);
      if (made == 0) continue;
      hub::SqliteStore store(disk, place_->homes_folder() + "/" + simulated_home(i).id);
      const auto swept = homes_->made(i, measurement::Stream::edges);
      const auto stored = store.stored(simulated_device, made + swept + 2);
      if (!stored) throw std::runtime_error(hub::sentence(stored.error()));
      for (const auto stream : {measurement::Stream::samples, measurement::Stream::edges}) {
        for (std::uint64_t number = 0; number < homes_->made(i, stream); ++number) {
          if (!homes_->is_acknowledged(i, stream, number)) continue;
          ++acknowledged_;
          lost += std::ranges::none_of(*stored, [&](const measurement::StoredRange& range) {
            return range.boot == homes_->boot(i) && range.stream == stream &&
                   range.begin <= number && number < range.end;
          });
        }
      }
    }
    return lost;
  }

  static json figures(const Step& step) {
    return {{"reports_per_s", step.reports_per_s},
            {"points_per_s", step.points_per_s},
            {"edge_sweeps_per_s", step.edge_sweeps_per_s},
            {"ack_p50_ms", step.p50_ms},
            {"ack_p99_ms", step.p99_ms},
            {"ack_max_ms", step.max_ms},
            {"hub_cores", step.hub_cores},
            {"broker_cores", step.broker_cores},
            {"simulator_cores", step.own_cores},
            {"hub_rss_mib", step.hub_rss_mib},
            {"broker_rss_mib", step.broker_rss_mib},
            {"sent_again", step.again},
            {"left_out", step.left_out},
            {"refused", step.refused},
            {"overflowed", step.overflowed}};
  }

  void write(const json& steps, const Step& held, std::size_t unanswered,
             std::optional<std::uint64_t> lost) {
    if (options_.json.empty()) return;
    const json all = {
        {"homes", options_.homes},
        {"steps", steps},
        {"ceiling_points_per_s", options_.ceiling ? json(held.points_per_s) : json(nullptr)},
        {"never_acknowledged", unanswered},
        {"lost", lost ? json(*lost) : json(nullptr)}};
    if (options_.json == "-") {
      fmt::print("{}\n", all.dump(2));
    } else {
      std::ofstream(options_.json) << all.dump(2) << "\n";
    }
  }

  const SimulateOptions& options_;
  std::optional<Workplace> place_;
  std::optional<OwnHub> own_;
  boost::asio::io_context context_;
  std::optional<SimulatedHomes> homes_;
  std::uint64_t acknowledged_ = 0;
};

}  // namespace

int simulate(const SimulateOptions& options) {
  catch_stop_signals();
  return Simulation(options).go();
}

}  // namespace lenz
