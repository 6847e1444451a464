#include "hub/report_facts.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <limits>
#include <map>
#include <set>
#include <stdexcept>

#include "hub/calibration_book.h"
#include "insight/calibration/transformers.h"
#include "insight/month_names.h"
#include "insight/report/printed.h"

namespace hub {

using insight::Measured;
using insight::quarter;
using insight::QuarterHours;
using insight::TracedEnergy;
using measurement::Quantity;
using measurement::Timestamp;
using namespace std::chrono_literals;

namespace {

constexpr double nothing = std::numeric_limits<double>::quiet_NaN();
constexpr double enough = 0.9;           // Of a month that is compared with.
constexpr double enough_of_a_day = 0.9;  // To be shown, and for what is always on.
constexpr double least_kwh = 0.01;       // Of a part.
constexpr double usual_rating_a = 100;   // Of a clamp that nothing is known of.

double kwh(measurement::MilliwattHours energy) { return static_cast<double>(energy.value) * 1e-6; }

// What the home used in each quarter, wherever it came from.
std::vector<double> used(const HomeUse& use) {
  std::vector<double> found;
  for (std::size_t i = 0; i < use.grid.imported.size(); ++i) {
    const bool has_sun = i < use.produced.exported.size();
    found.push_back(std::max(0.0, kwh(use.grid.imported[i]) - kwh(use.grid.exported[i]) +
                                      (has_sun ? kwh(use.produced.exported[i]) : 0)));
  }
  return found;
}

float covered_at(const QuarterHours& use, std::size_t i) {
  return use.covered.empty() ? 1 : use.covered[i];
}

// A clamp as it was set for a share of the time.
struct SetClamp {
  insight::Clamp clamp;
  double share = 1;
  std::string model;
  std::optional<Timestamp> calibrated;
};

// Its clamps with what each measured, for what they may be off by.
class Errors {
 public:
  Errors(const ReportWorld& world, const std::vector<CalibrationRecord>& calibrations,
         TimeRange range)
      : world_(world), calibrations_(calibrations), range_(range) {}

  // Of what a circuit took, or gave, in all.
  TracedEnergy of(const Circuit& circuit, double circuit_kwh) {
    TracedEnergy sum;
    const auto shares = shares_of(circuit);
    for (std::size_t c = 0; c < circuit.channels.size(); ++c) {
      const auto& use = circuit.channels[c];
      for (const auto& [clamp, share, model, calibrated] : clamps(circuit, use)) {
        sum += insight::energy_of(clamp, use_of(use, circuit_kwh * shares[c] * share));
      }
    }
    return sum;
  }

  // As it is set now; one of several clamps that is not calibrated speaks for all.
  insight::ReportClamp row(const Circuit& circuit, double circuit_kwh) {
    insight::ReportClamp row{.circuit = circuit.name,
                             .energy = of(circuit, circuit_kwh).measured()};
    bool is_first = true;
    for (const auto& use : circuit.channels) {
      const auto now = clamps(circuit, use).back();
      if (!is_first && now.calibrated) continue;
      row.parts = insight::error_budget(now.clamp, use_of(use, circuit_kwh));
      row.model = now.model;
      row.calibrated.reset();
      if (now.calibrated) row.calibrated = world_.bill.zone().day(*now.calibrated);
      is_first = false;
    }
    return row;
  }

 private:
  struct Mean {
    double watts = 0, vars = 0, volt_amperes = 0;
    double amperes = 0;  // By energy.
    double hours = 0;
  };

  // Hour by hour, which is enough for a mean of a month.
  const Mean& mean_of(const ChannelUse& use) {
    const auto [known, is_new] = means_.try_emplace({use.device, use.channel});
    auto& mean = known->second;
    if (!is_new) return mean;
    const auto power =
        world_.store.read({use.device, Quantity::active_power, use.channel}, range_, 1h);
    const auto reactive =
        world_.store.read({use.device, Quantity::reactive_power, use.channel}, range_, 1h);
    if (!power || !reactive) return mean;
    double squares = 0;
    for (std::size_t i = 0; i < std::min(power->mean.size(), reactive->mean.size()); ++i) {
      const double watts = std::abs(static_cast<double>(power->mean[i]));
      if (std::isnan(watts)) continue;
      const double vars = static_cast<double>(reactive->mean[i]);
      mean.watts += watts;
      ++mean.hours;
      squares += watts * watts;
      mean.volt_amperes += std::isnan(vars) ? watts : std::hypot(watts, vars);
    }
    if (mean.watts > 0) mean.amperes = squares / mean.watts / world_.home.nominal_voltage_v;
    return mean;
  }

  // Which part of a circuit's energy each clamp has.
  std::vector<double> shares_of(const Circuit& circuit) {
    std::vector<double> shares;
    double all = 0;
    for (const auto& use : circuit.channels) {
      shares.push_back(std::abs(use.multiplier) * mean_of(use).watts);
      all += shares.back();
    }
    for (auto& share : shares) {
      share = all > 0 ? share / all : 1.0 / static_cast<double>(shares.size());
    }
    return shares;
  }

  insight::ClampUse use_of(const ChannelUse& use, double energy_kwh) {
    const auto& mean = mean_of(use);
    return {.kwh = energy_kwh,
            .watts = mean.hours > 0 ? mean.watts / mean.hours : 0,
            .amperes = mean.amperes,
            .power_factor = mean.volt_amperes > 0 ? mean.watts / mean.volt_amperes : 1};
  }

  // As it comes: what the gains say of its model, where they are still those to begin with.
  SetClamp before_calibration(const ChannelUse& use) const {
    const insight::TransformerModel* model = nullptr;
    const auto meter = std::ranges::find(world_.home.meters, use.device, &Meter::id);
    const auto chip = measurement::chip_of(use.channel);
    if (meter != world_.home.meters.end() && chip < meter->chips.size()) {
      const auto& set = meter->chips[chip].channels[use.channel % measurement::channels_per_chip];
      model = insight::transformer_set_up(meter->chips[chip].pga, set.current_gain, set.multiplier);
    }
    return {
        .clamp = {.accuracy = model ? insight::uncalibrated(model->class_percent, model->rated_a)
                                    : insight::uncalibrated(0, usual_rating_a),
                  .errs_with = use.device},
        .model = std::string(model ? model->name : "")};
  }

  // One after the other within the range; at least one. What a meter did not keep holds until it
  // restarts, and is left out.
  std::vector<SetClamp> clamps(const Circuit& circuit, const ChannelUse& use) const {
    const bool is_doubled = std::abs(use.multiplier) == 2 && circuit.channels.size() == 1;
    std::vector<const CalibrationRecord*> records;
    for (const auto& record : calibrations_) {
      const bool is_of_it = record.device == use.device &&
                            record.channel == static_cast<int>(use.channel) && record.is_kept;
      if (is_of_it && record.time < range_.end) records.push_back(&record);
    }
    std::ranges::stable_sort(records, {}, &CalibrationRecord::time);

    std::vector<SetClamp> found;
    auto set = before_calibration(use);
    auto begin = range_.begin;
    const auto until = [&](Timestamp end) {
      if (end <= begin) return;
      set.share = std::chrono::duration<double>(end - begin) / (range_.end - range_.begin);
      set.clamp.is_doubled = is_doubled;
      found.push_back(set);
      begin = end;
    };
    for (const auto* record : records) {
      until(record->time);
      // Its model may be all that was set, or what was set be undone.
      const bool is_set = insight::is_calibrated(record->accuracy);
      set = {.clamp = {.accuracy = record->accuracy,
                       .errs_with = is_set ? record->reference : use.device},
             .model = record->clamp,
             .calibrated = is_set ? std::optional(record->time) : std::nullopt};
    }
    until(range_.end);
    return found;
  }

  const ReportWorld& world_;
  const std::vector<CalibrationRecord>& calibrations_;
  const TimeRange range_;
  std::map<std::pair<std::string, std::uint32_t>, Mean> means_;
};

const Circuit* find(const Panel& panel, std::string_view id) {
  const auto found = std::ranges::find(panel.circuits, id, &Circuit::id);
  return found == panel.circuits.end() ? nullptr : &*found;
}

// Of the mains, where they have a clamp, else of what the sum is of.
Measured whole_of(const HomeUse& use, const Panel& panel, Errors& errors) {
  const double home =
      kwh(imported(use.grid)) - kwh(exported(use.grid)) + kwh(exported(use.produced));
  TracedEnergy sum;
  bool is_any = false;
  for (const auto& circuit : panel.circuits) {
    const bool is_grid = circuit.kind == CircuitKind::grid && !circuit.channels.empty();
    if (!use.has_grid || !is_grid) continue;
    sum += errors.of(circuit, home);
    is_any = true;
  }
  if (!is_any) {
    for (const auto& part : use.circuits) {
      if (const auto* circuit = find(panel, part.circuit)) {
        sum += errors.of(*circuit, kwh(imported(part.use)));
      }
    }
  }
  return {home, sum.measured().plus_minus};
}

// What parts are made of: use, and who is meant.
struct Part {
  const UsePart* use;
  QuarterHours quarters;
  insight::Source source{};
  std::string name;
};

QuarterHours less(const QuarterHours& whole, const std::vector<const UsePart*>& parts) {
  auto rest = whole;
  for (const auto* part : parts) take_away(rest, part->use);
  return rest;
}

// Whether an appliance has a figure of its own; else it stays in its circuit's.
bool is_printed(const UsePart& one, const HomeUse& use) {
  if (one.is_measured) return true;
  std::vector<insight::ApplianceKind> others;
  for (const auto& other : use.appliances) {
    if (&other != &one && other.circuit == one.circuit && other.kind) others.push_back(*other.kind);
  }
  return one.kind && insight::is_printed(*one.kind, others);
}

// Appliances that are told apart, and of each circuit what they do not explain.
std::vector<Part> parts_of(const HomeUse& use) {
  std::vector<Part> found;
  const auto add_circuit = [&](const UsePart& circuit, bool is_rest) {
    std::vector<const UsePart*> here;
    for (const auto& one : use.appliances) {
      if (one.circuit != circuit.circuit || !is_printed(one, use)) continue;
      here.push_back(&one);
      found.push_back({&one, one.use,
                       one.is_measured ? insight::Source::measured : insight::Source::identified,
                       one.name});
    }
    const bool is_told = std::ranges::any_of(here, &UsePart::is_measured);
    if (is_told) return;
    const auto name = is_rest        ? std::string("Not measured by itself")
                      : here.empty() ? circuit.name
                                     : fmt::format("{}, all else", circuit.name);
    found.push_back({&circuit, less(circuit.use, here),
                     is_rest ? insight::Source::unknown : insight::Source::measured, name});
  };
  for (const auto& circuit : use.circuits) add_circuit(circuit, false);
  if (use.rest) add_circuit(*use.rest, true);
  return found;
}

Measured energy_of(const Part& part, const Panel& panel, Errors& errors) {
  const double energy = kwh(imported(part.quarters));
  const auto* circuit = find(panel, part.use->circuit);
  if (!circuit || circuit->channels.empty()) return {energy, 0};
  auto traced = errors.of(*circuit, energy);
  if (part.source == insight::Source::identified) {
    traced = traced.with(insight::printed_deviation * energy);
  }
  return traced.measured();
}

using ByPart = std::map<std::string, std::pair<Measured, double>>;  // Energy and runs.

ByPart before_of(const HomeUse& use, const Panel& panel, Errors& errors) {
  ByPart found;
  for (const auto& part : parts_of(use)) {
    found[part.name] = {energy_of(part, panel, errors), part.use->runs};
  }
  return found;
}

void add_parts(insight::ReportFacts& facts, const ReportWorld& world, const HomeUse& use,
               const Panel& panel, Errors& errors, const std::optional<ByPart>& before,
               Timestamp now) {
  const auto parts = parts_of(use);
  std::vector<QuarterHours> quarters;
  for (const auto& part : parts) quarters.push_back(part.quarters);
  const auto shares = world.bill.shares(month_of(facts.month), quarters, now);
  for (std::size_t i = 0; i < parts.size(); ++i) {
    const auto& part = parts[i];
    insight::ReportPart row{
        .name = part.name, .source = part.source, .energy = energy_of(part, panel, errors)};
    if (row.energy.kwh < least_kwh) continue;
    if (shares)
      row.cost = part.source == insight::Source::unknown ? shares->rest + shares->parts[i]
                                                         : shares->parts[i];
    if (part.use->appliance) row.runs = part.use->runs;
    if (before) {
      const auto known = before->find(part.name);
      if (known != before->end()) {
        row.before = known->second.first;
        if (part.use->appliance) row.runs_before = known->second.second;
      }
    }
    facts.parts.push_back(std::move(row));
  }
  std::ranges::stable_sort(facts.parts, [](const auto& a, const auto& b) {
    const bool a_last = a.source == insight::Source::unknown;
    const bool b_last = b.source == insight::Source::unknown;
    return a_last != b_last ? b_last : a.energy.kwh > b.energy.kwh;
  });
}

// Of days with enough readings, the middle one of each day's least quarter.
std::optional<double> always_on(const std::vector<std::vector<double>>& days) {
  std::vector<double> least;
  for (const auto& day : days) {
    if (!day.empty()) least.push_back(std::ranges::min(day) * 4000);
  }
  if (least.empty()) return std::nullopt;
  const auto middle = least.begin() + std::ssize(least) / 2;
  std::ranges::nth_element(least, middle);
  return *middle;
}

// The home's use by local days and hours.
struct Course {
  std::vector<double> kwh_of_days;
  std::array<double, 24> kwh_of_hours{};
  std::optional<double> always_on_w;
};

Course course_of(const HomeUse& use, insight::BillingPeriod period, const insight::Zone& zone) {
  const auto days = static_cast<std::size_t>((period.end - period.begin).count());
  Course course{.kwh_of_days = std::vector<double>(days, nothing)};
  std::vector<std::vector<double>> quarters(days);
  std::vector<double> covered(days);
  std::array<double, 24> measured{};
  const auto kwh = used(use);
  for (std::size_t i = 0; i < kwh.size(); ++i) {
    const auto share = static_cast<double>(covered_at(use.grid, i));
    if (share == 0 && kwh[i] == 0) continue;
    const auto local = zone.local(use.grid.begin + static_cast<std::int64_t>(i) * quarter);
    const auto of_day = std::chrono::floor<std::chrono::days>(local);
    const auto day = static_cast<std::size_t>((of_day - period.begin).count());
    if (day >= days) continue;
    auto& sum = course.kwh_of_days[day];
    sum = (std::isnan(sum) ? 0 : sum) + kwh[i];
    const auto hour = static_cast<std::size_t>((local - of_day) / 1h);
    course.kwh_of_hours[hour] += kwh[i];
    measured[hour] += share / 4;
    covered[day] += share / 96;
    if (share == 1) quarters[day].push_back(kwh[i]);
  }
  for (std::size_t hour = 0; hour < 24; ++hour) {
    course.kwh_of_hours[hour] =
        measured[hour] > 0 ? course.kwh_of_hours[hour] / measured[hour] : nothing;
  }
  for (std::size_t day = 0; day < days; ++day) {
    // What a gap's end has gathered may lie in a day of which nothing was measured.
    if (covered[day] == 0) course.kwh_of_days[day] = nothing;
    if (covered[day] < enough_of_a_day) quarters[day].clear();
  }
  course.always_on_w = always_on(quarters);
  return course;
}

std::string clock_text(std::chrono::local_time<std::chrono::milliseconds> local) {
  const std::chrono::hh_mm_ss clock(local - std::chrono::floor<std::chrono::days>(local));
  return fmt::format("{:02}:{:02}", clock.hours().count(), clock.minutes().count());
}

std::string date_text(std::chrono::local_time<std::chrono::milliseconds> local) {
  const std::chrono::year_month_day date(std::chrono::floor<std::chrono::days>(local));
  return fmt::format("{} {}", unsigned{date.day()}, insight::name_of(date.month()));
}

std::vector<std::string> gaps_of(const ReportWorld& world, TimeRange range) {
  std::set<std::string> devices;
  for (const auto& panel : world.home.panels) {
    for (const auto& circuit : panel.circuits) {
      for (const auto& use : circuit.channels) devices.insert(use.device);
    }
  }
  std::vector<std::pair<TimeRange, std::string>> gaps;
  for (const auto& device : devices) {
    const auto found = world.store.gaps(device, range);
    if (!found) continue;
    for (const auto& gap : *found) {
      if (gap.channel || gap.range.end - gap.range.begin < gap_worth_telling) continue;
      gaps.emplace_back(gap.range, devices.size() > 1 ? device : std::string());
    }
  }
  std::ranges::stable_sort(gaps, {}, [](const auto& one) { return one.first.begin; });
  std::vector<std::string> remarks;
  const auto& zone = world.bill.zone();
  for (const auto& [gap, device] : gaps) {
    if (remarks.size() == most_remarks) {
      remarks.push_back(fmt::format("{} more such gaps.", gaps.size() - most_remarks));
      break;
    }
    const auto begin = zone.local(gap.begin), end = zone.local(gap.end);
    const bool is_one_day =
        std::chrono::floor<std::chrono::days>(begin) == std::chrono::floor<std::chrono::days>(end);
    remarks.push_back(fmt::format("No reading{} from {}, {} to {}{}.",
                                  device.empty() ? "" : " of " + device, date_text(begin),
                                  clock_text(begin), is_one_day ? "" : date_text(end) + ", ",
                                  clock_text(end)));
  }
  return remarks;
}

void add_findings(insight::ReportFacts& facts, HealthDesk& health, TimeRange range, Timestamp now) {
  for (const auto& booked : health.book().open_findings()) {
    if (booked.finding.found >= range.end) continue;
    const auto text = health.text_of(booked, now);
    facts.findings.push_back(
        {.text = fmt::format("{} {} {}", text.changed, text.since, text.cost),
         .is_urgent = insight::row(booked.finding.change).urgency != insight::Urgency::digest});
  }
}

std::expected<std::vector<CalibrationRecord>, std::string> known_calibrations(
    const std::filesystem::path& file) {
  try {
    return load_calibrations(file);
  } catch (const std::runtime_error& wrong) {
    return std::unexpected(wrong.what());
  }
}

}  // namespace

std::expected<insight::ReportFacts, std::string> report_facts(const ReportWorld& world,
                                                              std::chrono::year_month month,
                                                              Timestamp now) {
  const auto& zone = world.bill.zone();
  const auto period = month_of(month);
  const auto range = range_of(period, zone);
  if (range.begin > now) return std::unexpected("This month has not begun.");
  const auto use = world.bill.use(range, now);
  if (!use) return std::unexpected(use.error());
  if (covered(use->grid) == 0) return std::unexpected("Nothing was measured in this month.");

  const auto calibrations = known_calibrations(world.calibrations);
  if (!calibrations) return std::unexpected(calibrations.error());

  const auto& panel = panel_at(world.home, std::min(range.end - 1ms, now));
  Errors errors(world, *calibrations, {range.begin, std::min(range.end, now)});
  insight::ReportFacts facts{.home = world.home.name,
                             .currency = world.home.currency,
                             .month = month,
                             .made = now,
                             .utc_offset = zone.offset(now)};
  facts.whole = whole_of(*use, panel, errors);
  const auto of_sun = [&](double energy) {
    const double relative = facts.whole.kwh > 0 ? facts.whole.plus_minus / facts.whole.kwh : 0;
    return Measured{energy, energy * relative};
  };
  facts.produced = of_sun(kwh(exported(use->produced)));
  facts.given_away = of_sun(kwh(exported(use->grid)));

  // Only what was measured as long is compared.
  const auto compared = [&](std::chrono::year_month other) -> std::optional<HomeUse> {
    if (now < range.end) return std::nullopt;
    auto found = world.bill.use(range_of(month_of(other), zone), now);
    if (!found || covered(found->grid) < enough) return std::nullopt;
    return std::move(*found);
  };
  std::optional<ByPart> before;
  if (const auto earlier = compared(month - std::chrono::months(1))) {
    const auto earlier_period = month_of(month - std::chrono::months(1));
    const auto earlier_range = range_of(earlier_period, zone);
    const auto& earlier_panel = panel_at(world.home, earlier_range.end - 1ms);
    Errors earlier_errors(world, *calibrations, earlier_range);
    facts.whole_before = whole_of(*earlier, earlier_panel, earlier_errors);
    facts.always_on_before_w = course_of(*earlier, earlier_period, zone).always_on_w;
    before = before_of(*earlier, earlier_panel, earlier_errors);
  }
  if (const auto year_ago = compared(month - std::chrono::years(1))) {
    const auto then = range_of(month_of(month - std::chrono::years(1)), zone);
    Errors errors_then(world, *calibrations, then);
    facts.whole_a_year_ago = whole_of(*year_ago, panel_at(world.home, then.end - 1ms), errors_then);
  }
  add_parts(facts, world, *use, panel, errors, before, now);
  auto course = course_of(*use, period, zone);
  facts.kwh_of_days = std::move(course.kwh_of_days);
  facts.kwh_of_hours = course.kwh_of_hours;
  facts.always_on_w = course.always_on_w;

  if (const auto bill = world.bill.bill(month, now)) {
    facts.bill = (*bill)->bill;
    facts.unpriced = insight::unpriced_text((*bill)->bill.unpriced, zone);
  }
  if (const auto running = world.bill.bill(world.bill.month_at(now), now)) {
    facts.bill_forecast = (*running)->forecast;
  }
  if (world.health) add_findings(facts, *world.health, range, now);
  if (world.advice) {
    for (const auto& plan : world.advice->plans()) {
      if (plan.advice.not_yet.empty()) facts.advice.push_back(plan.advice);
    }
    facts.scores = world.advice->scores();
    auto& book = world.advice->book();
    facts.outside_c = book.outdoors(
        {range.begin, std::min<Timestamp>(range.end, std::chrono::floor<std::chrono::hours>(now))});
    facts.outside_before_c =
        book.outdoors(range_of(month_of(month - std::chrono::months(1)), zone));
  }
  facts.quality = {.covered = covered(use->grid),
                   .remarks = gaps_of(world, {range.begin, std::min(range.end, now)})};
  for (const auto& part : use->circuits) {
    const auto* circuit = find(panel, part.circuit);
    const double energy = kwh(imported(part.use));
    if (circuit && energy >= least_kwh) facts.clamps.push_back(errors.row(*circuit, energy));
  }
  std::ranges::stable_sort(facts.clamps, std::ranges::greater{},
                           [](const auto& clamp) { return clamp.energy.kwh; });
  return facts;
}

BillDesk::Prepared prepare_report(const ReportWorld& world, std::chrono::year_month month,
                                  Timestamp now) {
  for (const auto one : {month, month - std::chrono::months(1), month - std::chrono::years(1),
                         world.bill.month_at(now)}) {
    const auto is_ready = world.bill.prepare_bill(one, now);
    if (!is_ready || !*is_ready) return is_ready;
  }
  return true;
}

}  // namespace hub
