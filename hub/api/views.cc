#include "hub/api/views.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <cmath>
#include <iterator>
#include <nlohmann/json.hpp>
#include <utility>

namespace hub {
namespace {

// Keys come out in the order of docs/http_api.yaml.
using Json = nlohmann::ordered_json;

std::string text(const Json& json) {
  return json.dump(-1, ' ', false, Json::error_handler_t::replace);
}

std::int64_t milliseconds(measurement::Timestamp time) { return time.time_since_epoch().count(); }

template <class Value>
Json or_null(const std::optional<Value>& value) {
  return value ? Json(*value) : Json(nullptr);
}

constexpr std::array kinds = {"grid", "solar", "battery", "ev", "subpanel", "load"};

Json circuit_json(const Home& home, const Circuit& circuit) {
  const auto capacity = capacity_w(home, circuit);
  return {
      {"id", circuit.id},
      {"name", circuit.name},
      {"kind", kinds.at(static_cast<std::size_t>(circuit.kind))},
      {"parent", circuit.parent.empty() ? Json(nullptr) : Json(circuit.parent)},
      {"rating_a", circuit.rating_a > 0 ? Json(circuit.rating_a) : Json(nullptr)},
      {"poles", circuit.poles},
      {"legs", circuit.legs},
      {"position", circuit.position},
      {"room", circuit.room},
      {"metered", !circuit.channels.empty()},
      {"capacity_w", or_null(capacity)},
  };
}

// The longest: "-9223372036854775.808,".
constexpr std::size_t most_decimal = 24;

// `value` in units of 1/10 or 1/1000, without zeros at the end: much faster than a float's way,
// which counts when there are a million of them. Returns the end of what it wrote.
template <std::uint64_t parts>
char* put_decimal(char* at, std::int64_t value) {
  if (value < 0) *at++ = '-';
  const auto size =
      value < 0 ? 0 - static_cast<std::uint64_t>(value) : static_cast<std::uint64_t>(value);
  at = std::to_chars(at, at + most_decimal, size / parts).ptr;
  auto rest = size % parts;
  if (rest == 0) return at;
  *at++ = '.';
  for (auto digit = parts / 10; rest > 0; digit /= 10) {
    *at++ = static_cast<char>('0' + rest / digit);
    rest %= digit;
  }
  return at;
}

char* put_null(char* at) { return std::ranges::copy(std::string_view("null"), at).out; }

// In steps of 0.1 W, rounded half away from zero: ten times a float is exact as a double.
std::int64_t deciwatts(float watts) {
  return static_cast<std::int64_t>(static_cast<double>(watts) * 10 + (watts < 0 ? -.5 : .5));
}

// Beyond it, it is no number that was measured, and 64 bits have no room for it.
bool is_number(double value) { return std::abs(value) < 1e15; }

char* put_watts(char* at, float watts) {
  return is_number(static_cast<double>(watts)) ? put_decimal<10>(at, deciwatts(watts))
                                               : put_null(at);
}

char* put_energy(char* at, double mwh) {
  return is_number(mwh) ? put_decimal<1000>(at, std::llround(mwh)) : put_null(at);
}

// Appends what `put`, called with the place, writes there; no more than `most` bytes.
template <class Put>
void append(std::string& out, std::size_t most, Put put) {
  const auto size = out.size();
  if (out.capacity() < size + most) out.reserve(std::max(size + most, 2 * out.capacity()));
  out.resize(size + most);
  out.resize(static_cast<std::size_t>(put(out.data() + size) - out.data()));
}

void append_watts(std::string& out, float watts) {
  append(out, most_decimal, [&](char* at) { return put_watts(at, watts); });
}

// So many values at once, so that the room that is made is never far more than what is needed.
constexpr std::size_t values_a_piece = 1024;

template <class Number, class Visit>
void for_each_piece(const std::vector<Number>& values, Visit visit) {
  for (std::span<const Number> rest = values; !rest.empty();) {
    const auto piece = rest.first(std::min(rest.size(), values_a_piece));
    visit(piece);
    rest = rest.subspan(piece.size());
  }
}

template <class Number, class Put>
void append_array(std::string& out, std::string_view name, const std::vector<Number>& values,
                  Put put) {
  fmt::format_to(std::back_inserter(out), "\"{}\":[", name);
  for_each_piece(values, [&](std::span<const Number> piece) {
    append(out, piece.size() * most_decimal, [&](char* at) {
      for (const auto value : piece) {
        at = put(at, value);
        *at++ = ',';
      }
      return at;
    });
  });
  if (!values.empty()) out.pop_back();
  out += "],";
}

void append_energy(std::string& out, std::string_view name, measurement::MilliwattHours energy) {
  fmt::format_to(std::back_inserter(out), "\"{}\":", name);
  append(out, most_decimal, [&](char* at) { return put_decimal<1000>(at, energy.value); });
  out += ',';
}

// Of the packed history; 10 bytes have room for any.
constexpr std::size_t most_number = 10;

char* put_number(char* at, std::uint64_t number) {
  for (; number >= 0x80; number >>= 7) *at++ = static_cast<char>(number | 0x80);
  *at++ = static_cast<char>(number);
  return at;
}

void append_number(std::string& out, std::uint64_t number) {
  append(out, most_number, [&](char* at) { return put_number(at, number); });
}

// Whole steps, each as its difference from the last one that there was.
template <class Number, class Round>
void append_column(std::string& out, const std::vector<Number>& values, Round round) {
  std::int64_t last = 0;
  for_each_piece(values, [&](std::span<const Number> piece) {
    append(out, piece.size() * most_number, [&](char* at) {
      for (const auto value : piece) {
        if (!is_number(static_cast<double>(value))) {
          *at++ = 0;
          continue;
        }
        const std::int64_t steps = round(value);
        const auto difference = static_cast<std::uint64_t>(steps - std::exchange(last, steps));
        at = put_number(at, (difference << 1 ^ (std::uint64_t{0} - (difference >> 63))) + 1);
      }
      return at;
    });
  });
}

template <measurement::Quantity quantity>
std::string or_null(std::optional<double> steps) {
  std::string text;
  constexpr auto parts = measurement::row(quantity).resolution < 0.01 ? 1000 : 10;
  append(text, most_decimal, [&](char* at) {
    return steps ? put_decimal<parts>(at, std::llround(*steps)) : put_null(at);
  });
  return text;
}

// In steps; absent where one of the channels has none.
std::optional<double> sum_of(measurement::Quantity quantity, const Circuit& circuit,
                             const measurement::Sample& sample) {
  double sum = 0;
  for (const auto& use : circuit.channels) {
    if (use.channel >= sample.channels()) return std::nullopt;
    const auto steps = sample.steps(quantity, use.channel);
    if (!steps) return std::nullopt;
    sum += use.multiplier * static_cast<double>(*steps);
  }
  return sum;
}

// Of a circuit's only clamp, as it was measured.
std::optional<double> only(measurement::Quantity quantity, const Circuit& circuit,
                           const measurement::Sample& sample) {
  if (circuit.channels.size() != 1) return std::nullopt;
  const std::size_t channel = circuit.channels[0].channel;
  if (channel >= sample.channels()) return std::nullopt;
  const bool is_of_chip = measurement::row(quantity).scope == measurement::Scope::chip;
  const auto steps = sample.steps(quantity, is_of_chip ? measurement::chip_of(channel) : channel);
  return steps ? std::optional(static_cast<double>(*steps)) : std::nullopt;
}

}  // namespace

std::string error_text(std::string_view sentence) { return text({{"error", sentence}}); }

std::string homes_text(std::span<const HomeName> homes) {
  auto list = Json::array();
  for (const auto& [id, name, trouble] : homes) {
    list.push_back({{"id", id}, {"name", name}});
    if (!trouble.empty()) list.back()["error"] = trouble;
  }
  return text(list);
}

std::string home_text(const Home& home, std::optional<double> price_per_kwh,
                      measurement::Timestamp now) {
  const Panel& panel = panel_at(home, now);
  auto circuits = Json::array();
  for (const auto& circuit : panel.circuits) circuits.push_back(circuit_json(home, circuit));
  return text({
      {"id", home.id},
      {"name", home.name},
      {"zone", home.zone},
      {"country", home.country},
      {"currency", home.currency},
      {"nominal_voltage_v", home.nominal_voltage_v},
      {"line_frequency_hz", home.line_frequency_hz},
      {"phases", home.phases},
      {"price_per_kwh", or_null(price_per_kwh)},
      {"panel",
       {{"valid_from", milliseconds(panel.valid_from)},
        {"style", panel.style == PanelStyle::us ? "us" : "din"},
        {"circuits", circuits}}},
  });
}

std::optional<std::string> live_text(const Home& home, const LiveFeed::Moment& moment,
                                     measurement::Timestamp now) {
  std::string circuits;
  const std::string device(moment.device);
  for (const auto& circuit : panel_at(home, moment.time).circuits) {
    if (!std::ranges::count(circuit.channels, device, &ChannelUse::device)) continue;
    fmt::format_to(std::back_inserter(circuits), "{}:", text(circuit.id));
    const auto power = active_power(circuit, device, moment.sample);
    append_watts(circuits, power ? power->value : std::nanf(""));
    circuits += ',';
  }
  if (circuits.empty()) return std::nullopt;
  circuits.pop_back();
  return fmt::format(R"({{"now":{},"time":{},"device":{},"circuits":{{{}}}}})", milliseconds(now),
                     milliseconds(moment.time), text(device), circuits);
}

HistoryText::HistoryText(const Steps& steps, HistoryColumns columns)
    : columns_(columns),
      text_(fmt::format(R"({{"begin":{},"step_ms":{},"circuits":{{)", milliseconds(steps.begin),
                        steps.step.count())) {}

void HistoryText::add(const std::string& circuit, const CircuitHistory& history) {
  text_ += text(circuit) + ":{";
  if (columns_.mean) append_array(text_, "mean", history.mean, put_watts);
  if (columns_.min) append_array(text_, "min", history.min, put_watts);
  if (columns_.max) append_array(text_, "max", history.max, put_watts);
  if (columns_.energy) {
    append_array(text_, "step_imported_wh", history.step_imported, put_energy);
    append_array(text_, "step_exported_wh", history.step_exported, put_energy);
  }
  if (columns_.total) {
    append_energy(text_, "imported_wh", history.imported);
    append_energy(text_, "exported_wh", history.exported);
  }
  text_.back() = '}';
  text_ += ',';
}

std::string HistoryText::take() {
  if (text_.back() == ',') text_.pop_back();
  return std::move(text_) + "}}";
}

PackedHistory::PackedHistory(const Steps& steps, HistoryColumns columns, std::size_t circuits)
    : columns_(columns) {
  constexpr char version = 1;
  const auto flags =
      std::array{columns.mean, columns.min, columns.max, columns.energy, columns.total};
  std::uint64_t asked = 0;
  for (std::size_t i = 0; i < flags.size(); ++i) asked |= std::uint64_t{flags[i]} << i;
  bytes_.push_back(version);
  append_number(bytes_, static_cast<std::uint64_t>(milliseconds(steps.begin)));
  append_number(bytes_, static_cast<std::uint64_t>(steps.step.count()));
  append_number(bytes_, steps.count);
  append_number(bytes_, asked);
  append_number(bytes_, circuits);
}

void PackedHistory::add(const std::string& circuit, const CircuitHistory& history) {
  const auto mwh = [](double value) { return std::llround(value); };
  append_number(bytes_, circuit.size());
  bytes_ += circuit;
  for (const auto* watts : {&history.mean, &history.min, &history.max}) {
    append_column(bytes_, *watts, deciwatts);
  }
  for (const auto* energy : {&history.step_imported, &history.step_exported}) {
    append_column(bytes_, *energy, mwh);
  }
  if (!columns_.total) return;
  append_number(bytes_, static_cast<std::uint64_t>(history.imported.value));
  append_number(bytes_, static_cast<std::uint64_t>(history.exported.value));
}

std::string now_text(const Home& home, const LastOf& last, measurement::Timestamp now) {
  using measurement::Quantity;
  std::string circuits;
  for (const auto& circuit : panel_at(home, now).circuits) {
    if (circuit.channels.empty()) continue;
    const auto found = last.find(circuit.channels[0].device);
    if (found == last.end()) continue;
    const auto& sample = found->second.sample;
    fmt::format_to(
        std::back_inserter(circuits),
        R"({}:{{"time":{},"active_power_w":{},"reactive_power_var":{},"voltage_v":{},)"
        R"("current_a":{}}},)",
        text(circuit.id), milliseconds(found->second.time),
        or_null<Quantity::active_power>(sum_of(Quantity::active_power, circuit, sample)),
        or_null<Quantity::reactive_power>(sum_of(Quantity::reactive_power, circuit, sample)),
        or_null<Quantity::voltage>(only(Quantity::voltage, circuit, sample)),
        or_null<Quantity::current>(only(Quantity::current, circuit, sample)));
  }
  if (!circuits.empty()) circuits.pop_back();
  return fmt::format(R"({{"now":{},"circuits":{{{}}}}})", milliseconds(now), circuits);
}

std::string gaps_text(std::span<const DeviceGap> gaps) {
  auto list = Json::array();
  for (const auto& [device, gap] : gaps) {
    list.push_back({{"device", device},
                    {"channel", or_null(gap.channel)},
                    {"begin", milliseconds(gap.range.begin)},
                    {"end", milliseconds(gap.range.end)}});
  }
  return text(list);
}

}  // namespace hub
