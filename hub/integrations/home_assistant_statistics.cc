#include "hub/integrations/home_assistant_statistics.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cassert>
#include <cmath>
#include <map>
#include <utility>

namespace hub {
namespace {

using measurement::Timestamp;
using nlohmann::json;

constexpr double a_milliwatt_hour = 1e-6;  // In kWh, as all numbers here.
constexpr double a_watt_hour = 1e-3;
// What a counter told at the end of an hour may lack: some minutes of a large house.
constexpr double most_late = 1;

double in_kwh(const Energy& energy, Direction direction) {
  const auto& counted = direction == Direction::imported ? energy.imported : energy.exported;
  return static_cast<double>(counted.value) / 1e6;
}

double offset(const StatisticsRow& row) { return row.sum - row.state; }

bool is_same(double a, double b) { return std::abs(a - b) <= 1.01 * a_milliwatt_hour; }

// What an hour is to show, and what it shows now.
struct Step {
  double gained = 0;
  bool is_known = false;  // By the ledger.
  const StatisticsRow* existing = nullptr;
};
using Steps = std::map<Timestamp, Step>;

// What Home Assistant was told beyond the ledger's hours (or, negative, was not) stays in the hours
// in which it is: first in those that the ledger does not know. Gives back what has no place.
double keep(double rest, const StatisticsRow& anchor, Steps& steps) {
  for (const bool is_known : {false, true}) {
    double sum_before = anchor.sum;
    for (auto& [start, step] : steps) {
      const double shown = step.existing ? step.existing->sum - sum_before : 0;
      if (step.existing) sum_before = step.existing->sum;
      if (step.is_known != is_known) continue;
      const double kept = rest > 0 ? std::clamp(shown - step.gained, 0.0, rest)
                                   : std::clamp(shown - step.gained, rest, 0.0);
      step.gained += kept;
      rest -= kept;
    }
  }
  return rest;
}

// Writes `before` for a row that is not there: like the one before it, so that it shows nothing.
StatisticsRow flat(Timestamp start, const StatisticsRow* before) {
  return before ? StatisticsRow{start, before->state, before->sum} : StatisticsRow{start, 0, 0};
}

}  // namespace

std::expected<DifferingRows, std::string> differing_rows(std::span<const HourOfEnergy> hours,
                                                         Direction direction,
                                                         std::span<const StatisticsRow> existing,
                                                         bool is_ours) {
  if (!is_ours && existing.empty()) return std::unexpected("has no statistics yet");
  DifferingRows result;
  const auto first_after = hours.empty() ? existing.begin()
                                         : std::ranges::lower_bound(existing, hours.front().begin,
                                                                    {}, &StatisticsRow::start);
  StatisticsRow anchor;
  const StatisticsRow* anchor_row = nullptr;
  std::optional<double> begun;  // What the first hour of a series of Home Assistant's is to show.
  if (first_after != existing.begin()) {
    anchor_row = &*std::prev(first_after);
    anchor = *anchor_row;
  } else if (!is_ours) {
    const auto& first = existing.front();
    const auto from = std::ranges::lower_bound(hours, first.start, {}, &HourOfEnergy::begin);
    hours = hours.subspan(static_cast<std::size_t>(from - hours.begin()));
    anchor = {first.start - std::chrono::hours(1), first.state - first.sum, 0};
    if (!hours.empty() && hours.front().begin == first.start) {
      begun = in_kwh(hours.front().counter, direction) + offset(first);
      if (std::abs(*begun - first.sum) > most_late) begun = first.sum;
    }
  }
  if (hours.empty()) return result;

  const auto last = hours.back().begin;
  Steps steps;
  double gained = 0;
  for (const auto& hour : hours) {
    const double in_hour = begun ? *begun : in_kwh(hour.gained, direction);
    begun.reset();
    steps[hour.begin] = {in_hour, true, nullptr};
    gained += in_hour;
  }
  auto present = anchor;  // Whose offset holds at the end.
  for (const auto& row : existing) {
    if (row.start <= anchor.start && anchor_row) continue;
    if (row.start > last && present.start >= last) break;
    present = row;
    if (row.start <= last) steps[row.start].existing = &row;
  }

  if (!is_ours) {
    const double end = in_kwh(hours.back().counter, direction) + offset(present);
    const double rest = end - anchor.sum - gained;
    const double homeless = keep(rest, anchor, steps);
    if (std::abs(homeless) > most_late) {
      return std::unexpected(fmt::format(
          "differs by {:.3f} kWh from what was counted between {} and {}; it is tried again when "
          "the hub has caught up with its meters",
          homeless, iso_time(anchor.start), iso_time(last)));
    }
    // Its predecessor was told some minutes too early.
    steps.begin()->second.gained += std::max(homeless, -steps.begin()->second.gained);
    if (std::abs(rest) > most_late) {
      result.note = fmt::format(
          "shows {:.3f} kWh {} than was counted between {} and {}; this stays as it is (its sum "
          "was "
          "adjusted by hand, its counter had begun anew, or the circuit's clamps were corrected)",
          std::abs(rest), rest > 0 ? "more" : "less", iso_time(anchor.start), iso_time(last));
    }
  }

  double sum = anchor.sum, present_offset = is_ours ? 0 : offset(anchor);
  const StatisticsRow* before = anchor_row;
  for (const auto& [start, step] : steps) {
    sum += step.gained;
    if (step.existing && !is_ours &&
        std::abs(offset(*step.existing) - present_offset) >= a_watt_hour) {
      present_offset = offset(*step.existing);
    }
    const StatisticsRow wanted{start, sum - present_offset, sum};
    const auto was = step.existing ? *step.existing : flat(start, before);
    if (!step.existing || !is_same(was.sum, wanted.sum) || !is_same(was.state, wanted.state)) {
      result.rows.push_back({wanted, step.existing != nullptr, was});
    }
    if (step.existing) before = step.existing;
  }
  return result;
}

StatisticsChange continued(std::span<const StatisticsRow> old_rows,
                           std::span<const StatisticsRow> ours) {
  assert(!ours.empty() && "BUG: a series that is not there cannot be continued");
  std::map<Timestamp, const StatisticsRow*> old_by_start;
  for (const auto& row : old_rows) old_by_start.emplace(row.start, &row);
  // What an earlier run has brought here.
  const auto own = std::ranges::find_if(ours, [&](const StatisticsRow& row) {
    const auto found = old_by_start.find(row.start);
    return found == old_by_start.end() || !is_same(found->second->sum, row.sum);
  });
  StatisticsChange change;
  if (own == ours.end()) return change;
  const StatisticsRow* last = nullptr;
  for (const auto& row : old_rows) {
    if (row.start >= own->start) break;
    last = &row;
    if (std::ranges::none_of(std::span(ours.begin(), own),
                             [&](const auto& known) { return known.start == row.start; })) {
      change.rows.push_back({row, false, StatisticsRow{row.start, 0, 0}});
    }
  }
  if (!last) return change;
  const bool is_first_run = own == ours.begin();
  if (is_first_run || own->sum < last->sum - a_milliwatt_hour) {
    change.raise = StatisticsChange::Raise{own->start, last->sum};
  }
  return change;
}

bool StatisticsPlan::is_empty() const {
  return std::ranges::all_of(changes, [](const auto& c) { return c.rows.empty() && !c.raise; });
}

std::size_t StatisticsPlan::rows() const {
  std::size_t count = 0;
  for (const auto& change : changes) count += change.rows.size();
  return count;
}

std::string iso_time(Timestamp time) {
  const auto day = std::chrono::floor<std::chrono::days>(time);
  const std::chrono::year_month_day date(day);
  const std::chrono::hh_mm_ss clock(std::chrono::floor<std::chrono::seconds>(time - day));
  return fmt::format("{:04}-{:02}-{:02}T{:02}:{:02}:{:02}+00:00", static_cast<int>(date.year()),
                     static_cast<unsigned>(date.month()), static_cast<unsigned>(date.day()),
                     clock.hours().count(), clock.minutes().count(), clock.seconds().count());
}

std::string describe(const StatisticsPlan& plan) {
  std::string text;
  for (const auto& change : plan.changes) {
    auto row = change.rows.begin();
    while (row != change.rows.end()) {
      auto end = std::next(row);
      while (end != change.rows.end() &&
             end->row.start == std::prev(end)->row.start + std::chrono::hours(1)) {
        ++end;
      }
      const auto& last = *std::prev(end);
      text += fmt::format(
          "{} ({}): {} hours from {}, sum {:.3f} to {:.3f} kWh (was {:.3f} to {:.3f})\n",
          change.statistic_id, change.name, end - row, iso_time(row->row.start), row->row.sum,
          last.row.sum, row->before.sum, last.before.sum);
      row = end;
    }
    if (change.raise) {
      text += fmt::format("{} ({}): all sums from {} on are raised by {:.3f} kWh\n",
                          change.statistic_id, change.name, iso_time(change.raise->from),
                          change.raise->kwh);
    }
  }
  return text;
}

StatisticsPlan reversed(const StatisticsPlan& plan) {
  StatisticsPlan back;
  for (auto change : plan.changes) {
    for (auto& row : change.rows) {
      std::swap(row.row, row.before);
      row.existed = true;
    }
    if (change.raise) change.raise->kwh = -change.raise->kwh;
    back.changes.push_back(std::move(change));
  }
  return back;
}

namespace {

constexpr std::string_view undo_format = "lenz-statistics-undo";

json row_json(const StatisticsRow& row) {
  return {{"start", iso_time(row.start)}, {"state", row.state}, {"sum", row.sum}};
}

// Throws what json throws.
StatisticsRow row_of(const json& from, Timestamp start) {
  return {start, from.at("state").get<double>(), from.at("sum").get<double>()};
}

}  // namespace

std::string undo_file(const StatisticsPlan& done, Timestamp now) {
  json changes = json::array();
  for (const auto& change : done.changes) {
    json rows = json::array();
    for (const auto& row : change.rows) {
      rows.push_back({{"hour", row.row.start.time_since_epoch().count()},
                      {"existed", row.existed},
                      {"before", row_json(row.before)},
                      {"written", row_json(row.row)}});
    }
    json entry = {{"statistic_id", change.statistic_id},
                  {"name", change.name},
                  {"unit", change.unit},
                  {"rows", rows}};
    if (change.raise) {
      entry["raised"] = {{"hour", change.raise->from.time_since_epoch().count()},
                         {"kwh", change.raise->kwh}};
    }
    changes.push_back(entry);
  }
  return json{{"format", undo_format},
              {"version", 1},
              {"written_at", iso_time(now)},
              {"about",
               "What Lenz changed in Home Assistant's statistics, in kWh; hours in milliseconds "
               "since 1970. `lenz home-assistant undo` writes `before` back. A row that did not "
               "exist (existed: false) cannot be deleted: it is made to show no energy."},
              {"changes", changes}}
      .dump(1, ' ', false, json::error_handler_t::replace);
}

std::expected<StatisticsPlan, std::string> parse_undo(std::string_view file) {
  const auto time = [](const json& from) {
    return Timestamp(std::chrono::milliseconds(from.at("hour").get<std::int64_t>()));
  };
  try {
    const auto parsed = json::parse(file);
    if (parsed.at("format") != undo_format || parsed.at("version") != 1) {
      return std::unexpected("This is not an undo file of this version of Lenz.");
    }
    StatisticsPlan plan;
    for (const auto& from : parsed.at("changes")) {
      StatisticsChange change{.statistic_id = from.at("statistic_id"),
                              .name = from.at("name"),
                              .unit = from.at("unit")};
      for (const auto& row : from.at("rows")) {
        change.rows.push_back({row_of(row.at("written"), time(row)), row.at("existed"),
                               row_of(row.at("before"), time(row))});
      }
      if (from.contains("raised")) {
        change.raise =
            StatisticsChange::Raise{time(from.at("raised")), from.at("raised").at("kwh")};
      }
      plan.changes.push_back(std::move(change));
    }
    return reversed(plan);
  } catch (const json::exception& error) {
    return std::unexpected(fmt::format("This is not an undo file ({}).", error.what()));
  }
}

namespace {

// Units of Home Assistant for one kWh; 0: none that we write.
double per_kwh(std::string_view unit) {
  struct Unit {
    std::string_view name;
    double per_kwh;
  };
  constexpr std::array units = {Unit{"kWh", 1}, Unit{"Wh", 1e3}, Unit{"MWh", 1e-3}};
  const auto found = std::ranges::find(units, unit, &Unit::name);
  return found == units.end() ? 0 : found->per_kwh;
}

}  // namespace

void StatisticsWriter::write(StatisticsPlan plan, Done done) {
  assert(!is_busy() && "BUG: one plan at a time");
  plan_ = std::move(plan);
  done_ = std::move(done);
  change_ = row_ = sent_ = 0;
  next();
}

void StatisticsWriter::next() {
  while (change_ < plan_.changes.size() && row_ >= plan_.changes[change_].rows.size() &&
         !plan_.changes[change_].raise) {
    ++change_;
    row_ = 0;
  }
  if (change_ == plan_.changes.size()) return end(sent_);

  auto& change = plan_.changes[change_];
  const auto factor = per_kwh(change.unit);
  if (factor == 0) {
    return end(std::unexpected(fmt::format(
        "Home Assistant keeps {} in {}, which Lenz does not write; change its unit to kWh there.",
        change.statistic_id, change.unit)));
  }
  json request;
  std::size_t rows = 0;
  if (row_ < change.rows.size()) {
    rows = std::min(most_rows, change.rows.size() - row_);
    json stats = json::array();
    for (const auto& row : std::span(change.rows).subspan(row_, rows)) {
      stats.push_back({{"start", iso_time(row.row.start)},
                       {"state", row.row.state * factor},
                       {"sum", row.row.sum * factor}});
    }
    const auto colon = change.statistic_id.find(':');
    const bool is_external = colon != std::string::npos;
    request = {{"type", "recorder/import_statistics"},
               {"metadata",
                {{"statistic_id", change.statistic_id},
                 {"source", is_external ? change.statistic_id.substr(0, colon) : "recorder"},
                 {"name", is_external ? json(change.name) : json()},
                 {"has_sum", true},
                 {"mean_type", 0},
                 {"unit_class", "energy"},
                 {"unit_of_measurement", change.unit}}},
               {"stats", stats}};
  } else {
    request = {{"type", "recorder/adjust_sum_statistics"},
               {"statistic_id", change.statistic_id},
               {"start_time", iso_time(change.raise->from)},
               {"adjustment", change.raise->kwh},
               {"adjustment_unit_of_measurement", "kWh"}};
  }
  conversation_.ask(std::move(request), [this, rows](HomeAssistantConversation::Answer answer) {
    if (!answer) return end(std::unexpected(answer.error().sentence));
    sent_ += rows;
    row_ += rows;
    if (rows == 0) plan_.changes[change_].raise.reset();
    next();
  });
}

void StatisticsWriter::end(std::expected<std::size_t, std::string> result) {
  std::exchange(done_, {})(std::move(result));
}

std::vector<StatisticsRow> statistics_rows(const json& result, const std::string& id) {
  std::vector<StatisticsRow> rows;
  const auto found = result.is_object() ? result.value(id, json()) : json();
  if (!found.is_array()) return rows;
  for (const auto& row : found) {
    if (!row.is_object()) continue;
    const auto start = row.value("start", json()), state = row.value("state", json()),
               sum = row.value("sum", json());
    if (!start.is_number() || !state.is_number() || !sum.is_number()) continue;
    rows.push_back({Timestamp(std::chrono::milliseconds(start.get<std::int64_t>())), state, sum});
  }
  return rows;
}

json statistics_question(const std::string& id, Timestamp from) {
  return {{"type", "recorder/statistics_during_period"},
          {"start_time", iso_time(from)},
          {"statistic_ids", {id}},
          {"period", "hour"},
          {"units", {{"energy", "kWh"}}},
          {"types", {"state", "sum"}}};
}

std::map<std::string, std::string> statistics_units(const json& metadata) {
  std::map<std::string, std::string> units;
  if (!metadata.is_array()) return units;
  for (const auto& entry : metadata) {
    if (!entry.is_object()) continue;
    const auto id = entry.value("statistic_id", json()),
               unit = entry.value("statistics_unit_of_measurement", json());
    if (id.is_string() && unit.is_string()) units.emplace(id, unit);
  }
  return units;
}

}  // namespace hub
