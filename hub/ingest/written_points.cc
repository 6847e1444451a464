#include "hub/ingest/written_points.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <utility>

#include "hub/devices.h"

namespace hub {
namespace {

using measurement::Kind;
using measurement::Quantity;
using measurement::Timestamp;

// Of an Instant that waits some 2 KB are needed.
constexpr std::size_t most_waiting = 4'096;
constexpr TimeRange plausible = {std::chrono::sys_days(std::chrono::year(2000) / 1 / 1),
                                 std::chrono::sys_days(std::chrono::year(2100) / 1 / 1)};

// Units by which a field may be told, as they stand last in its name.
struct Unit {
  std::string_view unit;  // Of measurement/quantities.h.
  std::string_view word;
  int exponent;
};
constexpr std::array units = {
    Unit{"V", "v", 0},       Unit{"V", "dv", -1},   Unit{"Hz", "hz", 0},   Unit{"Hz", "chz", -2},
    Unit{"°C", "c", 0},      Unit{"A", "a", 0},     Unit{"A", "ma", -3},   Unit{"W", "w", 0},
    Unit{"W", "dw", -1},     Unit{"W", "kw", 3},    Unit{"var", "var", 0}, Unit{"var", "dvar", -1},
    Unit{"Wh", "wh", 0},     Unit{"Wh", "mwh", -3}, Unit{"Wh", "kwh", 3},  Unit{"VA", "va", 0},
    Unit{"", "permille", -3}};

// The names that measurements of breakers are told by most.
struct ShortName {
  char upper, lower;
  Quantity quantity;
};
constexpr std::array short_names = {
    ShortName{'P', 'p', Quantity::active_power}, ShortName{'Q', 'q', Quantity::reactive_power},
    ShortName{'V', 'v', Quantity::voltage}, ShortName{'I', 'i', Quantity::current}};

constexpr int resolution_of(Quantity quantity) {
  int exponent = 0;
  for (double left = measurement::row(quantity).resolution; left < 0.5; left *= 10) --exponent;
  return exponent;
}
static_assert(resolution_of(Quantity::current) == -3 && resolution_of(Quantity::voltage) == -1 &&
              resolution_of(Quantity::chip_temperature) == 0);
constexpr auto resolutions = [] {
  std::array<int, measurement::measured_quantities> found{};
  for (std::size_t q = 0; q < found.size(); ++q) found[q] = resolution_of(static_cast<Quantity>(q));
  return found;
}();

bool is_total(Quantity quantity) { return measurement::row(quantity).kind == Kind::total; }

std::optional<std::size_t> channel_number(std::string_view text) {
  std::size_t channel = 0;
  const auto* const end = text.data() + text.size();
  const auto [at, error] = std::from_chars(text.data(), end, channel);
  if (text.empty() || error != std::errc{} || at != end) return std::nullopt;
  return channel;
}

std::string_view first_tag(const SeriesName& name, std::initializer_list<std::string_view> keys) {
  for (const auto key : keys) {
    if (const auto value = name.tag(key); !value.empty()) return value;
  }
  return {};
}

}  // namespace

std::optional<FieldMeaning> meaning_of(std::string_view field) {
  if (field.size() == 1) {
    const auto found = std::ranges::find_if(short_names, [&](const ShortName& name) {
      return field[0] == name.upper || field[0] == name.lower;
    });
    if (found == short_names.end()) return std::nullopt;
    return FieldMeaning{found->quantity};
  }
  for (const auto& row : measurement::quantities) {
    if (!field.starts_with(row.name)) continue;
    auto rest = field.substr(row.name.size());
    FieldMeaning meaning{row.id, 0, row.kind == Kind::derived};
    if (rest.starts_with("_min_") || rest.starts_with("_max_")) {
      meaning.is_ignored = true;
      rest.remove_prefix(4);
    }
    if (rest.empty()) return meaning;
    if (!rest.starts_with('_')) continue;
    rest.remove_prefix(1);
    const auto unit = std::ranges::find_if(
        units, [&](const Unit& one) { return one.unit == row.unit && one.word == rest; });
    if (unit == units.end()) continue;
    meaning.exponent = unit->exponent;
    return meaning;
  }
  return std::nullopt;
}

std::optional<std::int64_t> steps_of(const FieldMeaning& meaning, Decimal number) {
  number.exponent += meaning.exponent;
  const auto steps = in_steps(number, resolutions[static_cast<std::size_t>(meaning.quantity)]);
  if (!steps || !is_in_range(meaning.quantity, *steps)) return std::nullopt;
  return steps;
}

std::expected<WrittenPoints::Taken, StoreError> WrittenPoints::take(std::string_view text,
                                                                    std::chrono::nanoseconds unit,
                                                                    Timestamp now) {
  if (series_.size() > most_series) {
    by_text_.clear();
    series_.clear();
    last_ = nullptr;
  }
  LineProtocolReader reader(text, unit, plausible, now);
  same_fields_ = 0;
  Taken taken;
  const auto refuse_line = [&](std::string why) {
    ++taken.refused;
    if (!taken.first) taken.first = Fault{reader.line(), std::move(why)};
  };
  for (;;) {
    const auto* expected = last_ ? last_->next : nullptr;
    const auto got = reader.next(expected ? std::string_view(expected->text) : std::string_view());
    if (got == LineProtocolReader::Got::end) break;
    ++taken.lines;
    if (got == LineProtocolReader::Got::fault) {
      refuse_line(reader.fault());
      same_fields_ = 0;
      continue;
    }
    Series& series = reader.is_guessed() ? *last_->next : series_at(reader);
    if (last_) last_->next = &series;
    last_ = &series;
    if (!series.device) {
      refuse_line(series.why);
      same_fields_ = 0;
    } else if (const char* why = put(series, reader)) {
      refuse_line(why);
      same_fields_ = 0;
    } else {
      taken.newest = std::max(taken.newest, reader.time());
    }
    if (waiting_instants_ >= most_waiting) {
      if (const auto flushed = flush(taken); !flushed) return std::unexpected(flushed.error());
    }
  }
  if (const auto flushed = flush(taken); !flushed) return std::unexpected(flushed.error());
  return taken;
}

WrittenPoints::Series& WrittenPoints::series_at(const LineProtocolReader& reader) {
  if (const auto known = by_text_.find(reader.series()); known != by_text_.end()) {
    return *known->second;
  }
  auto& series = series_.emplace_back();
  series.text = reader.series();
  by_text_.emplace(series.text, &series);
  place(series);
  return series;
}

void WrittenPoints::refuse(Series& series, std::string why) const { series.why = std::move(why); }

void WrittenPoints::place(Series& series) {
  const auto name = parse_series(series.text);
  if (!name) return refuse(series, "has a measurement or tags that are not well formed");
  const auto home = first_tag(*name, {"home", "h"});
  const auto circuit_id = first_tag(*name, {"circuit", "c"});
  std::string device(first_tag(*name, {"device", "home", "h"}));
  auto channel = channel_number(first_tag(*name, {"channel", "circuit", "c"}));
  if (const auto use = circuit(home, circuit_id); use && name->tag("channel").empty()) {
    device = use->device;
    channel = use->channel;
  }
  if (!device_.empty()) device = device_;
  if (!is_device_name(device)) {
    return refuse(series,
                  "has no tag \"device\" or \"home\" of 1 to 32 of the characters a-z 0-9 _ -");
  }
  if (!channel || *channel >= measurement::max_channels) {
    return refuse(series,
                  "has no tag \"channel\" of 0 to 41, and no \"circuit\" that is such a number or "
                  "a circuit of this home with one whole clamp");
  }
  auto found = devices_.find(device);
  if (found == devices_.end()) {
    if (devices_.size() == most_devices) return refuse(series, "is of one device too many");
    found = devices_.try_emplace(device).first;
    found->second.writer.device = device;
  }
  series.device = &found->second;
  series.channel = *channel;
  auto& writer = found->second.writer;
  writer.chips = std::max(writer.chips, measurement::chip_of(*channel) + 1);
  // What Lenz tells itself has the energy in points of its own.
  series.is_counted_elsewhere = name->measurement == "reading" || name->measurement == "circuit" ||
                                name->measurement == "energy";
}

// Only a clamp that counts once is the circuit.
std::optional<ChannelUse> WrittenPoints::circuit(std::string_view home, std::string_view id) const {
  if (home != home_.id || id.empty() || home_.panels.empty()) return std::nullopt;
  const auto& circuits = home_.panels.back().circuits;
  const auto found = std::ranges::find(circuits, id, &Circuit::id);
  if (found == circuits.end() || found->channels.size() != 1) return std::nullopt;
  const auto& use = found->channels.front();
  return use.multiplier == 1 ? std::optional(use) : std::nullopt;
}

std::optional<std::int64_t> WrittenPoints::steps_in(const Field& field, const Decimal& number) {
  std::int64_t steps = number.digits;
  if (const int shift = number.exponent + field.shift; shift != 0) {
    const auto moved = in_steps({number.digits, shift}, 0);
    if (!moved) return std::nullopt;
    steps = *moved;
  }
  return field.range.holds(steps) ? std::optional(steps) : std::nullopt;
}

// Null where it is no quantity.
WrittenPoints::Field* WrittenPoints::field_at(std::size_t place, const LineField& field) {
  auto& known = fields_[place];
  if ((place < same_fields_ && field.is_same) || known.key == field.key) return &known;
  const auto meaning = meaning_of(field.key);
  if (!meaning) return nullptr;
  known = {std::string(field.key), *meaning};
  if (meaning->is_ignored) return &known;
  known.shift = meaning->exponent - resolutions[static_cast<std::size_t>(meaning->quantity)];
  known.range = range_of(meaning->quantity);
  known.is_total = is_total(meaning->quantity);
  return &known;
}

const char* WrittenPoints::put(const Series& series, const LineProtocolReader& reader) {
  const auto fields = reader.fields();
  // All or nothing: half a line would be known the next time and never be completed.
  std::array<std::int64_t, LineProtocolReader::max_fields> steps;
  if (fields_.size() < fields.size()) fields_.resize(fields.size());
  bool has_value = false, has_energy = false;
  for (std::size_t i = 0; i < fields.size(); ++i) {
    const auto* found = field_at(i, fields[i]);
    if (!found) return "has a field that is no quantity";
    const auto& known = *found;
    if (fields[i].type != LineField::Type::number) return "has a value that is no number";
    if (known.meaning.is_ignored) continue;
    const auto value = steps_in(known, fields[i].number);
    if (!value) return "has a value beyond what a home's meter can read";
    steps[i] = *value;
    has_value = true;
    has_energy = has_energy || known.is_total;
  }
  if (!has_value) return "has nothing that is stored";
  same_fields_ = fields.size();
  Instant& instant = instant_of(*series.device, reader.time());
  for (std::size_t i = 0; i < fields.size(); ++i) {
    const auto& meaning = fields_[i].meaning;
    if (!meaning.is_ignored) instant.put(meaning.quantity, series.channel, steps[i]);
  }
  if (has_energy || series.is_counted_elsewhere) {
    series.device->writer.counters |= std::uint64_t{1} << series.channel;
  }
  return nullptr;
}

Instant& WrittenPoints::instant_of(Device& device, Timestamp time) {
  auto& instants = device.instants;
  if (!instants.empty() && instants.back().time == time) {
    ++instants.back().rows;
    return instants.back();
  }
  if (instants.empty()) {
    waiting_.push_back(&device);
  } else if (time < instants.back().time) {
    device.is_in_order = false;
  }
  ++waiting_instants_;
  return instants.emplace_back(time, device.writer.chips);
}

std::expected<void, StoreError> WrittenPoints::flush(Taken& taken) {
  std::expected<void, StoreError> done;
  for (auto* device : waiting_) {
    auto& instants = device->instants;
    if (!std::exchange(device->is_in_order, true)) {
      std::ranges::stable_sort(instants, {}, &Instant::time);
      std::size_t last = 0;
      for (std::size_t i = 1; i < instants.size(); ++i) {
        if (instants[i].time == instants[last].time) {
          instants[last].add(instants[i]);
        } else if (++last != i) {
          instants[last] = std::move(instants[i]);
        }
      }
      instants.erase(instants.begin() + static_cast<std::ptrdiff_t>(last) + 1, instants.end());
    }
    if (done) {
      const auto one = samples_.take(device->writer, instants);
      if (one) {
        taken.added += one->added;
        taken.known += one->known;
      } else {
        done = std::unexpected(one.error());
      }
    }
    instants.clear();
  }
  waiting_.clear();
  waiting_instants_ = 0;
  return done;
}

}  // namespace hub
