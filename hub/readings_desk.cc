#include "hub/readings_desk.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <stdexcept>

#include "hub/counted.h"
#include "hub/mains_desk.h"
#include "insight/calibration/error_sum.h"

namespace hub {

using measurement::Timestamp;
using namespace std::chrono_literals;

namespace {

constexpr auto reading_takes = 30s;  // From the look at the display until it is typed.
constexpr auto good_for = 10min;     // A comparison, since samples may come late.
// A span may begin so much of itself before the clamps were set: that is how it is typed.
constexpr double most_before = 0.01;

bool is_metered_grid(const Circuit& circuit) {
  return circuit.kind == CircuitKind::grid && !circuit.channels.empty();
}

std::string key_of(const UtilityReading& reading) {
  return fmt::format("{} {} {} {}", reading.circuit, reading.time.time_since_epoch().count(),
                     reading.imported_kwh, reading.exported_kwh);
}

auto newest_in(std::vector<UtilityReading>& all, const std::string& circuit) {
  return std::find_if(all.rbegin(), all.rend(),
                      [&](const auto& reading) { return reading.circuit == circuit; });
}

double days(Timestamp::duration time) {
  return std::chrono::duration<double, std::ratio<86'400>>(time).count();
}

// What a clamp's current and voltage may be apart.
double phase_degrees(const insight::Accuracy& accuracy) {
  insight::ErrorSum sum;
  sum.add_limit(accuracy.phase_limit);
  sum.add_limit(accuracy.second_phase_limit);
  sum.add_deviation(accuracy.phase_deviation);
  return sum.interval();
}

}  // namespace

std::vector<ReadingsDesk::Standing> ReadingsDesk::standings(Timestamp now) {
  const auto readings = load_readings(readings_);
  const auto book = load_calibrations(calibrations_);
  std::vector<Standing> all;
  for (const auto& circuit : panel_at(home_, now).circuits) {
    if (is_metered_grid(circuit)) all.push_back(standing(circuit, readings, book, now));
  }
  return all;
}

const ReadingsDesk::Comparison& ReadingsDesk::compared(const UtilityReading& first,
                                                       const UtilityReading& second,
                                                       const std::vector<CalibrationRecord>& book,
                                                       Timestamp now) {
  auto& known = known_.try_emplace({key_of(first), key_of(second)}, Known{{}, {}}).first->second;
  if (known.looked != Timestamp{} && now - known.looked < good_for) return known.comparison;
  known.looked = now;
  double degrees = 0;
  for (const auto& circuit : panel_at(home_, second.time).circuits) {
    if (circuit.id != second.circuit) continue;
    for (const auto& clamp : circuit.channels) {
      degrees = std::max(degrees, phase_degrees(accuracy_of(book, clamp)));
    }
  }
  const auto ours =
      counted(store_, home_, second.circuit, {first.time, second.time}, reading_takes, degrees);
  known.comparison =
      ours ? insight::compare(first.display(), second.display(), *ours, second.class_percent)
           : std::unexpected(ours.error());
  return known.comparison;
}

ReadingsDesk::Standing ReadingsDesk::standing(const Circuit& circuit,
                                              const std::vector<UtilityReading>& readings,
                                              const std::vector<CalibrationRecord>& book,
                                              Timestamp now) {
  Standing result{.circuit = circuit.id, .clamps = circuit.channels};
  for (const auto& reading : readings) {
    if (reading.circuit == circuit.id) result.rows.push_back({reading, {}});
  }
  auto& rows = result.rows;
  if (rows.size() > most_shown) {
    rows.erase(rows.begin(), rows.end() - static_cast<std::ptrdiff_t>(most_shown));
  }
  if (rows.empty()) return result;
  const auto set = newest_of(book, circuit.channels);
  const auto is_after = [&](Timestamp begin, Timestamp end) {
    return begin >= set || static_cast<double>((set - begin).count()) <=
                               most_before * static_cast<double>((end - begin).count());
  };
  // Those that hold for the clamps as they are set, of the meter that is there now.
  std::vector<insight::CheckedSpan> spans;
  const UtilityReading* first = nullptr;
  const auto* last = &rows.back().reading;
  for (std::size_t i = 0; i < rows.size(); ++i) {
    if (rows[i].reading.is_new_meter) {
      first = nullptr;
      spans.clear();
    }
    if (!first && is_after(rows[i].reading.time, last->time)) first = &rows[i].reading;
    if (i == 0 || rows[i].reading.is_new_meter) continue;
    const auto &before = rows[i - 1].reading, &after = rows[i].reading;
    auto& since_last = rows[i].since_last;
    if (before.time < set && set < after.time && !is_after(before.time, after.time)) {
      since_last = std::unexpected("The clamps were set in between: the next reading tells.");
      continue;
    }
    since_last = compared(before, after, book, now);
    if (!*since_last || !is_after(before.time, after.time)) continue;
    const auto& found = **since_last;
    // Drift takes a digit for what is off in its two readings.
    spans.push_back({.days = days(before.time + (after.time - before.time) / 2 - Timestamp{}),
                     .utility_kwh = found.utility_kwh,
                     .our_kwh = found.our_kwh,
                     .digit_kwh = found.own_deviation_kwh * std::sqrt(6.0)});
  }
  double stated = 0;
  for (const auto& clamp : circuit.channels) {
    const auto accuracy = accuracy_of(book, clamp);
    stated = std::max(
        stated, insight::plus_minus_percent(accuracy, home_.nominal_voltage_v,
                                            circuit.rating_a > 0 ? circuit.rating_a / 5 : 10, 1));
  }
  result.stated_percent = std::hypot(stated, last->class_percent);
  result.drift = insight::drift(spans, result.stated_percent);
  if (first && first != last) {
    result.gain = compared(*first, *last, book, now);
    result.gain_from = *first;
    result.gain_to = *last;
  }
  return result;
}

ReadingsDesk::Done ReadingsDesk::add(UtilityReading reading, Timestamp now) {
  const auto& circuits = panel_at(home_, now).circuits;
  const auto circuit = std::ranges::find(circuits, reading.circuit, &Circuit::id);
  if (circuit == circuits.end() || !is_metered_grid(*circuit)) {
    return std::unexpected(
        "Only the mains, with their clamps, can be held against the utility's meter.");
  }
  if (auto good = check(reading); !good) return good;
  reading.time = now;
  try {
    auto all = load_readings(readings_);
    if (all.size() >= most_readings) {
      return std::unexpected(
          fmt::format("{} holds {} readings, which is as many as are kept: remove old ones there.",
                      readings_.string(), all.size()));
    }
    if (const auto last = newest_in(all, reading.circuit); last != all.rend()) {
      const auto old = last->display(), newer = reading.display();
      if (reading.time - last->time < 1min) {
        return std::unexpected("There is a reading of this minute: take it back, or wait.");
      }
      const bool went_back =
          newer.imported_kwh < old.imported_kwh ||
          (newer.exported_kwh && old.exported_kwh && *newer.exported_kwh < *old.exported_kwh);
      if (went_back && !reading.is_new_meter) {
        return std::unexpected(fmt::format(
            "The display showed {} kWh before and {} now: correct what is mistyped, or say that it "
            "is another meter.",
            last->imported_kwh, reading.imported_kwh));
      }
    }
    all.push_back(std::move(reading));
    save_readings(all, readings_);
  } catch (const std::runtime_error& trouble) {
    return std::unexpected(trouble.what());
  }
  return {};
}

ReadingsDesk::Done ReadingsDesk::take_back(const std::string& circuit) {
  try {
    auto all = load_readings(readings_);
    const auto last = newest_in(all, circuit);
    if (last == all.rend()) return std::unexpected("There is no reading to take back.");
    all.erase(std::next(last).base());
    save_readings(all, readings_);
  } catch (const std::runtime_error& trouble) {
    return std::unexpected(trouble.what());
  }
  return {};
}

std::expected<std::vector<WordsChange>, std::string> ReadingsDesk::changes(
    const std::string& circuit, Timestamp now) {
  for (const auto& each : standings(now)) {
    if (each.circuit != circuit) continue;
    if (!each.gain) break;
    if (!*each.gain) return std::unexpected(each.gain->error());
    const auto& found = **each.gain;
    const auto &from = each.gain_from, &to = each.gain_to;
    const double hours = days(to.time - from.time) * 24;
    const double amperes = 1000 * std::abs(found.utility_kwh) / hours / home_.nominal_voltage_v /
                           static_cast<double>(each.clamps.size());
    const auto reference = fmt::format("The utility's meter, class {:g}, {} to {} kWh",
                                       to.class_percent, from.imported_kwh, to.imported_kwh);
    return gain_changes(each.clamps, found.gain, amperes, reference);
  }
  return std::unexpected(
      "Two readings of the utility's meter are needed since the clamps were set last.");
}

}  // namespace hub
