#include "hub/config.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <array>
#include <chrono>
#include <stdexcept>
#include <string_view>

#include "hub/toml_file.h"

namespace hub {
namespace {

using namespace std::chrono_literals;

// In the order of the enumerations.
constexpr std::array<std::string_view, 6> kinds = {"grid", "solar",    "battery",
                                                   "ev",   "subpanel", "load"};
constexpr std::array<std::string_view, 2> nettings = {"sum", "per_phase"};
constexpr std::array<std::string_view, 2> styles = {"us", "din"};

// Of [store].
constexpr int most_days = 36'500;
constexpr std::uint64_t least_megabytes = 100, most_megabytes = 1'000'000'000;

class Reader {
 public:
  explicit Reader(const std::filesystem::path& path) : file_(path, max_home_file_bytes, "a home") {}

  Home home() const;

 private:
  Retention retention(const toml::table&) const;
  Panel panel(const toml::table&) const;
  Circuit circuit(const toml::table&) const;
  ChannelUse channel(const toml::table&) const;
  std::vector<int> legs(const toml::table&) const;
  Meter meter(const toml::table&) const;
  MeterChip chip(const toml::table&) const;
  MeterChannel clamp(const toml::table&) const;

  const TomlFile file_;
};

ChannelUse Reader::channel(const toml::table& from) const {
  file_.allow(from, "a channel", {"device", "channel", "multiplier"});
  ChannelUse use;
  file_.need(from, "device", use.device);
  file_.need(from, "channel", use.channel);
  file_.want(from, "multiplier", use.multiplier);
  return use;
}

std::vector<int> Reader::legs(const toml::table& from) const {
  std::vector<int> legs;
  if (const auto* list = from.get("legs")) {
    for (const auto& leg : file_.array(*list, "legs")) file_.take(leg, "legs", legs.emplace_back());
  }
  return legs;
}

Circuit Reader::circuit(const toml::table& from) const {
  file_.allow(from, "a circuit",
              {"id", "name", "kind", "parent", "rating_a", "poles", "legs", "position", "room",
               "netting", "channels"});
  Circuit circuit;
  file_.need(from, "id", circuit.id);
  file_.need(from, "name", circuit.name);
  file_.want_choice(from, "kind", kinds, circuit.kind);
  file_.want(from, "parent", circuit.parent);
  file_.want(from, "rating_a", circuit.rating_a);
  file_.want(from, "poles", circuit.poles);
  circuit.legs = legs(from);
  file_.want(from, "position", circuit.position);
  file_.want(from, "room", circuit.room);
  file_.want_choice(from, "netting", nettings, circuit.netting);
  file_.each(from, "channels", [&](const auto& use) { circuit.channels.push_back(channel(use)); });
  return circuit;
}

Panel Reader::panel(const toml::table& from) const {
  file_.allow(from, "a panel", {"valid_from", "style", "circuit"});
  Panel panel;
  file_.need(from, "valid_from", panel.valid_from);
  file_.choose(file_.required(from, "style"), "style", styles, panel.style);
  file_.each(from, "circuit", [&](const auto& one) { panel.circuits.push_back(circuit(one)); });
  return panel;
}

// The words of a clamp, in the order in which they are written.
struct ClampWord {
  std::string_view name;
  int MeterChannel::*value;
};
constexpr std::array clamp_words = {
    ClampWord{"voltage_gain", &MeterChannel::voltage_gain},
    ClampWord{"current_gain", &MeterChannel::current_gain},
    ClampWord{"multiplier", &MeterChannel::multiplier},
    ClampWord{"voltage_offset", &MeterChannel::voltage_offset},
    ClampWord{"current_offset", &MeterChannel::current_offset},
    ClampWord{"active_offset", &MeterChannel::active_offset},
    ClampWord{"reactive_offset", &MeterChannel::reactive_offset},
};

MeterChannel Reader::clamp(const toml::table& from) const {
  file_.allow(from, "a chip's channel",
              {"voltage_gain", "current_gain", "multiplier", "reversed", "voltage_offset",
               "current_offset", "active_offset", "reactive_offset"});
  MeterChannel clamp;
  file_.want(from, "reversed", clamp.reversed);
  for (const auto& [name, value] : clamp_words) file_.want(from, name, clamp.*value);
  return clamp;
}

MeterChip Reader::chip(const toml::table& from) const {
  file_.allow(from, "a chip", {"cs_pin", "pga", "channels"});
  MeterChip chip;
  file_.need(from, "cs_pin", chip.cs_pin);
  file_.want(from, "pga", chip.pga);
  const auto& node = file_.required(from, "channels");
  const auto& list = file_.array(node, "channels");
  if (list.size() != chip.channels.size()) {
    file_.refuse(node.source(),
                 fmt::format("a chip has {} channels; write one {{ }} for each, empty where no "
                             "clamp is",
                             chip.channels.size()));
  }
  for (std::size_t c = 0; c < list.size(); ++c) {
    chip.channels.at(c) = clamp(file_.table(*list.get(c), "channels"));
  }
  return chip;
}

Meter Reader::meter(const toml::table& from) const {
  file_.allow(from, "a meter",
              {"id", "nominal_voltage_v", "line_frequency_hz", "period_ms", "clock_pin", "miso_pin",
               "mosi_pin", "chip"});
  Meter meter;
  file_.need(from, "id", meter.id);
  file_.need(from, "nominal_voltage_v", meter.nominal_voltage_v);
  file_.need(from, "line_frequency_hz", meter.line_frequency_hz);
  std::int64_t period_ms = meter.period.count();
  file_.want(from, "period_ms", period_ms);
  meter.period = std::chrono::milliseconds(period_ms);
  file_.want(from, "clock_pin", meter.clock_pin);
  file_.want(from, "miso_pin", meter.miso_pin);
  file_.want(from, "mosi_pin", meter.mosi_pin);
  file_.each(from, "chip", [&](const toml::table& each) { meter.chips.push_back(chip(each)); });
  return meter;
}

// Where in the file a fault is.
const toml::node& node_of(const Fault& fault, const toml::table& file) {
  const auto* at = file.get("home");
  const auto descend = [&](const toml::node& from, std::string_view key, std::size_t index) {
    at = from.as_table()->at(key).as_array()->get(index);
  };
  if (fault.panel) descend(file, "panel", *fault.panel);
  if (fault.circuit) descend(*at, "circuit", *fault.circuit);
  if (fault.meter) descend(file, "meter", *fault.meter);
  if (fault.chip) descend(*at, "chip", *fault.chip);
  return *at;
}

Retention Reader::retention(const toml::table& table) const {
  file_.allow(table, "[store]", {"samples_days", "minutes_days", "exact_days", "budget_mb"});
  Retention retention;
  const auto days = [&](std::string_view key, std::chrono::days& into) {
    const auto* node = table.get(key);
    if (!node) return false;
    int count = 0;
    file_.take(*node, key, count);
    if (count < 1 || count > most_days) {
      file_.refuse(node->source(), fmt::format("\"{}\" must be 1 to {} days", key, most_days));
    }
    into = std::chrono::days(count);
    return true;
  };
  days("samples_days", retention.samples);
  days("minutes_days", retention.minutes);
  if (std::chrono::days exact{}; days("exact_days", exact)) retention.exact = exact;
  if (retention.minutes < retention.samples) {
    file_.refuse(table.source(), "\"minutes_days\" must not be less than \"samples_days\"");
  }
  std::uint64_t megabytes = 0;
  file_.want(table, "budget_mb", megabytes);
  if (megabytes > most_megabytes || (table.contains("budget_mb") && megabytes < least_megabytes)) {
    file_.refuse(table.source(),
                 fmt::format("\"budget_mb\" must be {} to {}", least_megabytes, most_megabytes));
  }
  retention.budget = megabytes * 1'000'000;
  return retention;
}

Home Reader::home() const {
  const auto& file = file_.root();
  file_.allow(file, "the file", {"home", "panel", "meter", "store"});
  const auto& head = file_.table(file_.required(file, "home"), "home");
  file_.allow(head, "[home]",
              {"id", "name", "zone", "country", "currency", "nominal_voltage_v",
               "line_frequency_hz", "phases", "price_per_kwh"});
  Home home;
  file_.need(head, "id", home.id);
  file_.need(head, "name", home.name);
  file_.need(head, "zone", home.zone);
  file_.need(head, "country", home.country);
  file_.need(head, "currency", home.currency);
  file_.need(head, "nominal_voltage_v", home.nominal_voltage_v);
  file_.need(head, "line_frequency_hz", home.line_frequency_hz);
  file_.need(head, "phases", home.phases);
  if (const auto* price = head.get("price_per_kwh")) {
    file_.take(*price, "price_per_kwh", home.price_per_kwh.emplace());
  }
  if (const auto* node = file.get("store")) home.retention = retention(file_.table(*node, "store"));
  const auto& panels = file_.array(file_.required(file, "panel"), "panel");
  for (const auto& node : panels) home.panels.push_back(panel(file_.table(node, "panel")));

  file_.each(file, "meter", [&](const toml::table& each) { home.meters.push_back(meter(each)); });

  if (const auto fault = find_fault(home)) {
    throw std::runtime_error(fmt::format("{}, line {}: {}", file_.path().string(),
                                         node_of(*fault, file).source().begin.line,
                                         fault->sentence));
  }
  return home;
}

std::string utc(measurement::Timestamp time) {
  const auto day = std::chrono::floor<std::chrono::days>(time);
  const std::chrono::year_month_day date(day);
  const std::chrono::hh_mm_ss clock(time - day);
  const auto ms = clock.subseconds().count();
  return fmt::format("{:04}-{:02}-{:02}T{:02}:{:02}:{:02}{}Z", static_cast<int>(date.year()),
                     static_cast<unsigned>(date.month()), static_cast<unsigned>(date.day()),
                     clock.hours().count(), clock.minutes().count(), clock.seconds().count(),
                     ms ? fmt::format(".{:03}", ms) : "");
}

std::string toml_of(const Circuit& circuit) {
  const Circuit usual;
  auto out =
      fmt::format("\n[[panel.circuit]]\nid = {}\nname = {}\nkind = \"{}\"\n", toml_text(circuit.id),
                  toml_text(circuit.name), kinds.at(static_cast<std::size_t>(circuit.kind)));
  const auto line = [&](bool is_usual, std::string_view key, const std::string& value) {
    if (!is_usual) out += fmt::format("{} = {}\n", key, value);
  };
  line(circuit.parent.empty(), "parent", toml_text(circuit.parent));
  line(circuit.rating_a == usual.rating_a, "rating_a", fmt::format("{}", circuit.rating_a));
  line(circuit.poles == usual.poles, "poles", fmt::format("{}", circuit.poles));
  line(circuit.legs.empty(), "legs", fmt::format("[{}]", fmt::join(circuit.legs, ", ")));
  line(circuit.position == usual.position, "position", fmt::format("{}", circuit.position));
  line(circuit.room.empty(), "room", toml_text(circuit.room));
  line(circuit.netting == usual.netting, "netting",
       fmt::format("\"{}\"", nettings.at(static_cast<std::size_t>(circuit.netting))));
  std::vector<std::string> uses;
  for (const auto& use : circuit.channels) {
    uses.push_back(fmt::format("{{ device = {}, channel = {}, multiplier = {} }}",
                               toml_text(use.device), use.channel, use.multiplier));
  }
  line(uses.empty(), "channels", fmt::format("[{}]", fmt::join(uses, ", ")));
  return out;
}

std::string toml_of(const MeterChannel& clamp) {
  const MeterChannel usual;
  std::vector<std::string> words;
  for (const auto& [name, value] : clamp_words) {
    const bool always = value == &MeterChannel::voltage_gain ||
                        value == &MeterChannel::current_gain || value == &MeterChannel::multiplier;
    if (always || clamp.*value != usual.*value) {
      words.push_back(fmt::format("{} = {}", name, clamp.*value));
    }
  }
  if (clamp.reversed) words.push_back("reversed = true");
  return fmt::format("{{ {} }}", fmt::join(words, ", "));
}

std::string toml_of(const Meter& meter) {
  auto out = fmt::format(
      "\n[[meter]]\nid = {}\nnominal_voltage_v = {}\nline_frequency_hz = {}\nperiod_ms = {}\n"
      "clock_pin = {}\nmiso_pin = {}\nmosi_pin = {}\n",
      toml_text(meter.id), meter.nominal_voltage_v, meter.line_frequency_hz, meter.period.count(),
      meter.clock_pin, meter.miso_pin, meter.mosi_pin);
  for (const auto& chip : meter.chips) {
    out += fmt::format("\n[[meter.chip]]\ncs_pin = {}\npga = {}\nchannels = [\n", chip.cs_pin,
                       chip.pga);
    for (const auto& clamp : chip.channels) out += fmt::format("  {},\n", toml_of(clamp));
    out += "]\n";
  }
  return out;
}

std::string toml_of(const Retention& retention) {
  auto out = fmt::format("\n[store]\nsamples_days = {}\nminutes_days = {}\n",
                         retention.samples.count(), retention.minutes.count());
  if (retention.exact) out += fmt::format("exact_days = {}\n", retention.exact->count());
  if (retention.budget > 0) out += fmt::format("budget_mb = {}\n", retention.budget / 1'000'000);
  return out;
}

std::string toml_of(const Home& home) {
  auto out = fmt::format(
      "[home]\nid = {}\nname = {}\nzone = {}\ncountry = {}\ncurrency = {}\n"
      "nominal_voltage_v = {}\nline_frequency_hz = {}\nphases = {}\n",
      toml_text(home.id), toml_text(home.name), toml_text(home.zone), toml_text(home.country),
      toml_text(home.currency), home.nominal_voltage_v, home.line_frequency_hz, home.phases);
  if (home.price_per_kwh) out += fmt::format("price_per_kwh = {}\n", *home.price_per_kwh);
  if (home.retention != Retention{}) out += toml_of(home.retention);
  for (const auto& panel : home.panels) {
    out += fmt::format("\n[[panel]]\nvalid_from = {}\nstyle = \"{}\"\n", utc(panel.valid_from),
                       styles.at(static_cast<std::size_t>(panel.style)));
    for (const auto& circuit : panel.circuits) out += toml_of(circuit);
  }
  for (const auto& meter : home.meters) out += toml_of(meter);
  return out;
}

}  // namespace

Home load_home(const std::filesystem::path& path) { return Reader(path).home(); }

void save_home(const Home& home, const std::filesystem::path& path) {
  if (const auto fault = find_fault(home)) {
    throw std::runtime_error(fmt::format("{} was not written: {}", path.string(), fault->sentence));
  }
  const auto text = toml_of(home);
  if (text.size() > max_home_file_bytes) {
    throw std::runtime_error(
        fmt::format("{} was not written: it would be larger than {} bytes; "
                    "take out old panels.",
                    path.string(), max_home_file_bytes));
  }
  replace_file(path, text, 0644);
}

}  // namespace hub
