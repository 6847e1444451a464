#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <cmath>
#include <fstream>
#include <iostream>
#include <memory>
#include <nlohmann/json.hpp>
#include <random>
#include <vector>

#include "hub/config.h"
#include "hub/files/disk.h"
#include "hub/store/sqlite_store.h"
#include "lenz/broker.h"
#include "lenz/child.h"
#include "lenz/commands.h"
#include "lenz/secrets.h"
#include "lenz/stop.h"
#include "lenz/workplace.h"

namespace lenz {
namespace {

using hub::StoreError;
using hub::TimeRange;
using measurement::Quantity;
using measurement::Timestamp;
using nlohmann::json;

constexpr const char* device = "meter-1";
constexpr double relative_bound = 0.001;
constexpr double absolute_bound_wh = 1;
constexpr int kills_of_each = 3;

// What the hub needs to take a recording's meter in: a home without a panel, since a replay
// compares channels.
void write_home(const std::string& folder) {
  hub::Home home;
  home.id = "replay";
  home.name = "Replay";
  home.zone = "Etc/UTC";
  home.country = "ZZ";
  home.currency = "EUR";
  home.panels.emplace_back();
  hub::save_home(home, folder + "/home.toml");
}

// Bars are for people; a log gets a line each tenth.
class Progress {
 public:
  void show(double share) {
    constexpr int width = 40;
    const int percent = static_cast<int>(share * 100);
    if (percent == shown_) return;
    if (isatty(STDERR_FILENO)) {
      const int full = percent * width / 100;
      fmt::print(stderr, "\r[{:#>{}}{:.>{}}] {:3} %", "", full, "", width - full, percent);
      if (percent == 100) fmt::print(stderr, "\n");
    } else if (percent / 10 != shown_ / 10) {
      fmt::print(stderr, "{} %\n", percent);
    }
    shown_ = percent;
  }

 private:
  int shown_ = -1;
};

// When, as shares of the way, the broker and the hub are killed.
class Kills {
 public:
  explicit Kills(std::optional<std::uint64_t> seed) {
    if (!seed) return;
    std::mt19937_64 random(*seed);
    for (int i = 0; i < 2 * kills_of_each; ++i) {
      at_.push_back({static_cast<double>(random() >> 11) * 0x1p-53, i % 2 == 0});
    }
    std::ranges::sort(at_);
  }

  struct Kill {
    double share;
    bool of_broker;  // Else of the hub.
    auto operator<=>(const Kill&) const = default;
  };
  std::optional<Kill> due(double share) {
    if (next_ == at_.size() || at_[next_].share > share) return std::nullopt;
    return at_[next_++];
  }

 private:
  std::vector<Kill> at_;
  std::size_t next_ = 0;
};

class Replay {
 public:
  explicit Replay(const ReplayOptions& options)
      : options_(options),
        workplace_(""),
        passwords_{{hub_user, password_of(workplace_.secrets(), hub_user)},
                   {device, password_of(workplace_.secrets(), device)}},
        broker_("replay", passwords_),
        kills_(options.faults) {
    write_home(workplace_.folder());
    start_hub();
  }

  // What the meter says at its end, or nothing when it was stopped or failed.
  std::optional<json> run() {
    Child meter(meter_command(), {.keep_output = true});
    Progress progress;
    while (!stop_requested()) {
      const auto line = meter.read_line(200);
      if (!line) {
        if (!meter.is_running()) return std::nullopt;
        continue;
      }
      const auto said = json::parse(*line);
      if (said.contains("samples")) {
        progress.show(1);
        return said;
      }
      const double share = said.at("progress");
      progress.show(share);
      while (const auto kill = kills_.due(share)) strike(kill->of_broker);
    }
    return std::nullopt;
  }

  std::string end() {
    hub_->stop();
    return workplace_.folder();
  }

 private:
  std::string broker_address() const { return fmt::format("127.0.0.1:{}", broker_.port()); }

  void start_hub() {
    hub_ = std::make_unique<Child>(
        std::vector<std::string>{workplace_.program(), "hub", "--data", workplace_.folder(),
                                 "--broker", broker_address(), "--port", "0", "--meter", device},
        Child::Options{.keep_output = true});
    while (const auto line = hub_->read_line(10'000)) {
      if (line->starts_with("Lenz is at")) return;
    }
    throw std::runtime_error("The hub does not start: run `lenz hub` to see why.");
  }

  void strike(bool broker) {
    if (broker) {
      broker_.kill();
      broker_.start();
    } else {
      hub_->kill();
      start_hub();
    }
  }

  std::vector<std::string> meter_command() const {
    std::vector<std::string> words = {workplace_.program(),
                                      "meter",
                                      "--data",
                                      workplace_.folder(),
                                      "--broker",
                                      broker_address(),
                                      "--device",
                                      device,
                                      "--recording",
                                      options_.recording,
                                      "--begin",
                                      fmt::format("{}", options_.begin_s),
                                      "--speed",
                                      fmt::format("{}", options_.speed)};
    const auto add = [&](const char* name, const std::string& value) {
      words.insert(words.end(), {name, value});
    };
    if (options_.end_s) add("--end", fmt::format("{}", *options_.end_s));
    if (options_.faults) add("--faults", fmt::format("{}", *options_.faults));
    if (options_.address_flips > 0) {
      add("--address-flips", fmt::format("{}", options_.address_flips));
    }
    return words;
  }

  ReplayOptions options_;
  Workplace workplace_;
  std::map<std::string, std::string> passwords_;
  Broker broker_;
  Kills kills_;
  std::unique_ptr<Child> hub_;
};

template <class T>
T must(std::expected<T, StoreError> result) {
  if (!result) throw std::runtime_error(hub::sentence(result.error()));
  return std::move(*result);
}

std::int64_t gained(hub::Store& store, Quantity quantity, std::size_t channel, TimeRange all) {
  const auto points = must(store.read({device, quantity, channel}, all, std::chrono::hours(1)));
  double sum = 0;
  for (const double step : points.gained) sum += std::isnan(step) ? 0 : step;
  return std::llround(sum);
}

json compare(const json& said, hub::Store& store) {
  const TimeRange all{
      Timestamp(std::chrono::milliseconds(said.at("begin_ms"))),
      Timestamp(std::chrono::milliseconds(said.at("end_ms"))) + std::chrono::hours(1)};
  json figures = {
      {"recording", said.at("recording")}, {"channels", json::array()}, {"gaps", json::array()}};
  std::vector<std::string> names;
  for (const auto& channel : said.at("channels")) {
    const std::string name = channel.at("name");
    names.push_back(name);
    if (name.empty()) continue;
    const std::size_t index = names.size() - 1;
    const double recorded = channel.at("recorded_mwh").get<double>() / 1000;
    const double stored = static_cast<double>(gained(store, Quantity::imported, index, all) -
                                              gained(store, Quantity::exported, index, all)) /
                          1000;
    figures["channels"].push_back({{"name", name},
                                   {"recorded_wh", recorded},
                                   {"stored_wh", stored},
                                   {"relative_error", recorded == 0 ? 0 : stored / recorded - 1}});
  }
  const auto ms = [](Timestamp time) { return time.time_since_epoch().count(); };
  for (const auto& gap : must(store.gaps(device, all))) {
    for (std::size_t i = 0; i < names.size(); ++i) {
      if (names[i].empty() || (gap.channel && *gap.channel != i)) continue;
      figures["gaps"].push_back({{"channel", names[i]},
                                 {"begin", static_cast<double>(ms(gap.range.begin)) / 1000},
                                 {"end", static_cast<double>(ms(gap.range.end)) / 1000}});
    }
  }
  const auto tally = must(store.tally(device));
  std::uint64_t kept = 0;
  for (const auto& range : must(store.stored(device, 1'000'000))) kept += range.end - range.begin;
  const std::uint64_t taken = said.at("samples");
  figures["reports"] = {{"sent", said.at("reports_sent")},
                        {"stored", tally.reports},
                        {"duplicate", tally.duplicate},
                        {"lost", taken - std::min(taken, kept)}};
  figures["samples"] = {{"taken", taken}, {"stored", kept}};
  figures["bus"] = said.at("bus");
  return figures;
}

// Prints the table and returns whether every bound holds.
bool judge(const json& figures) {
  bool good = true;
  fmt::print("{:<32} {:>12} {:>12} {:>9}\n", "channel", "recorded Wh", "stored Wh", "error %");
  for (const auto& channel : figures.at("channels")) {
    const double recorded = channel.at("recorded_wh");
    const double stored = channel.at("stored_wh");
    const double difference = std::abs(stored - recorded);
    const bool within =
        difference <= absolute_bound_wh || difference <= relative_bound * std::abs(recorded);
    good = good && within;
    fmt::print("{:<32} {:>12.1f} {:>12.1f} {:>9.4f}{}\n", channel.at("name").get<std::string>(),
               recorded, stored, channel.at("relative_error").get<double>() * 100,
               within ? "" : "  beyond 0.1 % and 1 Wh");
  }
  const auto& reports = figures.at("reports");
  const auto& samples = figures.at("samples");
  fmt::print(
      "{} reports sent, {} stored, {} duplicate; {} samples taken, {} stored, {} lost; {} gaps\n",
      reports.at("sent").dump(), reports.at("stored").dump(), reports.at("duplicate").dump(),
      samples.at("taken").dump(), samples.at("stored").dump(), reports.at("lost").dump(),
      figures.at("gaps").size());
  return good && reports.at("lost") == 0 && samples.at("taken") == samples.at("stored");
}

}  // namespace

int replay(const ReplayOptions& options) {
  catch_stop_signals();
  Replay replay(options);
  const auto said = replay.run();
  const auto folder = replay.end();
  if (!said) {
    if (!stop_requested()) fmt::print(stderr, "The meter ended before the recording did.\n");
    return 1;
  }
  hub::Disk disk;
  hub::SqliteStore store(disk, folder);
  const auto figures = compare(*said, store);
  if (options.json == "-") {
    std::cout << figures.dump(2) << "\n";
  } else if (!options.json.empty()) {
    std::ofstream out(options.json);
    out << figures.dump(2) << "\n";
    if (!out.flush()) {
      throw std::runtime_error(fmt::format(
          "The figures cannot be written to {}: check the folder and its room.", options.json));
    }
  }
  return judge(figures) ? 0 : 1;
}

}  // namespace lenz
