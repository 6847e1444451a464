#include "lenz/evaluation/health_runs.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <map>

#include "insight/health/run_watch.h"
#include "lenz/evaluation/metrics.h"
#include "simulator/chance.h"

namespace lenz::evaluation {
namespace {

using insight::ApplianceKind;
using insight::Cause;
using insight::MachineRun;
using insight::RunWatch;
using measurement::Timestamp;
using simulator::Chance;
using namespace std::chrono_literals;

constexpr std::size_t least_runs = 12, block = 10;
constexpr int learnt_runs = 60, judged_runs = 28, histories = 40, healthy_runs = 400;
constexpr double day_ms = 86'400'000;

struct Runner {
  ApplianceKind kind{};
  std::string name;
  std::vector<MachineRun> runs;
  double days = 0;  // In which they were made.

  double days_a_run() const { return days / static_cast<double>(runs.size()); }
};

void add_runs(Runner& machine, const std::vector<Timestamp>& times, const std::vector<float>& watts,
              Timestamp shift) {
  insight::MachineRuns cut(machine.kind);
  // Before the first reading it did not run: a day's file begins at night.
  if (!times.empty()) {
    const auto before = times.front() - 1s;
    cut.take(shift + before.time_since_epoch(), {0});
  }
  for (std::size_t i = 0; i < times.size(); ++i) {
    cut.take(shift + times[i].time_since_epoch(), {watts[i]});
  }
  if (!times.empty()) {
    for (int minute = 1; minute <= 20; ++minute) {
      cut.take(shift + times.back().time_since_epoch() + 1min * minute, {0});
    }
    machine.days += static_cast<double>((times.back() - times.front()).count()) / day_ms;
  }
  for (const auto& run : cut.take_runs()) machine.runs.push_back(run);
}

std::vector<Runner> runners_of(const DataSet& data) {
  std::map<std::string, Runner> devices;
  std::map<std::string, int> files;
  for (const auto& trace : data.traces()) {
    if (!insight::is_watched_by_runs(trace.appliance)) continue;
    auto& machine = devices[trace.device];
    machine.kind = trace.appliance;
    machine.name = trace.device;
    const auto samples = data.samples(trace);
    const auto begin = samples.times.front().time_since_epoch();
    // Files without a clock follow each other.
    const auto shift =
        trace.has_clock ? Timestamp{} : Timestamp(24h * 2 * files[trace.device]++) - begin;
    add_runs(machine, samples.times, samples.active_power_w, shift);
  }
  for (const auto& name : data.houses()) {
    const auto house = data.house(name);
    for (const auto& channel : house.channels) {
      if (!channel.appliance || !insight::is_watched_by_runs(*channel.appliance) ||
          channel.active_power_w.empty()) {
        continue;
      }
      Runner machine{.kind = *channel.appliance, .name = name + " " + channel.name};
      add_runs(machine, house.times, channel.active_power_w, {});
      devices[machine.name] = std::move(machine);
    }
  }
  std::vector<Runner> all;
  for (auto& [name, machine] : devices) {
    if (machine.runs.size() >= least_runs) all.push_back(std::move(machine));
  }
  return all;
}

struct RunFault {
  Cause cause{};
  double severity = 0;
  void (*apply)(MachineRun&, float severity);
};

void scale_energy(MachineRun& run) {
  const auto wh = [](float minutes, float w) { return std::isnan(w) ? 0 : minutes * w / 60; };
  run.energy_wh =
      wh(run.heating_min, run.heater_w) + wh(run.minutes - run.heating_min, run.motor_w);
}

void break_heater(MachineRun& run, float) {
  run.heating_min = 0;
  run.heater_w = insight::detail::not_measured;
}
void weaken_heater(MachineRun& run, float severity) {
  const float longer = run.heating_min * severity / (1 - severity);
  run.heater_w *= 1 - severity;
  run.heating_min += longer;
  run.minutes += longer;
}
void scale_heater(MachineRun& run, float severity) {
  run.minutes += severity * run.heating_min;
  run.heating_min *= 1 + severity;
}
void wear_drive(MachineRun& run, float severity) { run.motor_w *= 1 + severity; }
void lengthen(MachineRun& run, float severity) { run.minutes *= 1 + severity; }
void block_vent(MachineRun& run, float severity) {
  run.minutes *= 1 + severity;
  run.heating_min *= 1 + severity / 2;
}

std::vector<RunFault> faults_of(ApplianceKind kind) {
  using enum Cause;
  if (kind == ApplianceKind::tumble_dryer) {
    return {{vent_restricted, 0.2, block_vent},
            {vent_restricted, 0.6, block_vent},
            {heater_open, 0.5, weaken_heater},
            {drive_worn, 0.2, wear_drive}};
  }
  return {{heater_open, 1, break_heater},
          {limescale, 0.2, scale_heater},
          {limescale, 0.4, scale_heater},
          {drive_worn, 0.2, wear_drive},
          {slow_drain, 0.1, lengthen}};
}

// In blocks as they followed each other, at an even pace.
class Drawn {
 public:
  Drawn(const Runner& machine, std::uint64_t seed) : machine_(machine), chance_(seed) {}

  MachineRun next() {
    if (left_ == 0 || at_ >= machine_.runs.size()) {
      at_ = static_cast<std::size_t>(chance_.uniform() * static_cast<double>(machine_.runs.size()));
      left_ = block;
    }
    --left_;
    auto run = machine_.runs[at_++];
    run.begin = Timestamp(
        std::chrono::milliseconds(std::llround(++count_ * machine_.days_a_run() * day_ms)));
    return run;
  }

 private:
  const Runner& machine_;
  Chance chance_;
  std::size_t at_ = 0, left_ = 0;
  int count_ = 0;
};

struct Tally {
  int machines = 0, tried = 0, found = 0, top1 = 0, top2 = 0;
  std::vector<double> delays_days;
};

void try_fault(const Runner& machine, const RunFault& fault, std::uint64_t seed, Tally& tally) {
  ++tally.machines;
  for (int i = 0; i < histories; ++i) {
    Drawn drawn(machine, simulator::mix(seed + static_cast<std::uint64_t>(i), machine.name));
    RunWatch watch(machine.kind);
    for (int n = 0; n < learnt_runs; ++n) watch.take(drawn.next());
    if (!watch.findings().empty()) continue;  // A false one: counted apart.
    ++tally.tried;
    for (int n = 1; n <= judged_runs && watch.findings().empty(); ++n) {
      auto run = drawn.next();
      fault.apply(run, static_cast<float>(fault.severity));
      scale_energy(run);
      watch.take(run);
      if (watch.findings().empty()) continue;
      const auto suspects = watch.findings().front().suspects;
      ++tally.found;
      tally.delays_days.push_back(n * machine.days_a_run());
      const auto at = std::ranges::find(suspects, fault.cause, &insight::Suspect::cause);
      if (at == suspects.begin()) ++tally.top1;
      if (at < suspects.begin() + std::min<std::ptrdiff_t>(2, std::ssize(suspects))) ++tally.top2;
    }
  }
}

struct Healthy {
  int machines = 0;
  double days = 0;
  int alarms = 0;
};

void watch_runs(const Runner& machine, int count, const std::function<MachineRun(int)>& run,
                Healthy& healthy, const std::function<void(const std::string&)>& progress) {
  RunWatch watch(machine.kind);
  int judged = 0;
  bool stood = false;
  for (int i = 0; i < count; ++i) {
    const bool learns = watch.runs_missing() > 0;
    watch.take(run(i));
    if (!learns) ++judged;
    const auto findings = watch.findings();
    if (!findings.empty() && !stood) {
      ++healthy.alarms;
      std::string shown;
      for (const auto& e : findings.front().evidence) {
        shown +=
            fmt::format(", {} {:.0f} -> {:.0f}", insight::row(e.feature).word, e.before, e.now);
      }
      progress(fmt::format(
          "{}: {} ({}) at run {}{}", machine.name, insight::row(findings.front().change).word,
          insight::row(findings.front().suspects.front().cause).word, i + 1, shown));
    }
    stood = !findings.empty();
  }
  if (judged == 0) return;
  ++healthy.machines;
  healthy.days += judged * machine.days_a_run();
}

HealthRow row_of(const std::string& equipment, const std::string& scene, const Healthy& healthy) {
  HealthRow row;
  row.equipment = equipment;
  row.scene = scene;
  row.machine_count = healthy.machines;
  count_false(row, healthy.days, healthy.alarms);
  return row;
}

}  // namespace

std::vector<HealthRow> evaluate_runs(const DataSet& data, std::uint64_t seed,
                                     const std::function<void(const std::string&)>& progress) {
  const auto machines = runners_of(data);
  std::map<std::tuple<std::string, Cause, double>, Tally> tallies;
  std::map<std::pair<std::string, std::string>, Healthy> healthy;
  for (const auto& machine : machines) {
    const std::string word(insight::row(machine.kind).word);
    for (const auto& fault : faults_of(machine.kind)) {
      try_fault(machine, fault, seed, tallies[{word, fault.cause, fault.severity}]);
    }
    for (std::uint64_t i = 0; i < 5; ++i) {
      Drawn drawn(machine, simulator::mix(seed + i, machine.name + " healthy"));
      watch_runs(
          machine, healthy_runs, [&](int) { return drawn.next(); }, healthy[{"runs", word}],
          [](const std::string&) {});
    }
    watch_runs(
        machine, static_cast<int>(machine.runs.size()),
        [&](int n) { return machine.runs[static_cast<std::size_t>(n)]; },
        healthy[{"runs, unaltered", word}], progress);
  }
  std::vector<HealthRow> rows;
  for (const auto& [key, tally] : tallies) {
    const auto& [word, cause, severity] = key;
    HealthRow row;
    row.equipment = word;
    row.fault = insight::row(cause).word;
    row.scene = "runs";
    row.severity = severity;
    row.machine_count = tally.machines;
    row.histories = tally.tried;
    if (tally.tried > 0) row.detection_rate = static_cast<double>(tally.found) / tally.tried;
    if (tally.found > 0) {
      row.top1 = static_cast<double>(tally.top1) / tally.found;
      row.top2 = static_cast<double>(tally.top2) / tally.found;
    }
    row.delay_median_days = quantile(tally.delays_days, 0.5);
    row.delay_p90_days = quantile(tally.delays_days, 0.9);
    const auto& false_ones = healthy[{"runs", word}];
    row.false_per_asset_year = false_ones.alarms / false_ones.days * 365;
    rows.push_back(std::move(row));
  }
  for (const auto& [key, one] : healthy) rows.push_back(row_of(key.second, key.first, one));
  return rows;
}

}  // namespace lenz::evaluation
