#include "insight/bill/room.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <functional>
#include <ranges>
#include <span>

namespace insight {
namespace {

using measurement::MilliwattHours;
using measurement::Timestamp;
using namespace std::chrono_literals;

constexpr double quarters_a_day = 96;
constexpr double days_of_a_year = 365, least_days = 30;
constexpr double most_missing_of_a_year = 0.01;
constexpr std::size_t most_circuits_named = 5;

std::chrono::minutes time_of_day(const Zone& zone, Timestamp time) {
  return std::chrono::floor<std::chrono::minutes>(zone.local(time) - zone.day(time));
}

bool is_in(const std::optional<Hours>& hours, const Zone& zone, Timestamp time) {
  if (!hours) return true;
  const auto now = time_of_day(zone, time);
  if (hours->begin <= hours->end) return hours->begin <= now && now < hours->end;
  return now >= hours->begin || now < hours->end;
}

std::string text_of(const Zone& zone, Timestamp time) {
  const auto day = zone.day(time);
  const std::chrono::year_month_day date(day);
  const auto of_day = time_of_day(zone, time);
  return fmt::format("{:04}-{:02}-{:02} {:02}:{:02}", static_cast<int>(date.year()),
                     static_cast<unsigned>(date.month()), static_cast<unsigned>(date.day()),
                     of_day.count() / 60, of_day.count() % 60);
}

// Quarters in which every leg was measured.
struct Record {
  Timestamp first{};
  std::size_t measured = 0, span = 0;  // Quarters: with a reading, and from first to last of them.
  std::size_t longest = 0;             // In one piece.
  double highest_a = 0;                // Of any leg.
  Timestamp highest_at{};
};

Record record_of(const std::vector<LegCurrent>& legs) {
  Record record;
  std::size_t piece = 0, begun = 0;
  for (std::size_t i = 0; i < legs.front().amperes.size(); ++i) {
    const bool is_whole = std::ranges::all_of(legs, [&](const LegCurrent& leg) {
      return i < leg.amperes.size() && !std::isnan(leg.amperes[i]);
    });
    piece = is_whole ? piece + 1 : 0;
    if (!is_whole) continue;
    const auto now = legs.front().begin + static_cast<int>(i) * quarter;
    if (record.measured++ == 0) {
      record.first = now;
      begun = i;
    }
    record.span = i + 1 - begun;
    record.longest = std::max(record.longest, piece);
    for (const auto& leg : legs) {
      if (leg.amperes[i] <= record.highest_a) continue;
      record.highest_a = leg.amperes[i];
      record.highest_at = now;
    }
  }
  return record;
}

double days_of(std::size_t quarters) { return static_cast<double>(quarters) / quarters_a_day; }

bool is_of_a_year(const Record& record) {
  return days_of(record.span) >= days_of_a_year &&
         days_of(record.span - record.measured) <= most_missing_of_a_year * days_of(record.span);
}

// Why legs cannot be read beside each other; empty: they can.
std::string trouble_of(const std::vector<LegCurrent>& legs) {
  if (legs.empty()) return "No leg was measured; put clamps on the mains";
  for (const auto& leg : legs) {
    if (leg.begin != legs.front().begin) return "The legs' readings must begin at the same time";
  }
  return {};
}

std::vector<std::string> most_used(const std::vector<CircuitUse>& circuits,
                                   const std::vector<Timestamp>& when) {
  std::vector<std::pair<std::int64_t, std::string>> used;
  for (const auto& circuit : circuits) {
    std::int64_t sum = 0;
    for (const auto time : when) {
      const auto index = (time - circuit.use.begin) / quarter;
      if (index < 0 || index >= std::ssize(circuit.use.imported)) continue;
      sum += circuit.use.imported[static_cast<std::size_t>(index)].value;
    }
    if (sum > 0) used.emplace_back(sum, circuit.name);
  }
  std::ranges::stable_sort(used, std::greater{}, [](const auto& one) { return one.first; });
  std::vector<std::string> names;
  for (const auto& [sum, name] : used | std::views::take(most_circuits_named))
    names.push_back(name);
  return names;
}

// Everything that forbids the calculation.
std::vector<std::string> refusals_of(const ServiceFacts& facts,
                                     const std::vector<LegCurrent>& legs) {
  std::vector<std::string> why;
  if (facts.has_generation) {
    why.emplace_back(
        "There is generation on site: section 220.87 then does not permit this calculation, since "
        "the supply's demand is not the home's; have the load calculated by parts III or IV of "
        "article 220");
  }
  if (facts.has_peak_shaving) {
    why.emplace_back(
        "A battery or load management shaves the peaks: section 220.87 then does not permit this "
        "calculation; have the load calculated by parts III or IV of article 220");
  }
  if (!facts.was_occupied) {
    why.emplace_back(
        "The home was not occupied: the recording must be taken while it is lived in; record 30 "
        "days more");
  }
  if (!facts.saw_heating_or_cooling && facts.heating_or_cooling_va <= 0) {
    why.emplace_back(
        "Neither heating nor cooling was seen: the larger of them must be included; give its "
        "volt-amperes, or record in its season");
  }
  if (facts.service_a <= 0 || facts.voltage_v <= 0) {
    why.emplace_back("The service's rating is not known; give its amperes and volts");
  }
  if (facts.new_load_va <= 0) why.emplace_back("There is no new load; give its volt-amperes");
  if (auto trouble = trouble_of(legs); !trouble.empty()) {
    why.push_back(std::move(trouble));
    return why;
  }
  const auto record = record_of(legs);
  if (!is_of_a_year(record) && days_of(record.longest) < least_days) {
    why.push_back(fmt::format(
        "{:.1f} days were recorded in one piece; a year, or 30 days without a gap, are needed",
        std::floor(days_of(record.longest) * 10) / 10));
  }
  return why;
}

std::vector<std::string> lines_of(const NecSheet& sheet, const ServiceFacts& facts,
                                  const Zone& zone) {
  std::vector<std::string> lines = {
      "Existing load by measured demand, in the form of NEC (2023) section 220.87",
      sheet.is_of_a_year
          ? fmt::format("Recorded: {:.0f} days, a year", sheet.recorded_days)
          : fmt::format("Recorded: {:.1f} days without a gap (exception: 30 days or more)",
                        sheet.recorded_days),
      fmt::format("Highest 15-minute demand, on the leg that carries most: {:.1f} A on {}",
                  sheet.highest_a, text_of(zone, sheet.highest_at)),
      fmt::format("Maximum demand: {:.1f} A x {:.0f} V = {:.0f} VA", sheet.highest_a,
                  facts.voltage_v, sheet.demand_va),
      fmt::format("x 125 %: {:.0f} VA", sheet.demand_125_va)};
  if (sheet.added_va > 0) {
    lines.push_back(fmt::format("Heating or cooling that was not seen: {:.0f} VA", sheet.added_va));
  }
  lines.push_back(fmt::format("New load: {:.0f} VA", sheet.new_load_va));
  lines.push_back(fmt::format("Total: {:.0f} VA, {:.1f} A", sheet.total_va, sheet.total_a));
  lines.push_back(fmt::format("Service: {:.0f} A; the total is {} it", sheet.service_a,
                              sheet.is_within ? "within" : "above"));
  lines.emplace_back(
      "For your electrician: a record of measurements, no permit and no inspection. That feeder "
      "and "
      "service have overcurrent protection (240.4, 230.90) is for the electrician to see.");
  return lines;
}

constexpr std::array<double, 9> french_steps = {3, 6, 9, 12, 15, 18, 24, 30, 36};
constexpr std::array<double, 20> italian_steps = {0.5, 1, 1.5, 2, 2.5, 3,  3.5, 4,  4.5, 5,
                                                  5.5, 6, 7,   8, 9,   10, 15,  20, 25,  30};
constexpr std::array<double, 13> portuguese_steps = {1.15, 2.3,   3.45, 4.6,  5.75, 6.9, 10.35,
                                                     13.8, 17.25, 20.7, 27.6, 34.5, 41.4};
constexpr double italian_margin = 1.1;
constexpr double most_spanish_kw = 15;

std::optional<double> step_for(std::span<const double> steps, double highest) {
  const auto step = std::ranges::lower_bound(steps, highest);
  return step == steps.end() ? std::nullopt : std::optional(*step);
}

}  // namespace

std::expected<Room, std::string> room_for(const PlannedLoad& planned,
                                          const std::vector<LegCurrent>& legs,
                                          const std::vector<CircuitUse>& circuits,
                                          double main_breaker_a, double continuous_share,
                                          const Zone& zone) {
  if (auto trouble = trouble_of(legs); !trouble.empty()) return std::unexpected(trouble);
  if (planned.legs.size() != legs.size()) {
    return std::unexpected(
        fmt::format("The load is planned for {} legs, but {} were measured; name "
                    "those that it will be on",
                    planned.legs.size(), legs.size()));
  }
  if (main_breaker_a <= 0) return std::unexpected("The main breaker's amperes are not known");
  const auto record = record_of(legs);
  if (record.measured == 0) return std::unexpected("No quarter of an hour was measured yet");

  const double most = main_breaker_a * continuous_share;
  Room room{.measured_days = days_of(record.measured)};
  for (std::size_t leg = 0; leg < legs.size(); ++leg) {
    room.legs.push_back({.left_a = most - (planned.legs[leg] ? planned.amperes : 0)});
  }
  std::vector<Timestamp> over;
  for (std::size_t i = 0; i < legs.front().amperes.size(); ++i) {
    const auto now = legs.front().begin + static_cast<int>(i) * quarter;
    const bool would_run = is_in(planned.hours, zone, now);
    bool is_over = false;
    for (std::size_t leg = 0; leg < legs.size(); ++leg) {
      if (i >= legs[leg].amperes.size() || std::isnan(legs[leg].amperes[i])) continue;
      const double carried = legs[leg].amperes[i];
      auto& of_leg = room.legs[leg];
      if (carried > of_leg.highest_a) {
        of_leg.highest_a = carried;
        of_leg.highest_at = now;
      }
      if (!would_run) continue;
      const double left = most - carried - (planned.legs[leg] ? planned.amperes : 0);
      of_leg.left_a = std::min(of_leg.left_a, left);
      is_over = is_over || left < 0;
    }
    if (is_over) over.push_back(now);
  }
  room.quarters_over = over.size();
  room.is_enough =
      std::ranges::all_of(room.legs, [](const LegRoom& leg) { return leg.left_a >= 0; });
  room.could_be_shifted = most_used(circuits, over);
  return room;
}

QuarterHours with_load(const QuarterHours& grid, const PlannedLoad& planned, double kwh_a_day,
                       double nominal_voltage_v, const Zone& zone) {
  auto with = grid;
  const auto legs = static_cast<double>(std::ranges::count(planned.legs, true));
  const double most_of_a_quarter = planned.amperes * nominal_voltage_v * legs / 4000;
  double left = 0;
  for (std::size_t i = 0; i < with.imported.size(); ++i) {
    const auto now = with.begin + static_cast<int>(i) * quarter;
    if (time_of_day(zone, now) == (planned.hours ? planned.hours->begin : 0min)) left = kwh_a_day;
    if (left <= 0 || !is_in(planned.hours, zone, now)) continue;
    const double kwh = std::min(left, most_of_a_quarter);
    left -= kwh;
    const MilliwattHours drawn{std::llround(kwh * 1e6)};
    const auto own = std::min(with.exported[i], drawn);
    with.exported[i] = with.exported[i] - own;
    with.imported[i] = with.imported[i] + (drawn - own);
  }
  return with;
}

std::expected<NecSheet, std::vector<std::string>> nec_220_87(const ServiceFacts& facts,
                                                             const std::vector<LegCurrent>& legs,
                                                             const Zone& zone) {
  if (auto why = refusals_of(facts, legs); !why.empty()) return std::unexpected(std::move(why));
  const auto record = record_of(legs);
  NecSheet sheet{.highest_a = record.highest_a,
                 .highest_at = record.highest_at,
                 .new_load_va = facts.new_load_va,
                 .service_a = facts.service_a};
  sheet.is_of_a_year = is_of_a_year(record);
  sheet.recorded_days = days_of(sheet.is_of_a_year ? record.span : record.longest);
  sheet.demand_va = record.highest_a * facts.voltage_v;
  sheet.demand_125_va = 1.25 * sheet.demand_va;
  if (!facts.saw_heating_or_cooling) sheet.added_va = facts.heating_or_cooling_va;
  sheet.total_va = sheet.demand_125_va + sheet.added_va + sheet.new_load_va;
  sheet.total_a = sheet.total_va / facts.voltage_v;
  sheet.is_within = sheet.total_a <= facts.service_a;
  sheet.lines = lines_of(sheet, facts, zone);
  return sheet;
}

std::optional<ContractedPower> contracted_power(std::string_view country, double highest_kw,
                                                double highest_kva) {
  ContractedPower power;
  std::optional<double> step;
  if (country == "ES") {
    power = {highest_kw, 0, "kW", "multiples of 0.1 kW up to 15 kW",
             "Real Decreto-ley 15/2018, article 16"};
    const double tenths = std::ceil(highest_kw * 10 - 1e-9) / 10;
    if (tenths <= most_spanish_kw) step = tenths;
  } else if (country == "FR") {
    power = {highest_kva, 0, "kVA", "3, 6, 9, 12, 15, 18, 24, 30 and 36 kVA",
             "subscribed powers up to 36 kVA of the regulated tariff"};
    step = step_for(french_steps, highest_kva);
  } else if (country == "IT") {
    power = {highest_kw, 0, "kW",
             "0.5 to 6 kW by 0.5, to 10 kW by 1, to 30 kW by 5; a tenth more may be drawn",
             "ARERA, Atlante per il consumatore: potenza impegnata"};
    step = step_for(italian_steps, highest_kw / italian_margin);
  } else if (country == "PT") {
    power = {highest_kva, 0, "kVA",
             "1.15, 2.3, 3.45, 4.6, 5.75, 6.9, 10.35, 13.8, 17.25, 20.7, 27.6, 34.5 and 41.4 kVA",
             "ERSE: potência contratada"};
    step = step_for(portuguese_steps, highest_kva);
  }
  if (!step) return std::nullopt;
  power.sufficient = *step;
  return power;
}

}  // namespace insight
