#include "lenz/evaluation/health.h"

#include <fmt/format.h>

#include <algorithm>
#include <boost/math/distributions/chi_squared.hpp>
#include <chrono>
#include <cmath>
#include <map>

#include "insight/health/asset_watch.h"
#include "lenz/evaluation/metrics.h"

namespace lenz::evaluation {

using insight::AssetWatch;
using measurement::Timestamp;

namespace {

constexpr int learning_days = 90, horizon_days = 60, healthy_days = 365 + learning_days;
constexpr std::size_t fewest_days = 7;

double days_between(Timestamp from, Timestamp to) {
  return std::chrono::duration<double, std::ratio<86400>>(to - from).count();
}

Timestamp day(double n) {
  return Timestamp{} + std::chrono::milliseconds(std::llround(n * 86400e3));
}

struct Life {
  double watched_days = 0;  // While nothing stood and it had learnt.
  int false_alarms = 0;
  std::optional<double> delay_days;
  bool is_top1 = false, is_top2 = false;
};

struct LifePlan {
  std::uint64_t seed = 1;
  bool is_room_known = false;
  float caution = 1;
  double days = healthy_days;
  std::optional<simulator::InjectedFault> fault;
};

// One history through the engine, as it would run in a home.
Life live(const AssetHistory& machine, const LifePlan& plan) {
  simulator::TraceHistory history(machine.days, {.seed = plan.seed,
                                                 .begin = day(0),
                                                 .energy_per_kelvin = {},
                                                 .power_per_kelvin = {},
                                                 .fault = plan.fault});
  simulator::Chance chance(simulator::mix(plan.seed, "sensor"));
  AssetWatch watch(machine.kind, {}, plan.caution);
  Life life;
  const auto end = day(plan.days);
  double counted_until = 0;
  insight::Surroundings around;
  std::size_t days_seen = 0;
  while (true) {
    const auto cycle = history.next();
    if (cycle.begin >= end) break;
    const auto now_day = days_between(day(0), cycle.begin);
    // The clocks change twice a year.
    around.utc_offset = std::chrono::minutes(std::fmod(now_day, 365) < 182 ? 60 : 120);
    if (plan.is_room_known) {
      around.room_c =
          static_cast<float>(21 + history.surrounding(cycle.begin).kelvin + chance.normal(0, 0.3));
    }
    watch.set_surroundings(around);
    watch.take(duty_cycle(cycle));
    if (watch.days().size() == days_seen && now_day < counted_until + 1) continue;
    days_seen = watch.days().size();
    const bool is_faulty = plan.fault && cycle.begin >= plan.fault->begin;
    const auto state = watch.condition().condition;
    if (state != insight::Condition::learning && !is_faulty) {
      life.watched_days += std::min(2.0, now_day - counted_until);
    }
    counted_until = now_day;
    const auto findings = watch.findings();
    if (findings.empty()) continue;
    if (!is_faulty) {
      ++life.false_alarms;
      for (const auto& f : findings) watch.said(f.change, insight::Verdict::expected, cycle.begin);
      continue;
    }
    const auto& f = findings.front();
    life.delay_days = days_between(plan.fault->begin, cycle.begin) - plan.fault->ramp_days / 2;
    const auto word = simulator::trace_faults[static_cast<std::size_t>(plan.fault->fault)].word;
    for (std::size_t i = 0; i < std::min<std::size_t>(2, f.suspects.size()); ++i) {
      if (row(f.suspects[i].cause).word != word) continue;
      life.is_top2 = true;
      life.is_top1 = i == 0;
    }
    break;
  }
  return life;
}

}  // namespace

double poisson_upper_95(double count) {
  return boost::math::quantile(boost::math::chi_squared(2 * (count + 1)), 0.975) / 2;
}

void count_false(HealthRow& row, double days, double alarms) {
  row.asset_days = days;
  row.alarms = alarms;
  if (days <= 0) return;
  row.false_per_asset_year = alarms / days * 365;
  row.false_per_asset_year_upper = poisson_upper_95(alarms) / days * 365;
}

namespace {

struct Group {
  std::string equipment, name;
  std::vector<const AssetHistory*> machines;
};

std::vector<Group> groups_of(const std::vector<AssetHistory>& machines) {
  std::map<std::pair<std::string, std::string>, Group> groups;
  for (const auto& machine : machines) {
    if (machine.days.size() < fewest_days || !insight::keeps_food_cold(machine.kind)) continue;
    const std::string kind(row(machine.kind).word),
        name = machine.is_chosen_on ? "chosen_on" : "others";
    auto& group = groups[{kind, name}];
    group.equipment = kind;
    group.name = name;
    group.machines.push_back(&machine);
  }
  std::vector<Group> out;
  for (auto& [key, group] : groups) out.push_back(std::move(group));
  return out;
}

struct Setting {
  std::string scene = "room unknown";
  bool is_room_known = false;
  float caution = 1;
};

HealthRow row_of(const Group& group, const Setting& setting) {
  HealthRow row{.equipment = group.equipment,
                .fault = {},
                .scene = setting.scene,
                .machines = group.name,
                .machine_count = static_cast<int>(group.machines.size())};
  row.caution = static_cast<double>(setting.caution);
  return row;
}

HealthRow healthy_row(const Group& group, const Setting& setting, const HealthPlan& plan) {
  auto row = row_of(group, setting);
  double days = 0, alarms = 0;
  for (const auto* machine : group.machines) {
    for (int n = 0; n < plan.histories; ++n) {
      const auto seed = simulator::mix(plan.seed + static_cast<std::uint64_t>(n), machine->name);
      const auto life = live(*machine, {.seed = seed,
                                        .is_room_known = setting.is_room_known,
                                        .caution = setting.caution,
                                        .fault = {}});
      days += life.watched_days;
      alarms += life.false_alarms;
      ++row.histories;
    }
  }
  count_false(row, days, alarms);
  return row;
}

HealthRow fault_row(const Group& group, const Setting& setting,
                    const simulator::TraceFaultRow& fault, double severity, double ramp_days,
                    const HealthPlan& plan) {
  auto row = row_of(group, setting);
  row.fault = fault.word;
  row.severity = severity;
  row.ramp_days = ramp_days;
  row.machine_count = 0;
  std::vector<double> delays;
  double top1 = 0, top2 = 0;
  for (const auto* machine : group.machines) {
    if (fault.id == simulator::TraceFault::defrost_heater_open && !machine->has_defrosts()) {
      continue;
    }
    ++row.machine_count;
    for (int n = 0; n < plan.histories; ++n) {
      const auto seed =
          simulator::mix(plan.seed + static_cast<std::uint64_t>(n), machine->name + row.fault);
      const auto begin = learning_days + simulator::Chance(seed).between(0, 120);
      const auto life = live(
          *machine, {.seed = seed,
                     .is_room_known = setting.is_room_known,
                     .caution = setting.caution,
                     .days = begin + ramp_days / 2 + horizon_days,
                     .fault = simulator::InjectedFault{fault.id, severity, day(begin), ramp_days}});
      ++row.histories;
      if (!life.delay_days) continue;
      delays.push_back(*life.delay_days);
      top1 += life.is_top1;
      top2 += life.is_top2;
    }
  }
  if (row.histories == 0) return row;
  const auto found = static_cast<double>(delays.size());
  row.detection_rate = found / row.histories;
  row.delay_median_days = quantile(delays, 0.5);
  row.delay_p90_days = quantile(delays, 0.9);
  if (found > 0) {
    row.top1 = top1 / found;
    row.top2 = top2 / found;
  }
  return row;
}

bool is_asked(const HealthPlan& plan, const simulator::TraceFaultRow& fault) {
  return std::ranges::any_of(plan.faults,
                             [&](const std::string& f) { return f == "all" || f == fault.word; });
}

void append_group(const Group& group, const Setting& setting, const HealthPlan& plan,
                  HealthReport& report) {
  const auto healthy = healthy_row(group, setting, plan);
  report.rows.push_back(healthy);
  for (const auto& fault : simulator::trace_faults) {
    if (!is_asked(plan, fault)) continue;
    for (const auto severity : plan.severities) {
      for (const auto ramp : plan.ramps_days) {
        auto row = fault_row(group, setting, fault, severity, ramp, plan);
        if (row.histories == 0) continue;
        row.false_per_asset_year = healthy.false_per_asset_year;
        report.rows.push_back(std::move(row));
      }
    }
  }
}

// 20 assets, of the mean rate of all machines.
HealthRow home_row(const std::vector<HealthRow>& rows) {
  constexpr double assets = 20;
  HealthRow home{.equipment = "home", .fault = {}, .scene = "room unknown", .machines = "all"};
  double days = 0, alarms = 0;
  for (const auto& row : rows) {
    if (!row.fault.empty() || row.scene != home.scene || row.caution != 1) continue;
    days += row.asset_days;
    alarms += row.alarms;
    home.machine_count += row.machine_count;
    home.histories += row.histories;
  }
  count_false(home, days, alarms);
  home.false_per_home_year = assets * home.false_per_asset_year;
  return home;
}

std::string told(const insight::Finding& finding) {
  std::string out(row(finding.change).word);
  for (const auto& s : finding.suspects) {
    out += fmt::format(" {} {:.2f}", row(s.cause).word, s.probability);
  }
  for (const auto& e : finding.evidence) {
    out += fmt::format(", {} {:.4g} -> {:.4g}", row(e.feature).word, e.before, e.now);
  }
  return out;
}

HealthRow real_row(const std::vector<AssetHistory>& machines, std::vector<HealthAlarm>& alarms) {
  HealthRow real{.equipment = "real", .fault = {}, .scene = "unaltered", .machines = "all"};
  double days = 0;
  for (const auto& machine : machines) {
    AssetWatch watch(machine.kind);
    std::size_t seen = 0;
    for (const auto& cycle : machine.cycles) {
      watch.take(cycle);
      if (watch.condition().condition != insight::Condition::learning) {
        days += static_cast<double>(watch.days().size() - seen);
      }
      seen = watch.days().size();
      for (const auto& f : watch.findings()) {
        alarms.push_back({machine.name, f.since, f.found, told(f)});
        watch.said(f.change, insight::Verdict::expected, cycle.begin);
      }
    }
    real.machine_count += seen > 0;
  }
  count_false(real, days, static_cast<double>(alarms.size()));
  return real;
}

// The power of the cycles, a reading a minute.
void read_out(const simulator::MachineCycle& cycle, Timestamp& next, auto&& take) {
  constexpr std::chrono::seconds interval(60);
  const auto at = [&](float s) {
    return cycle.begin + std::chrono::milliseconds(std::llround(s * 1000));
  };
  for (; next < at(cycle.on_s + cycle.off_s); next += interval) {
    const auto w = next < at(cycle.on_s) ? cycle.power_w : cycle.standby_w;
    take(insight::Reading{.time = next, .active_power = {w}});
  }
}

double analyse_home_year(const std::vector<AssetHistory>& machines, std::uint64_t seed) {
  constexpr std::size_t assets = 20;
  std::vector<const AssetHistory*> usable;
  for (const auto& machine : machines) {
    if (machine.days.size() >= fewest_days && insight::keeps_food_cold(machine.kind)) {
      usable.push_back(&machine);
    }
  }
  if (usable.empty()) return HealthRow::none;
  double seconds = 0;
  for (std::size_t n = 0; n < assets; ++n) {
    const auto& machine = *usable[n % usable.size()];
    simulator::TraceHistory history(machine.days, {.seed = seed + n,
                                                   .begin = day(0),
                                                   .energy_per_kelvin = {},
                                                   .power_per_kelvin = {},
                                                   .fault = {}});
    std::vector<insight::Reading> year;
    auto next = day(0);
    while (next < day(365)) {
      read_out(history.next(), next, [&](const insight::Reading& r) { year.push_back(r); });
    }
    AssetWatch watch(machine.kind);
    const auto begin = std::chrono::steady_clock::now();
    for (const auto& reading : year) watch.take(reading);
    seconds += std::chrono::duration<double>(std::chrono::steady_clock::now() - begin).count();
  }
  return seconds;
}

// A fault at the level of readings and at that of cycles: the same is found, within two days.
bool readings_agree(const AssetHistory& machine, std::uint64_t seed) {
  const simulator::InjectedFault fault{simulator::TraceFault::low_refrigerant, 0.3, day(120), 0};
  const auto found = [&](bool by_readings) {
    simulator::TraceHistory history(machine.days, {.seed = seed,
                                                   .begin = day(0),
                                                   .energy_per_kelvin = {},
                                                   .power_per_kelvin = {},
                                                   .fault = fault});
    AssetWatch watch(machine.kind);
    auto next = day(0);
    while (watch.findings().empty() && next < day(180)) {
      const auto cycle = history.next();
      if (by_readings) {
        read_out(cycle, next, [&](const insight::Reading& r) { watch.take(r); });
      } else {
        watch.take(duty_cycle(cycle));
        next = cycle.begin;
      }
    }
    return watch.findings();
  };
  const auto a = found(true), b = found(false);
  if (a.empty() || b.empty()) return a.empty() == b.empty();
  return a[0].change == b[0].change && std::abs(days_between(a[0].found, b[0].found)) <= 2;
}

}  // namespace

HealthReport evaluate_health(const std::vector<AssetHistory>& machines,
                             const std::vector<EstimatedPair>& pairs, const HealthPlan& plan,
                             const std::function<void(const std::string&)>& progress) {
  HealthReport report;
  for (const auto& group : groups_of(machines)) {
    for (const bool is_known : {false, true}) {
      const Setting setting{is_known ? "room known" : "room unknown", is_known};
      progress(group.equipment + ", " + group.name + ", " + setting.scene);
      append_group(group, setting, plan, report);
    }
    // The curve: what a lower threshold would find, and what it would cost.
    auto few = plan;
    few.faults = {"gasket_leak"};
    few.severities = {0.1, 0.2};
    few.ramps_days = {0};
    for (const float caution : {0.94F, 0.88F, 0.82F}) {
      progress(fmt::format("{}, {}, threshold x {:.2f}", group.equipment, group.name, caution));
      append_group(group, {.caution = caution}, few, report);
    }
  }
  for (const auto& pair : pairs) {
    for (const auto* machine : {&pair.measured, &pair.estimated}) {
      const bool is_estimated = machine == &pair.estimated;
      progress(machine->name + (is_estimated ? ", estimated" : ", measured"));
      const Group group{std::string(row(machine->kind).word), machine->name, {machine}};
      auto few = plan;
      few.severities = {0.1, 0.2, 0.3};
      few.ramps_days = {0};
      append_group(group, {.scene = is_estimated ? "estimated" : "measured"}, few, report);
    }
  }
  report.rows.push_back(home_row(report.rows));
  report.rows.push_back(real_row(machines, report.real_alarms));
  report.home_year_s = analyse_home_year(machines, plan.seed);
  const auto first = std::ranges::find_if(
      machines, [](const AssetHistory& m) { return m.days.size() >= fewest_days; });
  report.readings_agree = first != machines.end() && readings_agree(*first, plan.seed);
  return report;
}

}  // namespace lenz::evaluation
