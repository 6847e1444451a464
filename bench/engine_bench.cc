// Whether acknowledgements are later while an engine hangs: engine_bench FOLDER URL PID [SECONDS],
// with a VictoriaMetrics at the URL whose process is stopped and continued in turn.
//
// The hub's one thread, 40 acknowledgements a second: each is a sample that is appended and
// committed to the disk of FOLDER, and its time is from when it was due. Beside that the mirror
// writes, and once a second somebody looks at the power of six circuits in an old hour.

#include <fmt/format.h>
#include <signal.h>

#include <algorithm>
#include <boost/asio/io_context.hpp>
#include <filesystem>
#include <stdexcept>
#include <thread>
#include <vector>

#include "hub/engine/engine_store.h"
#include "hub/engine/http_engine_line.h"
#include "hub/engine/victoria_engine.h"
#include "hub/files/disk.h"
#include "hub/integrations/influx_mirror.h"
#include "hub/ledger.h"
#include "hub/net/http_client.h"
#include "hub/store/sqlite_store.h"

namespace {

using measurement::Quantity;
using measurement::Sample;
using measurement::Timestamp;
using namespace std::chrono_literals;
using std::chrono::steady_clock;

constexpr auto acknowledged_every = 25ms;
constexpr std::size_t chips = 2;
constexpr auto history_ago = 24h * 40;

Timestamp system_now() {
  return std::chrono::floor<std::chrono::milliseconds>(std::chrono::system_clock::now());
}

template <class Value>
Value checked(std::expected<Value, hub::StoreError> value) {
  if (!value) throw std::runtime_error(hub::sentence(value.error()));
  if constexpr (!std::is_void_v<Value>) return std::move(*value);
}

class Hub {
 public:
  Hub(const std::string& folder, const hub::VictoriaMetrics& victoria)
      : store_(disk_, folder),
        ledger_(disk_, folder + "/ledger.db", store_, home_),
        mirror_(home_, store_, ledger_, victoria, say),
        engine_(victoria, home_.id, line_),
        memory_(
            store_, engine_, line_, [] { return system_now() - 24h * 30; }, system_now, say),
        client_(context_),
        watch_(context_) {
    // An hour to look at, and what a mirror has to do for a while.
    const auto then = std::chrono::floor<std::chrono::hours>(system_now() - history_ago);
    std::vector<Sample> samples;
    for (std::size_t i = 0; i < 3'600; ++i) {
      samples.push_back(sample(i, std::chrono::milliseconds(1s) * i));
      if (samples.size() < 60) continue;
      append(1, then, samples);
      samples.clear();
    }
    checked(store_.commit());
  }

  // Until the mirror has written that hour.
  void fill() {
    const auto end = steady_clock::now() + 30s;
    while (checked(read()) == 0) {
      if (steady_clock::now() > end) throw std::runtime_error("The engine does not fill.");
      std::this_thread::sleep_for(100ms);
      work();
    }
  }

  // The times of all acknowledgements, in milliseconds, sorted.
  std::vector<double> run(std::chrono::seconds time) {
    std::vector<double> times;
    const auto begin = steady_clock::now();
    auto due = begin, look = begin;
    while (due < begin + time) {
      std::this_thread::sleep_until(due);
      acknowledge();
      times.push_back(std::chrono::duration<double, std::milli>(steady_clock::now() - due).count());
      due += acknowledged_every;
      if (steady_clock::now() < look) continue;
      look += 1s;
      work();
      looks_ += read() ? 1 : 0;
    }
    std::ranges::sort(times);
    return times;
  }

  std::size_t looks() { return std::exchange(looks_, 0); }

 private:
  static void say(const std::string& sentence) { fmt::print("  {}\n", sentence); }

  static Sample sample(std::uint64_t number, std::chrono::milliseconds uptime) {
    Sample made(chips);
    made.number = number;
    made.uptime = uptime;
    for (std::size_t c = 0; c < made.channels(); ++c) {
      const auto power = static_cast<std::int64_t>(1'000 + number * (c + 7) % 100);
      made.put_steps(Quantity::active_power, c, power);
      made.put_steps(Quantity::imported, c, static_cast<std::int64_t>(number) * 28);
    }
    return made;
  }

  void append(std::uint64_t boot, Timestamp since, std::span<const Sample> samples) {
    checked(store_.append({.device = "meter",
                           .boot = boot,
                           .period = boot == 1 ? 1s : acknowledged_every,
                           .chips = chips,
                           .booted_at = since},
                          samples));
  }

  void acknowledge() {
    const auto made = sample(number_, acknowledged_every * static_cast<std::int64_t>(number_));
    append(2, booted_at_, {&made, 1});
    ++number_;
    checked(store_.commit());
  }

  // Steps with a mean in all six circuits.
  std::expected<std::size_t, hub::StoreError> read() {
    const auto begin = std::chrono::floor<std::chrono::hours>(system_now() - history_ago);
    std::size_t known = 0;
    for (std::size_t c = 0; c < 6; ++c) {
      const auto points =
          memory_.read({"meter", Quantity::active_power, c}, {begin, begin + 1h}, 1min);
      if (!points) return std::unexpected(points.error());
      known += static_cast<std::size_t>(
          std::ranges::count_if(points->mean, [](float watts) { return watts == watts; }));
    }
    return known;
  }

  // The mirror, and the look whether the engine is back.
  void work() {
    if (!is_writing_) {
      if (auto batch = mirror_.next(system_now())) {
        is_writing_ = true;
        client_.send(request(*batch), hub::InfluxMirror::time_limit, [this](auto answer) {
          is_writing_ = false;
          mirror_.done(answer ? hub::EngineAnswer{answer->status, answer->body}
                              : hub::EngineAnswer{0, answer.error()},
                       system_now());
        });
      }
    }
    if (memory_.is_away() && !is_watching_) {
      is_watching_ = true;
      watch_.send(request(memory_.health()), 5s, [this](auto answer) {
        is_watching_ = false;
        if (answer && answer->status == 200) memory_.is_back();
      });
    }
    context_.restart();
    context_.poll();
  }

  static hub::HttpRequest request(const hub::EngineRequest& from) {
    return {.method = "POST", .url = from.url, .headers = from.headers, .body = from.body};
  }

  hub::Home home_{.id = "home", .zone = "Etc/UTC", .panels = {hub::Panel{}}};
  hub::Disk disk_;
  hub::SqliteStore store_;
  hub::Ledger ledger_;
  hub::InfluxMirror mirror_;
  hub::HttpEngineLine line_;
  hub::VictoriaEngine engine_;
  hub::EngineStore memory_;
  boost::asio::io_context context_;
  hub::HttpClient client_, watch_;
  bool is_writing_ = false, is_watching_ = false;
  const Timestamp booted_at_ = system_now();
  std::uint64_t number_ = 0;
  std::size_t looks_ = 0;
};

double percentile(const std::vector<double>& sorted, double share) {
  return sorted[static_cast<std::size_t>(share * static_cast<double>(sorted.size() - 1))];
}

void measure(const std::string& folder, const std::string& url, pid_t process,
             std::chrono::seconds time) {
  std::filesystem::create_directories(folder);
  Hub hub(folder, {.url = url});
  hub.fill();
  hub.run(5s);  // To warm up.
  std::vector<double> answering, hanging;
  for (int i = 0; i < 3; ++i) {
    for (auto* times : {&answering, &hanging}) {
      const bool hangs = times == &hanging;
      ::kill(process, hangs ? SIGSTOP : SIGCONT);
      if (!hangs) hub.run(7s);  // Until it is back.
      hub.looks();
      const auto found = hub.run(time);
      times->insert(times->end(), found.begin(), found.end());
      fmt::print("{}: median {:.3f} ms, p99 {:.3f} ms, longest {:.1f} ms, {} looks answered\n",
                 hangs ? "hangs  " : "answers", percentile(found, 0.5), percentile(found, 0.99),
                 found.back(), hub.looks());
    }
  }
  ::kill(process, SIGCONT);
  std::ranges::sort(answering);
  std::ranges::sort(hanging);
  fmt::print("p99 of {} acknowledgements while it hangs, by that of {} while it answers: {:.3f}\n",
             hanging.size(), answering.size(),
             percentile(hanging, 0.99) / percentile(answering, 0.99));
}

}  // namespace

int main(int argc, char** argv) {
  if (argc < 4) {
    fmt::print(stderr, "Usage: engine_bench FOLDER URL PID [SECONDS]\n");
    return 2;
  }
  try {
    measure(argv[1], argv[2], std::stoi(argv[3]),
            std::chrono::seconds(argc > 4 ? std::stoi(argv[4]) : 20));
  } catch (const std::exception& error) {
    fmt::print(stderr, "{}\n", error.what());
    return 1;
  }
}
