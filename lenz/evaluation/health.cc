#include "lenz/evaluation/health.h"

#include <algorithm>
#include <boost/math/distributions/chi_squared.hpp>
#include <cmath>
#include <map>

#include "insight/health/asset_watch.h"

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
  double days = healthy_days;
  std::optional<simulator::InjectedFault> fault;
};

// One history through the engine, as it would run in a home.
Life live(const Machine& machine, const LifePlan& plan) {
  simulator::TraceHistory history(machine.days, {.seed = plan.seed,
                                                 .begin = day(0),
                                                 .energy_per_kelvin = {},
                                                 .power_per_kelvin = {},
                                                 .fault = plan.fault});
  simulator::Chance chance(simulator::mix(plan.seed, "sensor"));
  AssetWatch watch(machine.kind);
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

double quantile(std::vector<double> values, double q) {
  if (values.empty()) return HealthRow::none;
  std::ranges::sort(values);
  const auto at = static_cast<std::size_t>(q * static_cast<double>(values.size()));
  return values[std::min(at, values.size() - 1)];
}

}  // namespace

double poisson_upper_95(double count) {
  return boost::math::quantile(boost::math::chi_squared(2 * (count + 1)), 0.975) / 2;
}

namespace {

struct Group {
  std::string equipment, name;
  std::vector<const Machine*> machines;
};

std::vector<Group> groups_of(const std::vector<Machine>& machines) {
  std::map<std::pair<std::string, std::string>, Group> groups;
  for (const auto& machine : machines) {
    if (machine.days.size() < fewest_days) continue;
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

HealthRow row_of(const Group& group, const std::string& scene) {
  HealthRow out{.equipment = group.equipment, .fault = {}, .scene = scene, .machines = group.name};
  out.machine_count = static_cast<int>(group.machines.size());
  return out;
}

void count_false(HealthRow& row, double days, double alarms) {
  row.asset_days = days;
  row.alarms = alarms;
  if (days <= 0) return;
  row.false_per_asset_year = alarms / days * 365;
  row.false_per_asset_year_upper = poisson_upper_95(alarms) / days * 365;
}

HealthRow healthy_row(const Group& group, bool is_room_known, const HealthPlan& plan) {
  auto row = row_of(group, is_room_known ? "room known" : "room unknown");
  double days = 0, alarms = 0;
  for (const auto* machine : group.machines) {
    for (int n = 0; n < plan.histories; ++n) {
      const auto life =
          live(*machine,
               {.seed = simulator::mix(plan.seed + static_cast<std::uint64_t>(n), machine->name),
                .is_room_known = is_room_known,
                .fault = {}});
      days += life.watched_days;
      alarms += life.false_alarms;
      ++row.histories;
    }
  }
  count_false(row, days, alarms);
  return row;
}

HealthRow fault_row(const Group& group, bool is_room_known, const simulator::TraceFaultRow& fault,
                    double severity, double ramp_days, const HealthPlan& plan) {
  auto row = row_of(group, is_room_known ? "room known" : "room unknown");
  row.fault = fault.word;
  row.severity = severity;
  row.ramp_days = ramp_days;
  std::vector<double> delays;
  double top1 = 0, top2 = 0;
  for (const auto* machine : group.machines) {
    const bool has_defrosts = machine->has_defrosts();
    if (fault.id == simulator::TraceFault::defrost_heater_open && !has_defrosts) continue;
    for (int n = 0; n < plan.histories; ++n) {
      const auto seed =
          simulator::mix(plan.seed + static_cast<std::uint64_t>(n), machine->name + row.fault);
      const auto begin = learning_days + simulator::Chance(seed).between(0, 120);
      const auto life = live(
          *machine, {.seed = seed,
                     .is_room_known = is_room_known,
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

}  // namespace

HealthReport evaluate_health(const std::vector<Machine>& machines, const HealthPlan& plan,
                             const std::function<void(const std::string&)>& progress) {
  HealthReport report;
  for (const auto& group : groups_of(machines)) {
    for (const bool is_room_known : {false, true}) {
      progress(group.equipment + ", " + group.name + (is_room_known ? ", room known" : ""));
      const auto healthy = healthy_row(group, is_room_known, plan);
      report.rows.push_back(healthy);
      for (const auto& fault : simulator::trace_faults) {
        const bool is_asked = std::ranges::any_of(
            plan.faults, [&](const std::string& f) { return f == "all" || f == fault.word; });
        if (!is_asked) continue;
        for (const auto severity : plan.severities) {
          for (const auto ramp : plan.ramps_days) {
            auto row = fault_row(group, is_room_known, fault, severity, ramp, plan);
            if (row.histories == 0) continue;
            row.false_per_asset_year = healthy.false_per_asset_year;
            report.rows.push_back(std::move(row));
          }
        }
      }
    }
  }
  return report;
}

}  // namespace lenz::evaluation
