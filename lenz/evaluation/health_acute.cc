#include "lenz/evaluation/health_acute.h"

#include <fmt/format.h>
#include <fmt/ostream.h>

#include <algorithm>
#include <cmath>
#include <map>
#include <numeric>
#include <optional>

#include "insight/health/acute_watch.h"
#include "lenz/evaluation/metrics.h"
#include "simulator/chance.h"
#include "simulator/household.h"

namespace lenz::evaluation {
namespace {

using insight::AcuteWatch;
using insight::ApplianceKind;
using insight::Change;
using measurement::Timestamp;
using simulator::Chance;
using namespace std::chrono_literals;

constexpr double day_s = 86400;
constexpr std::size_t least_days = 5, week = 7;
constexpr int learning_days = 28, trial_days = 6;
constexpr double drawn_every_s = 10;
constexpr double in_time_s = 600;
constexpr double seam_s = 3600;  // Not seen, between what was learnt and what is tried.

// A value stands until the next.
struct Point {
  double s = 0;  // Since the begin of its day or history.
  float w = 0;
  float rain_mm_per_h = std::numeric_limits<float>::quiet_NaN();
};
using Points = std::vector<Point>;

struct Asset {
  ApplianceKind kind{};
  std::string name, scene;
  bool is_sump = false;
  double interval_s = 1;
  std::vector<Points> days;  // In their order.
};

// What is usual of an asset, as one who knows all of its healthy days sees it.
struct Usual {
  float off_w = 0, on_w = 0;  // What it draws when it is off, and when it runs.
  double longest_run_s = 0, long_run_s = 0, longest_pause_s = 0;  // long_run_s: p99.
  double most_rain_mm = 0;                                        // Between two runs.

  bool is_on(float w) const { return w > off_w + 0.6F * (on_w - off_w); }
};

float share_of(std::vector<float>& values, double share) {
  const auto at = static_cast<std::ptrdiff_t>(share * static_cast<double>(values.size() - 1));
  std::ranges::nth_element(values, values.begin() + at);
  return values[static_cast<std::size_t>(at)];
}

// A pause so short is part of a run: a thermostat's.
double bridged_s(ApplianceKind kind) {
  using enum ApplianceKind;
  return kind == oven || kind == cooktop || kind == iron ? 600 : 0;
}

Usual usual_of(const std::vector<Points>& days, ApplianceKind kind) {
  std::vector<float> all, on, off;
  for (const auto& day : days) {
    for (const auto& point : day) all.push_back(point.w);
  }
  if (all.empty()) return {};
  // Of machines that seldom run, too.
  const float least = std::max(15.F, 0.3F * share_of(all, 0.995));

  for (const auto& day : days) {
    for (const auto& point : day) (point.w > least ? on : off).push_back(point.w);
  }
  Usual usual;
  if (on.empty() || off.empty()) return usual;
  usual.on_w = share_of(on, 0.5);
  usual.off_w = share_of(off, 0.5);
  std::vector<double> runs;
  for (const auto& day : days) {
    double since = day.front().s, rain = 0;
    double begun_s = 0, ended_s = -day_s;  // Of the latest run.
    bool was_on = usual.is_on(day.front().w), is_whole = false;
    for (std::size_t i = 1; i < day.size(); ++i) {
      if (!std::isnan(day[i - 1].rain_mm_per_h)) {
        rain += static_cast<double>(day[i - 1].rain_mm_per_h) * (day[i].s - day[i - 1].s) / 3600;
      }
      const bool gap = day[i].s - day[i - 1].s > 300;
      if (usual.is_on(day[i].w) == was_on && !gap) continue;
      const double length = day[i].s - since;
      if (is_whole && !gap && was_on) {
        const bool goes_on = since - ended_s < bridged_s(kind);
        if (!goes_on) {
          begun_s = since;
          runs.emplace_back();
        }
        runs.back() = day[i].s - begun_s;
        ended_s = day[i].s;
      }
      if (!gap && !was_on) usual.longest_pause_s = std::max(usual.longest_pause_s, length);
      if (!gap && !was_on) usual.most_rain_mm = std::max(usual.most_rain_mm, rain);
      rain = 0;
      since = day[i].s;
      was_on = usual.is_on(day[i].w);
      is_whole = !gap;
    }
  }
  std::ranges::sort(runs);
  if (runs.empty()) return usual;
  usual.longest_run_s = runs.back();
  usual.long_run_s = runs[static_cast<std::size_t>(0.99 * static_cast<double>(runs.size() - 1))];
  return usual;
}

std::vector<Asset> measured_traces(const DataSet& data) {
  std::map<std::string, Asset> devices;
  for (const auto& trace : data.traces()) {
    if (!insight::is_watched_acutely(trace.appliance)) continue;
    auto& asset = devices[trace.device];
    asset.kind = trace.appliance;
    asset.name = trace.device;
    asset.scene = "measured";
    const auto samples = data.samples(trace);
    auto& day = asset.days.emplace_back();
    for (std::size_t i = 0; i < samples.times.size(); ++i) {
      day.push_back({static_cast<double>((samples.times[i] - samples.times[0]).count()) / 1000,
                     samples.active_power_w[i]});
    }
  }
  std::vector<Asset> assets;
  for (auto& [name, asset] : devices) assets.push_back(std::move(asset));
  return assets;
}

std::vector<Asset> measured_channels(const DataSet& data) {
  std::vector<Asset> assets;
  for (const auto& name : data.houses()) {
    const auto house = data.house(name);
    for (const auto& channel : house.channels) {
      if (!channel.appliance || !insight::is_watched_acutely(*channel.appliance)) continue;
      if (channel.active_power_w.empty()) continue;
      Asset asset{.kind = *channel.appliance,
                  .name = name + " " + channel.name,
                  .scene = "measured",
                  .interval_s = house.interval_s};
      double begin = 0;
      for (std::size_t i = 0; i < house.times.size(); ++i) {
        if (std::isnan(channel.active_power_w[i])) continue;
        const double s = static_cast<double>(house.times[i].time_since_epoch().count()) / 1000;
        if (asset.days.empty() || s >= begin + day_s) {
          begin = asset.days.empty() ? s : begin + day_s * std::floor((s - begin) / day_s);
          asset.days.emplace_back();
        }
        asset.days.back().push_back({s - begin, channel.active_power_w[i]});
      }
      assets.push_back(std::move(asset));
    }
  }
  return assets;
}

// Every machine of a simulated house, read each 10 seconds.
std::vector<Asset> simulated_assets(simulator::House house, std::uint64_t seed) {
  constexpr auto begin = std::chrono::sys_days(std::chrono::January / 6 / 2025);
  constexpr int days = 56;
  simulator::Household home({.house = house, .seed = seed, .begin = begin, .step = 10s});
  std::vector<simulator::ChipInput> chips(home.chips());
  std::map<std::string_view, Asset> assets;
  for (Timestamp at = begin; at < begin + 24h * days; at += 10s) {
    home.advance(at, chips);
    const auto day = static_cast<std::size_t>((at - begin) / 24h);
    for (const auto& one : home.truth(at)) {
      const auto kind = insight::appliance_kind(one.word);
      if (!kind || !insight::is_watched_acutely(*kind)) continue;
      auto& asset = assets[one.name];
      asset.kind = *kind;
      asset.days.resize(day + 1);
      asset.days[day].push_back(
          {static_cast<double>((at - begin - 24h * day).count()) / 1000, one.active_power.value});
    }
  }
  std::vector<Asset> all;
  for (auto& [name, asset] : assets) {
    asset.name = fmt::format("{} of house {}", name, seed);
    asset.scene = "simulated";
    asset.interval_s = 10;
    all.push_back(std::move(asset));
  }
  return all;
}

// A pit that fills with the rain of the last hours, and a little all the time; 3.2 l/s run it dry.
Asset sump_pump(std::uint64_t seed) {
  Asset asset{.kind = ApplianceKind::pump,
              .name = fmt::format("sump pump {}", seed),
              .scene = "simulated",
              .is_sump = true,
              .interval_s = 10};
  Chance chance(simulator::mix(seed, "sump"));
  double soil_mm = 0, pit_l = 20, rain = 0, storm_left_s = 0;
  double runs_left_s = 0;
  for (int day = 0; day < 120; ++day) {
    auto& points = asset.days.emplace_back();
    for (double s = 0; s < day_s; s += 10) {
      if (storm_left_s <= 0 && chance.happens(10. / (2.5 * day_s))) {
        storm_left_s = chance.between(1, 10) * 3600;
        rain = chance.between(0.5, 6);
      }
      storm_left_s -= 10;
      if (storm_left_s <= 0) rain = 0;
      soil_mm += rain * 10 / 3600;
      const double seeps_mm = soil_mm * 10 / (3 * 3600);
      soil_mm -= seeps_mm;
      pit_l += 20 * seeps_mm + 0.0002 * 10;
      if (pit_l > 40) runs_left_s = 20;
      if (runs_left_s > 0) pit_l = std::max(0., pit_l - 2 * 10);
      points.push_back({s, runs_left_s > 0 ? static_cast<float>(chance.normal(520, 8)) : 0.F,
                        static_cast<float>(rain)});
      runs_left_s -= 10;
    }
  }
  return asset;
}

// Those that constants of the watch were chosen on.
bool is_chosen_on(const Asset& asset) {
  constexpr std::array names{"eco-house-1-fridge", "tracebase-refrigerator-d32131",
                             "redd-house-4 furnace"};
  return std::ranges::find(names, asset.name) != names.end();
}

std::vector<Asset> assets_of(const DataSet& data, const AcutePlan& plan) {
  auto assets = measured_traces(data);
  std::ranges::move(measured_channels(data), std::back_inserter(assets));
  std::erase_if(assets, [](const Asset& asset) { return asset.days.size() < least_days; });
  for (int i = 0; i < plan.houses; ++i) {
    const auto seed = plan.seed + static_cast<std::uint64_t>(i);
    std::ranges::move(simulated_assets(simulator::House::us, seed), std::back_inserter(assets));
    assets.push_back(sump_pump(seed));
  }
  return assets;
}

// Of the asset, in blocks of up to a week as they followed each other.
std::vector<std::size_t> draw_days(const Asset& asset, int days, Chance& chance) {
  std::vector<std::size_t> drawn;
  std::size_t day = 0, left = 0;
  for (int i = 0; i < days; ++i, ++day) {
    if (left == 0 || day >= asset.days.size()) {
      day = static_cast<std::size_t>(chance.uniform() * static_cast<double>(asset.days.size()));
      left = week;
    }
    --left;
    drawn.push_back(day);
  }
  return drawn;
}

// One of the asset's days as the history's n-th.
Points day_of(const Asset& asset, std::size_t day, std::size_t n) {
  Points points;
  for (auto point : asset.days[day]) {
    if (point.s >= day_s) break;
    point.s += static_cast<double>(n) * day_s;
    points.push_back(point);
  }
  return points;
}

Points history_of(const Asset& asset, const std::vector<std::size_t>& days, std::size_t first) {
  Points history;
  for (std::size_t i = 0; i < days.size(); ++i) {
    const auto day = day_of(asset, days[i], first + i);
    history.insert(history.end(), day.begin(), day.end());
  }
  return history;
}

// The mean of each interval, or what stood at its begin where it is shorter than half a minute.
// Nothing is made of a gap. At a second, as it was recorded: that is when it changed.
Points read_every(const Points& points, double interval_s) {
  if (interval_s <= 1) return points;
  Points read;
  std::size_t i = 0;
  if (points.empty()) return read;
  for (double s = points.front().s; s + interval_s <= points.back().s; s += interval_s) {
    while (i + 1 < points.size() && points[i + 1].s <= s) ++i;
    if (i + 1 < points.size() && points[i + 1].s - points[i].s > 300 && points[i].s < s) continue;
    auto point = points[i];
    point.s = s;
    if (interval_s >= 30) {
      double ws = 0, from = s;
      for (auto k = i; k < points.size() && points[k].s < s + interval_s; ++k) {
        const double until =
            k + 1 < points.size() ? std::min(points[k + 1].s, s + interval_s) : s + interval_s;
        ws += static_cast<double>(points[k].w) * (until - from);
        from = until;
      }
      point.w = static_cast<float>(ws / interval_s);
    }
    read.push_back(point);
  }
  return read;
}

Timestamp time_at(double s) {
  return Timestamp(std::chrono::milliseconds(std::llround(s * 1000) + 1'000'000'000'000));
}

// Feeds a watch and tells of what is found anew, until the ear says that it has heard enough.
template <class Ear>
void listen(AcuteWatch& watch, const Points& points, const Ear& ear) {
  std::array<bool, insight::changes.size()> stood{};
  for (const auto& finding : watch.findings()) {
    stood[static_cast<std::size_t>(finding.change)] = true;
  }
  double fallen_mm = 0;
  const Point* before = nullptr;
  for (const auto& point : points) {
    if (before != nullptr) {
      fallen_mm +=
          static_cast<double>(before->rain_mm_per_h) * (point.s - before->s) / 3600;  // Or NaN.
    }
    before = &point;
    watch.set_rain(fallen_mm);
    watch.take({.time = time_at(point.s), .active_power = {point.w}});
    std::array<bool, insight::changes.size()> stands{};
    for (const auto& finding : watch.findings()) {
      const auto change = static_cast<std::size_t>(finding.change);
      stands[change] = true;
      if (!stood[change] && !ear(finding, point.s)) return;
    }
    stood = stands;
  }
}

struct AcuteFault {
  std::string_view word;  // A cause's.
  Change change{};
  double severity = 0;  // Of starts, times its power; of a dry pump, its power less this share.
};

std::vector<AcuteFault> faults_of(const Asset& asset) {
  using enum ApplianceKind;
  switch (asset.kind) {
    case fridge:
    case freezer:
    case fridge_freezer:
      return {{"start_relay", Change::does_not_start, 3},
              {"start_relay", Change::does_not_start, 5},
              {"no_power", Change::silent, 1},
              {"thermostat_stuck", Change::never_stops, 1}};
    case pump:
      if (asset.is_sump) {
        return {{"float_stuck", Change::silent, 1}, {"float_stuck", Change::never_stops, 1}};
      }
      return {{"dry_run", Change::runs_dry, 0.3},
              {"dry_run", Change::runs_dry, 0.45},
              {"dry_run", Change::runs_dry, 0.6},
              {"leak", Change::never_stops, 1}};
    case oven:
    case cooktop:
    case iron:
    case water_heater:
      return {{"thermostat_stuck", Change::never_stops, 1}};
    default:
      return {{"run_capacitor", Change::does_not_start, 3},
              {"run_capacitor", Change::does_not_start, 5}};
  }
}

// How long a run may be, as docs/health.md says it.
double longest_healthy_run_s(ApplianceKind kind, const Usual& usual) {
  using enum ApplianceKind;
  const double longest = std::max(usual.long_run_s, usual.longest_run_s);
  switch (kind) {
    case fridge:
    case freezer:
    case fridge_freezer:
      return std::max(12 * 3600., 3 * longest);
    case pump:
      return std::max(600., 10 * longest);
    case iron:
      return std::max(3600., 3 * longest);
    case water_heater:
      return std::max(2 * 3600., 3 * longest);
    default:
      return std::max(3 * 3600., 3 * longest);
  }
}

struct Injected {
  Points points;
  double begins_s = 0;  // Nothing is wrong before.
  double leaves_s = 0;  // Its healthy range.
};

std::optional<double> next_start(const Points& points, const Usual& usual, double after_s) {
  for (std::size_t i = 1; i < points.size(); ++i) {
    if (points[i].s < after_s || points[i].s - points[i - 1].s > 300) continue;
    if (usual.is_on(points[i].w) && !usual.is_on(points[i - 1].w)) return points[i].s;
  }
  return {};
}

// From then on, and each second at most, f says what it draws.
template <class Power>
void redraw(Points& points, double begin_s, double interval_s, const Power& f) {
  const auto first = std::ranges::lower_bound(points, begin_s, {}, &Point::s);
  const double end_s = points.back().s;
  const Points tail(first, points.end());
  points.erase(first, points.end());
  std::size_t i = 0;
  for (double s = begin_s; s < end_s; s += interval_s) {
    while (i + 1 < tail.size() && tail[i + 1].s <= s) ++i;
    points.push_back({s, f(s - begin_s), tail[i].rain_mm_per_h});
  }
}

void refuse_to_start(Injected& fault, const Asset& asset, const Usual& usual, double severity,
                     Chance& chance) {
  const double pulse_s = chance.between(4, 12), rest_s = chance.between(45, 160);
  const auto w = static_cast<float>(severity) * (usual.on_w - usual.off_w) + usual.off_w;
  // Meters that read every few seconds show what is between as it falls.
  redraw(fault.points, fault.begins_s, std::min(asset.interval_s, 1.),
         [&](double s) { return std::fmod(s, pulse_s + rest_s) < pulse_s ? w : usual.off_w; });
  fault.leaves_s = fault.begins_s + 3 * (pulse_s + rest_s) + pulse_s;
}

double rain_leaves_s(const Points& points, double since_s, double mm) {
  double fallen = 0;
  for (std::size_t i = 1; i < points.size(); ++i) {
    if (points[i].s <= since_s) continue;
    fallen +=
        static_cast<double>(points[i - 1].rain_mm_per_h) * (points[i].s - points[i - 1].s) / 3600;
    if (fallen >= mm) return points[i].s;
  }
  return std::numeric_limits<double>::infinity();
}

std::optional<Injected> inject(const Asset& asset, const Usual& usual, const AcuteFault& what,
                               Points points, double after_s, Chance& chance) {
  Injected fault{.points = std::move(points), .begins_s = after_s, .leaves_s = after_s};
  const double step_s = std::max(asset.interval_s, 5.);
  const auto draws = [&](float w) {
    redraw(fault.points, fault.begins_s, step_s,
           [&](double) { return w * static_cast<float>(chance.normal(1, 0.01)); });
  };
  if (what.change == Change::silent) {
    // The pause may have begun before; nobody knows it of one that was not seen.
    double since_s = 0, seen_s = 0, pause_s = usual.longest_pause_s;
    for (const auto& point : fault.points) {
      if (point.s >= after_s) break;
      if (usual.is_on(point.w)) pause_s = std::max(pause_s, seen_s - since_s);
      if (usual.is_on(point.w) || point.s - seen_s > 300) since_s = point.s;
      seen_s = point.s;
    }
    if (after_s - seen_s > 300) since_s = after_s;
    draws(usual.off_w);
    fault.leaves_s =
        asset.is_sump ? rain_leaves_s(fault.points, since_s, std::max(10., 3 * usual.most_rain_mm))
                      : std::max(after_s, since_s + 3 * pause_s);
    return fault;
  }
  const auto start = next_start(fault.points, usual, after_s);
  if (!start) return {};
  fault.begins_s = *start;
  if (what.change == Change::does_not_start) {
    refuse_to_start(fault, asset, usual, what.severity, chance);
  } else if (what.change == Change::runs_dry) {
    draws(usual.off_w + (1 - static_cast<float>(what.severity)) * (usual.on_w - usual.off_w));
    fault.leaves_s = fault.begins_s;
  } else {
    draws(usual.on_w);
    fault.leaves_s = fault.begins_s + longest_healthy_run_s(asset.kind, usual);
  }
  return fault;
}

struct Tally {
  int assets = 0, trials = 0, found = 0;
  std::vector<double> delays_s;
};

struct Healthy {
  double days = 0;
  int alarms = 0, assets = 0;
};

void try_faults(const Asset& asset, double interval_s, const AcutePlan& plan,
                const std::function<Tally&(const AcuteFault&)>& tally_of,
                const std::function<void(const std::string&)>& progress) {
  Chance chance(simulator::mix(plan.seed, asset.name));
  AcuteWatch taught(asset.kind);
  const auto learnt = history_of(asset, draw_days(asset, learning_days, chance), 0);
  const auto usual = usual_of({learnt}, asset.kind);
  listen(taught, read_every(learnt, interval_s), [](const auto&, double) { return true; });
  if (taught.is_learning()) return;
  for (const auto& what : faults_of(asset)) {
    auto& tally = tally_of(what);
    ++tally.assets;
    const int tried = tally.trials, found = tally.found;
    for (int i = 0; i < plan.trials; ++i) {
      auto points = history_of(asset, draw_days(asset, trial_days, chance), learning_days);
      for (auto& point : points) point.s += seam_s;
      const double after_s = (learning_days + chance.between(0.15, 1.15)) * day_s;
      const auto fault = inject(asset, usual, what, std::move(points), after_s, chance);
      if (!fault || fault->leaves_s > fault->points.back().s - in_time_s) continue;
      ++tally.trials;
      auto seen = fault->points;
      std::erase_if(seen, [&](const Point& p) { return p.s > fault->leaves_s + in_time_s + 60; });
      auto watch = taught;
      listen(watch, read_every(seen, interval_s), [&](const insight::Finding& finding, double s) {
        if (s > fault->leaves_s + in_time_s) return false;
        if (s < fault->begins_s || finding.change != what.change) return true;
        ++tally.found;
        tally.delays_s.push_back(std::max(0., s - fault->leaves_s));
        return false;
      });
    }
    if (tally.found - found < tally.trials - tried) {
      progress(fmt::format("{}, each {:.0f} s: {} at {:.2f} was found {} times of {}", asset.name,
                           interval_s, what.word, what.severity, tally.found - found,
                           tally.trials - tried));
    }
  }
}

std::string describe(const Asset& asset, const insight::Finding& finding, double s) {
  const auto& evidence = finding.evidence.front();
  return fmt::format("{}: {} on day {:.1f}, {} {:.0f} then, {:.0f} now", asset.name,
                     row(finding.change).word, s / day_s, row(evidence.feature).word,
                     evidence.before, evidence.now);
}

void watch_healthy(const Asset& asset, const std::vector<std::size_t>& days, double interval_s,
                   Healthy& healthy, const std::function<void(const std::string&)>& progress) {
  AcuteWatch watch(asset.kind);
  double learnt_days = 0;
  for (std::size_t i = 0; i < days.size(); ++i) {
    if (watch.is_learning()) ++learnt_days;
    listen(watch, read_every(day_of(asset, days[i], i), interval_s),
           [&](const insight::Finding& finding, double s) {
             ++healthy.alarms;
             progress(describe(asset, finding, s));
             return true;
           });
  }
  if (watch.is_learning()) return;
  ++healthy.assets;
  healthy.days += static_cast<double>(days.size()) - learnt_days;
}

HealthRow row_of(const Tally& tally, const std::string& equipment, const std::string& scene,
                 const std::string& machines) {
  HealthRow row;
  row.equipment = equipment;
  row.scene = scene;
  row.machines = machines;
  row.machine_count = tally.assets;
  row.histories = tally.trials;
  if (tally.trials > 0) row.detection_rate = static_cast<double>(tally.found) / tally.trials;
  row.delay_median_days = quantile(tally.delays_s, 0.5) / day_s;
  row.delay_p90_days = quantile(tally.delays_s, 0.9) / day_s;
  return row;
}

HealthRow row_of(const Healthy& healthy, const std::string& equipment, const std::string& scene,
                 const std::string& machines) {
  HealthRow row;
  row.equipment = equipment;
  row.scene = scene;
  row.machines = machines;
  row.machine_count = healthy.assets;
  count_false(row, healthy.days, healthy.alarms);
  return row;
}

}  // namespace

std::vector<HealthRow> evaluate_acute(const DataSet& data, const AcutePlan& plan,
                                      const std::function<void(const std::string&)>& progress) {
  struct Key {
    std::string scene, equipment, machines;
    auto operator<=>(const Key&) const = default;
  };
  struct FaultKey {
    Key key;
    std::string_view cause;
    Change change{};
    double severity = 0;
    auto operator<=>(const FaultKey&) const = default;
  };
  const auto assets = assets_of(data, plan);
  const auto key_of = [](const Asset& asset, std::string scene) {
    return Key{std::move(scene), std::string(row(asset.kind).word),
               is_chosen_on(asset) ? "chosen_on" : "others"};
  };
  std::vector<HealthRow> rows;
  std::map<Key, Healthy> healthy;
  for (const auto& asset : assets) {
    Chance chance(simulator::mix(plan.seed, asset.name + " healthy"));
    watch_healthy(asset, draw_days(asset, plan.healthy_days, chance), drawn_every_s,
                  healthy[key_of(asset, "acute, " + asset.scene)], progress);
    if (asset.scene != "measured") continue;
    std::vector<std::size_t> in_order(asset.days.size());
    std::iota(in_order.begin(), in_order.end(), 0);
    watch_healthy(asset, in_order, 1, healthy[key_of(asset, "acute, unaltered")], progress);
  }
  for (const double interval_s : {1., 10., 60.}) {
    std::map<FaultKey, Tally> tallies;
    for (const auto& asset : assets) {
      if (asset.interval_s > std::max(interval_s, 10.)) continue;
      const auto key = key_of(asset, "acute, " + asset.scene);
      const auto tally_of = [&](const AcuteFault& what) -> Tally& {
        return tallies[{key, what.word, what.change, what.severity}];
      };
      try_faults(asset, interval_s, plan, tally_of, progress);
    }
    for (const auto& [key, tally] : tallies) {
      auto row = row_of(tally, key.key.equipment,
                        fmt::format("{}, {:.0f} s", key.key.scene, interval_s), key.key.machines);
      row.fault = fmt::format("{} {}", key.cause, insight::row(key.change).word);
      row.severity = key.severity;
      const auto& false_ones = healthy[key.key];
      row.false_per_asset_year = false_ones.alarms / false_ones.days * 365;
      rows.push_back(std::move(row));
    }
  }
  for (const auto& [key, one] : healthy) {
    if (one.assets > 0) rows.push_back(row_of(one, key.equipment, key.scene, key.machines));
  }
  return rows;
}

void print_acute(std::span<const HealthRow> rows, std::ostream& out) {
  fmt::print(out, "{:<16} {:<30} {:<24} {:<10} {:>8} {:>3} {:>5} {:>6} {:>6} {:>6}\n", "equipment",
             "fault", "scene", "machines", "severity", "n", "tries", "found", "min", "p90");
  for (const auto& row : rows) {
    if (row.fault.empty()) continue;
    fmt::print(out, "{:<16} {:<30} {:<24} {:<10} {:>8.2f} {:>3} {:>5} {:>6.3f} {:>6.1f} {:>6.1f}\n",
               row.equipment, row.fault, row.scene, row.machines, row.severity, row.machine_count,
               row.histories, row.detection_rate, row.delay_median_days * 1440,
               row.delay_p90_days * 1440);
  }
  fmt::print(out, "\n{:<16} {:<18} {:<10} {:>3} {:>10} {:>7} {:>9} {:>11}\n", "equipment",
             "healthy", "machines", "n", "asset-days", "alarms", "per year", "95 % below");
  for (const auto& row : rows) {
    if (!row.fault.empty()) continue;
    fmt::print(out, "{:<16} {:<18} {:<10} {:>3} {:>10.0f} {:>7.0f} {:>9.3f} {:>11.3f}\n",
               row.equipment, row.scene, row.machines, row.machine_count, row.asset_days,
               row.alarms, row.false_per_asset_year, row.false_per_asset_year_upper);
  }
}

}  // namespace lenz::evaluation
