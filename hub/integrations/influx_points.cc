#include "hub/integrations/influx_points.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <optional>

#include "hub/circuit_energy.h"
#include "hub/integrations/home_assistant_sensors.h"
#include "hub/integrations/line_protocol.h"

namespace hub {
namespace {

using measurement::Quantity;
using measurement::Sample;
using measurement::Stream;
using measurement::Timestamp;
using namespace std::chrono_literals;

constexpr std::array kinds = {"grid", "solar", "battery", "ev", "subpanel", "load"};

// A quantity in both schemas. A step of ours is the quantity's resolution.
struct Column {
  Quantity quantity;
  std::string_view unit;         // Last part of the float field's name.
  std::string_view scaled_unit;  // Of the integer field's name.
  std::string_view sensor;       // Key of Home Assistant's sensor; empty: there is none.
  bool has_range = false;        // Least and greatest are told too.
};
constexpr std::array columns = {
    Column{Quantity::active_power, "w", "dw", "power", true},
    Column{Quantity::reactive_power, "var", "dvar", ""},
    Column{Quantity::voltage, "v", "dv", "voltage"},
    Column{Quantity::current, "a", "ma", "current"},
    Column{Quantity::power_factor, "", "permille", "power_factor"},
};

// The samples of one quantity within one step.
struct Spread {
  std::size_t count = 0;
  double sum = 0, min = 0, max = 0;

  void add(double value) {
    min = count == 0 ? value : std::min(min, value);
    max = count == 0 ? value : std::max(max, value);
    sum += value;
    ++count;
  }
  std::optional<double> mean() const {
    if (count == 0) return std::nullopt;
    return sum / static_cast<double>(count);
  }
};

using Spreads = std::array<Spread, columns.size()>;

std::optional<double> value(const Sample& sample, Quantity quantity, std::size_t index) {
  const auto steps = sample.steps(quantity, index);
  if (!steps) return std::nullopt;
  return static_cast<double>(*steps) * row(quantity).resolution;
}

// Voltage, current and what follows from them are those of one clamp: the sum of two is none.
std::optional<double> value(const Circuit& circuit, const std::string& device, const Sample& sample,
                            Quantity quantity) {
  if (quantity == Quantity::active_power) {
    const auto watts = active_power(circuit, device, sample);
    return watts ? std::optional<double>(watts->value) : std::nullopt;
  }
  if (circuit.channels.size() != 1 || quantity == Quantity::power_factor) return std::nullopt;
  const auto& use = circuit.channels.front();
  if (use.device != device || use.channel >= sample.channels()) return std::nullopt;
  const auto found =
      value(sample, quantity,
            quantity == Quantity::voltage ? measurement::chip_of(use.channel) : use.channel);
  return found && quantity == Quantity::reactive_power ? *found * use.multiplier : found;
}

// As the store has it: the mean power by the mean voltage times the mean current, from 1 VA on.
std::optional<double> power_factor(const Circuit& circuit, const Spreads& spreads) {
  const auto power = spreads[0].mean(), voltage = spreads[2].mean(), current = spreads[3].mean();
  if (!power || !voltage || !current || *voltage * *current < 1) return std::nullopt;
  const double times = std::abs(circuit.channels.front().multiplier);
  if (times == 0) return std::nullopt;
  return std::clamp(*power / times / (*voltage * *current), -1.0, 1.0);
}
static_assert(columns[0].quantity == Quantity::active_power &&
              columns[2].quantity == Quantity::voltage && columns[3].quantity == Quantity::current);

// The samples that speak for a step: the steady ones, else the coarse ones.
std::vector<const Sample*> samples_of(const std::vector<Store::Kept>& kept, TimeRange step) {
  for (const auto stream : {Stream::samples, Stream::coarse}) {
    std::vector<const Sample*> found;
    for (const auto& one : kept) {
      if (one.stream == stream && one.time >= step.begin && one.time < step.end) {
        found.push_back(&one.sample);
      }
    }
    if (!found.empty()) return found;
  }
  return {};
}

Spreads spreads_of(const Circuit& circuit, const std::string& device,
                   const std::vector<const Sample*>& samples) {
  Spreads spreads;
  for (std::size_t i = 0; i < columns.size(); ++i) {
    for (const auto* sample : samples) {
      if (const auto found = value(circuit, device, *sample, columns[i].quantity)) {
        spreads[i].add(*found);
      }
    }
  }
  if (const auto factor = power_factor(circuit, spreads)) {
    const auto column = std::ranges::find(columns, Quantity::power_factor, &Column::quantity);
    spreads[static_cast<std::size_t>(column - columns.begin())].add(*factor);
  }
  return spreads;
}

void add(Lines& lines, const Line& line, Timestamp time) {
  if (auto text = line.at(time)) lines.push_back(std::move(*text));
}

// --- Our own schema

void put(Line& line, const Column& column, std::string_view part, double number, bool is_scaled) {
  const auto unit = is_scaled ? column.scaled_unit : column.unit;
  const auto name =
      fmt::format("{}{}{}{}", row(column.quantity).name, part, unit.empty() ? "" : "_", unit);
  const double resolution = row(column.quantity).resolution;
  if (is_scaled) {
    line.integer(name, std::llround(number / resolution));
  } else {
    // A tenth of the resolution is all that a mean can have; a shorter number takes less room.
    const double fine = std::round(10 / resolution);
    line.number(name, std::round(number * fine) / fine);
  }
}

Line own_line(std::string_view name, const Home& home, const Circuit& circuit) {
  Line line(name);
  line.tag("circuit", circuit.id).tag("home", home.id);
  return line;
}

void add_own(Lines& lines, const Home& home, const Circuit& circuit, const Spreads& spreads,
             bool is_scaled, Timestamp time) {
  auto line = own_line("circuit", home, circuit);
  for (std::size_t i = 0; i < columns.size(); ++i) {
    const auto mean = spreads[i].mean();
    if (!mean) continue;
    put(line, columns[i], "", *mean, is_scaled);
    if (!columns[i].has_range) continue;
    put(line, columns[i], "_min", spreads[i].min, is_scaled);
    put(line, columns[i], "_max", spreads[i].max, is_scaled);
  }
  add(lines, line, time);
}

void add_own(Lines& lines, const Home& home, const Circuit& circuit, const Energy& gained,
             Timestamp minute) {
  auto line = own_line("energy", home, circuit);
  line.integer("imported_mwh", gained.imported.value);
  line.integer("exported_mwh", gained.exported.value);
  add(lines, line, minute);
}

// --- Home Assistant's

void add_entity(Lines& lines, const Home& home, const Circuit& circuit, const SensorRow& sensor,
                double number, Timestamp time) {
  const auto entity = default_entity_id(home, circuit.id, sensor.entity);
  // Its integration names the measurement after the entity where there is no unit.
  Line line(sensor.unit.empty() ? std::string_view(entity) : sensor.unit);
  line.tag("domain", "sensor").tag("entity_id", entity.substr(entity.find('.') + 1));
  add(lines, line.number("value", number), time);
}

void add_entities(Lines& lines, const Home& home, const Circuit& circuit, const Spreads& spreads,
                  Timestamp time) {
  for (const auto& sensor : sensors_of(circuit, {})) {
    const auto column = std::ranges::find(columns, sensor.key, &Column::sensor);
    if (column == columns.end()) continue;
    const auto mean = spreads[static_cast<std::size_t>(column - columns.begin())].mean();
    if (mean) add_entity(lines, home, circuit, sensor, *mean, time);
  }
}

// The counters at the end of a minute: those at the begin of its hour and what it gained since.
Energy counter_at(Ledger& ledger, std::string_view circuit, Timestamp hour, const Energy& gained) {
  const auto found = ledger.hours(circuit, {hour, hour + 1h});
  if (!found.empty()) return found.front().counter - found.front().gained + gained;
  const auto before = ledger.hours(circuit, {hour - 24h * 31, hour});
  if (before.empty()) return gained;
  return before.back().counter + gained;
}

std::expected<void, StoreError> add_counters(Lines& lines, const Home& home, Store& store,
                                             Ledger& ledger, std::string_view device,
                                             Timestamp minute) {
  const Timestamp hour = std::chrono::floor<std::chrono::hours>(minute);
  const auto gained = circuit_energy(home, device, {hour, minute + 1min}, store);
  if (!gained) return std::unexpected(gained.error());
  for (const auto& circuit : panel_at(home, minute).circuits) {
    const auto found = gained->find(circuit.id);
    if (found == gained->end()) continue;
    const auto counter = counter_at(ledger, circuit.id, hour, found->second);
    for (const auto& sensor : sensors_of(circuit, counter)) {
      if (!sensor.counts) continue;
      const auto energy =
          *sensor.counts == Direction::imported ? counter.imported : counter.exported;
      // As with the sensors, their time is that at which they stood so.
      add_entity(lines, home, circuit, sensor, static_cast<double>(energy.value) / 1e6,
                 minute + 1min);
    }
  }
  return {};
}

std::int64_t seconds(std::chrono::milliseconds time) {
  return std::chrono::round<std::chrono::seconds>(time).count();
}

}  // namespace

std::expected<Lines, StoreError> lines_of_minute(const Home& home, Store& store, Ledger& ledger,
                                                 const InfluxDb& influx, std::string_view device,
                                                 Timestamp minute) {
  const auto kept = store.samples(device, {minute, minute + 1min});
  if (!kept) return std::unexpected(kept.error());
  const std::string name(device);
  Lines lines;
  for (auto begin = minute; begin < minute + 1min; begin += influx.step) {
    const auto samples = samples_of(*kept, {begin, begin + influx.step});
    if (samples.empty()) continue;
    for (const auto& circuit : panel_at(home, begin).circuits) {
      const auto spreads = spreads_of(circuit, name, samples);
      if (influx.schema == InfluxSchema::lenz) {
        add_own(lines, home, circuit, spreads, influx.scaled_integers, begin);
      } else {
        add_entities(lines, home, circuit, spreads, begin);
      }
    }
  }
  if (influx.schema == InfluxSchema::home_assistant) {
    const auto added = add_counters(lines, home, store, ledger, device, minute);
    if (!added) return std::unexpected(added.error());
    return lines;
  }
  const auto gained = circuit_energy(home, device, {minute, minute + 1min}, store);
  if (!gained) return std::unexpected(gained.error());
  for (const auto& [id, energy] : *gained) {
    Circuit circuit;
    circuit.id = id;
    add_own(lines, home, circuit, energy, minute);
  }
  return lines;
}

std::expected<Lines, StoreError> lines_of_quality(const Home& home, Store& store,
                                                  std::string_view device, Timestamp hour) {
  const auto measured_begin = hour - 24h * 31;
  const auto is_silence = [](const Gap& gap) { return !gap.channel.has_value(); };
  auto gaps = store.gaps(device, {hour, hour + 1h});
  if (!gaps) return std::unexpected(gaps.error());
  const bool was_silent_before = std::ranges::any_of(
      *gaps, [&](const Gap& gap) { return is_silence(gap) && gap.range.begin <= hour; });
  auto first = hour;
  if (was_silent_before) {
    gaps = store.gaps(device, {measured_begin, hour + 1h});
    if (!gaps) return std::unexpected(gaps.error());
    for (const auto& gap : *gaps) {
      if (!is_silence(gap) || gap.range.begin > hour || gap.range.end <= hour) continue;
      first = std::min<Timestamp>(first, std::chrono::ceil<std::chrono::hours>(gap.range.begin));
    }
  }
  const auto last = store.last(device);
  if (!last) return std::unexpected(last.error());
  const auto tally = store.tally(device);
  if (!tally) return std::unexpected(tally.error());

  Lines lines;
  for (auto begin = first; begin <= hour; begin += 1h) {
    std::chrono::milliseconds silent{0}, absent{0};
    for (const auto& gap : *gaps) {
      const auto inside = std::min(gap.range.end, begin + 1h) - std::max(gap.range.begin, begin);
      if (inside > 0ms) (is_silence(gap) ? silent : absent) += inside;
    }
    Line line("quality");
    line.tag("home", home.id).tag("meter", device);
    line.number("coverage", 1 - static_cast<double>(silent.count()) / 3'600'000);
    line.integer("gap_s", seconds(silent)).integer("channel_gap_s", seconds(absent));
    if (*last && (*last)->time >= begin && (*last)->time < begin + 1h) {
      line.integer("samples_lost", static_cast<std::int64_t>(tally->lost));
      line.integer("reports", static_cast<std::int64_t>(tally->reports));
      line.integer("reports_duplicate", static_cast<std::int64_t>(tally->duplicate));
    }
    add(lines, line, begin);
  }
  return lines;
}

Lines lines_of_names(const Home& home, Timestamp day) {
  Lines lines;
  for (const auto& circuit : panel_at(home, day).circuits) {
    auto line = own_line("circuit_name", home, circuit);
    line.text("name", circuit.name).text("room", circuit.room).text("parent", circuit.parent);
    line.text("kind", kinds.at(static_cast<std::size_t>(circuit.kind)));
    add(lines, line, day);
  }
  return lines;
}

}  // namespace hub
