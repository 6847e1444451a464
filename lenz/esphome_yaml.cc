#include "lenz/esphome_yaml.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <cmath>
#include <set>
#include <stdexcept>

#include "hub/ingest/esphome_entities.h"
#include "lenz/esphome_source.h"
#include "lenz/esphome_stock.h"
#include "measurement/report.h"

namespace lenz {
namespace {

namespace fs = std::filesystem;
using measurement::channels_per_chip;
using measurement::Quantity;

constexpr std::string_view phase_letters = "abc";

// The numbers of a phase_x, and what they are called in home.toml.
struct PhaseWord {
  std::string_view key;
  int hub::MeterChannel::*value;
  int least, most;
};
constexpr std::array phase_words = {
    PhaseWord{"gain_voltage", &hub::MeterChannel::voltage_gain, 1, 65535},
    PhaseWord{"gain_ct", &hub::MeterChannel::current_gain, 1, 65535},
    PhaseWord{"offset_voltage", &hub::MeterChannel::voltage_offset, -32768, 32767},
    PhaseWord{"offset_current", &hub::MeterChannel::current_offset, -32768, 32767},
    PhaseWord{"offset_active_power", &hub::MeterChannel::active_offset, -32768, 32767},
    PhaseWord{"offset_reactive_power", &hub::MeterChannel::reactive_offset, -32768, 32767},
};

// The sensors of a phase_x that the hub keeps.
struct PhaseSensor {
  std::string_view key;
  Quantity quantity;
};
constexpr std::array phase_sensors = {
    PhaseSensor{"voltage", Quantity::voltage},
    PhaseSensor{"current", Quantity::current},
    PhaseSensor{"power", Quantity::active_power},
    PhaseSensor{"reactive_power", Quantity::reactive_power},
    PhaseSensor{"harmonic_power", Quantity::harmonic_power},
    PhaseSensor{"peak_current", Quantity::peak_current},
    PhaseSensor{"forward_active_energy", Quantity::imported},
    PhaseSensor{"reverse_active_energy", Quantity::exported},
};
constexpr std::array<std::string_view, 3> derived_sensors = {"apparent_power", "power_factor",
                                                             "phase_angle"};

// Keys of an atm90e32 that change nothing of what is measured, or are read elsewhere.
constexpr std::array<std::string_view, 20> chip_keys = {"platform",
                                                        "id",
                                                        "cs_pin",
                                                        "phase_a",
                                                        "phase_b",
                                                        "phase_c",
                                                        "frequency",
                                                        "chip_temperature",
                                                        "gain_pga",
                                                        "line_frequency",
                                                        "update_interval",
                                                        "enable_gain_calibration",
                                                        "enable_offset_calibration",
                                                        "peak_current_signed",
                                                        "release_device",
                                                        "spi_id",
                                                        "data_rate",
                                                        "spi_mode",
                                                        "setup_priority",
                                                        "thresholds"};

template <class List>
bool contains(const List& list, std::string_view word) {
  return std::ranges::find(list, word) != list.end();
}

std::optional<double> number(std::string_view text) {
  double value = 0;
  if (text.starts_with('+')) text.remove_prefix(1);
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc{} || end != text.data() + text.size() || !std::isfinite(value)) return {};
  return value;
}

std::string lower(std::string_view text) {
  std::string out(text);
  for (auto& c : out) {
    if (c >= 'A' && c <= 'Z') c = static_cast<char>(c - 'A' + 'a');
  }
  return out;
}

// "10s", "500 ms", "1min".
std::optional<std::chrono::milliseconds> duration(std::string_view text) {
  constexpr std::array<std::pair<std::string_view, double>, 9> units = {{{"us", 1e-3},
                                                                         {"ms", 1},
                                                                         {"s", 1e3},
                                                                         {"sec", 1e3},
                                                                         {"seconds", 1e3},
                                                                         {"min", 6e4},
                                                                         {"minutes", 6e4},
                                                                         {"h", 3.6e6},
                                                                         {"hours", 3.6e6}}};
  const auto end = text.find_first_not_of("0123456789.");
  if (end == text.npos) return {};
  const auto value = number(text.substr(0, end));
  const auto unit = text.substr(std::min(text.size(), text.find_first_not_of(' ', end)));
  const auto found = std::ranges::find(units, unit, &std::pair<std::string_view, double>::first);
  if (!value || found == units.end() || *value * found->second > 1e9) return {};
  return std::chrono::milliseconds(std::llround(*value * found->second));
}

// What a circuit may be called: one line of at most 120 characters.
std::string as_name(std::string text) {
  std::ranges::replace_if(
      text, [](unsigned char c) { return c < 0x20 || c == 0x7F; }, ' ');
  const auto begin = text.find_first_not_of(' ');
  if (begin == text.npos) return "";
  text = text.substr(begin, text.find_last_not_of(' ') - begin + 1);
  std::size_t characters = 0;
  for (std::size_t i = 0; i < text.size(); ++i) {
    if ((text[i] & 0xC0) != 0x80 && ++characters > hub::max_name_characters)
      return text.substr(0, i);
  }
  return text;
}

bool ends_with_word(const std::string& name, std::string_view word) {
  return name.size() > word.size() + 1 && lower(name).ends_with(" " + lower(word));
}

// The first of the words that the name ends with is taken off.
std::string without_words(std::string name, std::initializer_list<std::string_view> words) {
  const auto word =
      std::ranges::find_if(words, [&](auto each) { return ends_with_word(name, each); });
  if (word != words.end()) name.resize(name.size() - word->size() - 1);
  return name;
}

std::string device_of(std::string_view name) {
  auto id = hub::object_id_of(name);
  id.resize(std::min(id.size(), measurement::max_device_name));
  return id.empty() ? "energy-meter" : id;
}

std::string fault(const Yaml& at, const std::string& sentence) {
  return fmt::format("{}: {}", at.place(), sentence);
}

class Reader {
 public:
  explicit Reader(const fs::path& path)
      : path_(path), source_(read_esphome_source(path)), root_(source_.root) {}

  EsphomeFile read() {
    out_.remarks = source_.remarks;
    name_node();
    read_bus();
    const auto chips = find_chips();
    out_.node.channels = channels_per_board * ((chips.size() + 1) / 2);
    for (const auto* chip : chips) read_chip(*chip);
    shorten_names();
    out_.meter.id = out_.node.device;
    out_.node.period = out_.meter.period;
    read_link();
    read_zone();
    check();
    return std::move(out_);
  }

 private:
  void remark(const Yaml& at, const std::string& sentence) {
    out_.remarks.push_back(fault(at, sentence));
  }

  // Text of a path of keys, or nothing.
  const Yaml* at(std::initializer_list<std::string_view> keys) const {
    const Yaml* node = &root_;
    for (const auto key : keys) {
      if (node && node->is_list() && !node->items.empty()) node = &node->items.front();
      node = node ? node->find(key) : nullptr;
    }
    return node;
  }
  std::string text_at(std::initializer_list<std::string_view> keys) const {
    const auto* node = at(keys);
    if (!node || !node->is_text()) return "";
    return node->tag == "!secret" ? esphome_secret(path_.parent_path(), node->text) : node->text;
  }

  void name_node() {
    const auto name = text_at({"esphome", "name"});
    out_.node.device = device_of(name.empty() ? path_.stem().string() : name);
    for (const auto& prefix :
         {text_at({"substitutions", "friendly_name"}), text_at({"substitutions", "disp_name"}),
          text_at({"esphome", "friendly_name"}), name}) {
      if (!prefix.empty()) prefixes_.push_back(prefix + " ");
    }
  }

  void read_bus() {
    const struct {
      std::string_view key;
      int& pin;
    } lines[] = {{"clk_pin", out_.meter.clock_pin},
                 {"miso_pin", out_.meter.miso_pin},
                 {"mosi_pin", out_.meter.mosi_pin}};
    for (const auto& [key, pin] : lines) {
      if (const auto* node = at({"spi", key})) pin = read_pin(*node, key);
    }
    if (const auto* spi = root_.find("spi"); spi && spi->is_list() && spi->items.size() > 1) {
      remark(*spi, "only the first SPI bus is taken; the chips are assumed to be on it.");
    }
  }

  // 5, GPIO5, or {number: 5, ...}.
  int read_pin(const Yaml& node, std::string_view key) {
    const Yaml* pin = node.is_map() ? node.find("number") : &node;
    auto text = pin && pin->is_text() ? lower(pin->text) : "";
    if (text.starts_with("gpio")) text.erase(0, 4);
    const auto value = number(text);
    if (!value || *value != std::round(*value) || *value < 0 || *value > 63) {
      throw std::runtime_error(
          fault(node, fmt::format("{} \"{}\" is no pin of the ESP32; give it like GPIO5.", key,
                                  shown(pin ? pin->text : ""))));
    }
    if (const auto* inverted = node.find("inverted"); inverted && lower(inverted->text) == "true") {
      remark(*inverted, fmt::format("{} is inverted, which Lenz does not know.", key));
    }
    for (const auto& [word, expander] : node.entries) {
      if (!contains(pin_keys, word)) {
        throw std::runtime_error(fault(
            expander, fmt::format("{} hangs on \"{}\", which Lenz does not know; it needs a pin "
                                  "of the ESP32.",
                                  key, shown(word))));
      }
    }
    return static_cast<int>(*value);
  }

  std::vector<const Yaml*> find_chips() {
    std::vector<const Yaml*> chips;
    if (const auto* sensors = root_.find("sensor")) {
      for (const auto& sensor : sensors->items) {
        const auto* platform = sensor.find("platform");
        const auto name = platform ? platform->text : "";
        if (name == "atm90e32") {
          chips.push_back(&sensor);
        } else {
          tell_other_sensor(sensor, name);
        }
      }
    }
    if (chips.empty()) {
      auto help = source_.missing.empty()
                      ? "give the file of an energy meter"
                      : "these files are missing beside it: " + list_of(source_.missing);
      throw std::runtime_error(
          fmt::format("{} has no sensor of platform atm90e32; {}.", shown(path_.string()), help));
    }
    if (chips.size() > measurement::max_chips) {
      throw std::runtime_error(fault(
          *chips[measurement::max_chips],
          fmt::format("a meter has at most {} atm90e32; take some out.", measurement::max_chips)));
    }
    return chips;
  }

  static std::string list_of(const std::vector<std::string>& files) {
    std::string out;
    for (const auto& file : files) out += (out.empty() ? "" : ", ") + shown(file);
    return out;
  }

  void tell_other_sensor(const Yaml& sensor, const std::string& platform) {
    constexpr std::array<std::string_view, 8> of_the_node = {
        "wifi_signal", "copy", "debug", "uptime", "internal_temperature", "", "version", "adc"};
    if (contains(of_the_node, platform)) return;
    const auto* name = sensor.find("name");
    const auto called = shown(name && name->is_text() ? name->text : platform);
    if (platform == "template" || platform == "total_daily_energy" || platform == "integration") {
      remark(sensor, fmt::format("\"{}\" is computed by the node from others; Lenz reckons such "
                                 "sums itself and leaves it out.",
                                 called));
    } else {
      remark(sensor, fmt::format("\"{}\" is no clamp of an atm90e32 and is left out.", called));
    }
  }

  void read_chip(const Yaml& from) {
    const auto index = out_.meter.chips.size();
    auto& chip = out_.meter.chips.emplace_back();
    for (const auto& [key, value] : from.entries) {
      if (key == "current_phases") continue;
      if (!contains(chip_keys, key)) {
        remark(value, fmt::format("\"{}\" is not understood and left out.", shown(key)));
      } else if (from.find(key) != &value) {
        remark(value, fmt::format("\"{}\" is there twice; the last counts.", shown(key)));
      }
    }
    read_cs_pin(from, chip);
    read_pga(from, chip);
    read_line(from, index);
    read_period(from, index);
    for (std::size_t p = 0; p < channels_per_chip; ++p) {
      const auto key = fmt::format("phase_{}", phase_letters[p]);
      if (const auto* phase = from.find(key)) read_phase(*phase, index * channels_per_chip + p);
    }
    if (const auto* sensor = from.find("frequency")) {
      add_entity(*sensor, Quantity::frequency, index, 1);
    }
    if (const auto* sensor = from.find("chip_temperature")) {
      add_entity(*sensor, Quantity::chip_temperature, index, 1);
    }
    tell_calibration(from);
  }

  void read_cs_pin(const Yaml& from, hub::MeterChip& chip) {
    const auto* pin = from.find("cs_pin");
    if (!pin) {
      throw std::runtime_error(fault(from, "this atm90e32 has no cs_pin; add it."));
    }
    chip.cs_pin = read_pin(*pin, "cs_pin");
    const auto [other, is_new] = cs_pins_.emplace(chip.cs_pin, pin->place());
    if (!is_new) {
      throw std::runtime_error(
          fault(*pin, fmt::format("cs_pin {} is that of the chip at {} too; give each its own.",
                                  chip.cs_pin, other->second)));
    }
  }

  void read_pga(const Yaml& from, hub::MeterChip& chip) {
    const auto* pga = from.find("gain_pga");
    const auto text = pga ? lower(pga->text) : "2x";  // ESPHome's default.
    if (text != "1x" && text != "2x" && text != "4x") {
      throw std::runtime_error(fault(
          *pga, fmt::format("gain_pga \"{}\" cannot be; give 1X, 2X or 4X.", shown(pga->text))));
    }
    chip.pga = text[0] - '0';
  }

  void read_line(const Yaml& from, std::size_t index) {
    const auto* line = from.find("line_frequency");
    const auto text = line ? lower(line->text) : "";
    if (text != "50hz" && text != "60hz") {
      throw std::runtime_error(
          fault(line ? *line : from, "line_frequency must be 50Hz or 60Hz; correct it."));
    }
    const int hertz = text[0] == '5' ? 50 : 60;
    if (index > 0 && hertz != out_.meter.line_frequency_hz) {
      remark(*line, "another line_frequency than the first chip's is left out.");
      return;
    }
    out_.meter.line_frequency_hz = hertz;
    if (index > 0) return;
    // ESPHome's own assumption, unless the file says more.
    out_.meter.nominal_voltage_v = hertz == 60 ? 120 : 230;
    const auto* limits = from.find("thresholds");
    const auto* nominal = limits ? limits->find("voltage_nominal") : nullptr;
    if (!nominal) nominal = at({"substitutions", "nominal_voltage"});
    if (!nominal) return;
    auto volts = nominal->text;
    if (!volts.empty() && lower(volts).ends_with("v")) volts.pop_back();
    if (const auto value = number(volts); value && *value > 0 && *value <= 1000) {
      out_.meter.nominal_voltage_v = *value;
    } else {
      remark(*nominal, fmt::format("the nominal voltage \"{}\" cannot be; {} V is taken.",
                                   shown(nominal->text), out_.meter.nominal_voltage_v));
    }
  }

  void read_period(const Yaml& from, std::size_t index) {
    using namespace std::chrono_literals;
    const auto* interval = from.find("update_interval");
    const auto period = interval ? duration(lower(interval->text)) : 60s;  // ESPHome's default.
    if (!period || *period < 200ms || *period > 1h) {
      remark(*interval, fmt::format("the update_interval \"{}\" is no time from 200 ms to 1 h; "
                                    "{} ms is taken.",
                                    shown(interval->text), out_.meter.period.count()));
    } else if (index > 0 && *period != out_.meter.period) {
      remark(interval ? *interval : from,
             "another update_interval than the first chip's is left out.");
    } else {
      out_.meter.period = *period;
    }
  }

  // Gains that the node has measured itself are kept in its memory, not in the file.
  void tell_calibration(const Yaml& from) {
    for (const char* key : {"enable_gain_calibration", "enable_offset_calibration"}) {
      const auto* enabled = from.find(key);
      if (!enabled || lower(enabled->text) != "true" || told_calibration_) continue;
      told_calibration_ = true;
      remark(*enabled, fmt::format("{} lets the node use values of its own memory instead of those "
                                   "read here; compare them with its log.",
                                   key));
    }
  }

  void read_phase(const Yaml& phase, std::size_t channel) {
    auto& clamp = out_.meter.chips.back().channels.at(channel % channels_per_chip);
    for (const auto& [key, value] : phase.entries) {
      const auto is_key = [&](const auto& row) { return row.key == key; };
      if (std::ranges::none_of(phase_words, is_key) &&
          std::ranges::none_of(phase_sensors, is_key) && !contains(derived_sensors, key)) {
        remark(value, fmt::format("\"{}\" is not understood and left out.", shown(key)));
      } else if (phase.find(key) != &value) {
        remark(value, fmt::format("\"{}\" is there twice; the last counts.", shown(key)));
      }
    }
    for (const auto& word : phase_words) {
      if (const auto* node = phase.find(word.key)) clamp.*word.value = read_word(*node, word);
    }
    read_multiplier(phase, clamp);
    for (const auto& row : phase_sensors) {
      const auto* sensor = phase.find(row.key);
      if (sensor)
        add_entity(*sensor, turned(row.quantity, clamp), series(row, channel),
                   scale(*sensor, row.quantity));
    }
    name_clamp(phase, channel);
  }

  static std::size_t series(const PhaseSensor& row, std::size_t channel) {
    const bool is_of_a_chip = measurement::row(row.quantity).scope == measurement::Scope::chip;
    return is_of_a_chip ? measurement::chip_of(channel) : channel;
  }

  // The node turns the power of a reversed clamp by its filter, but not the chip's two counters.
  static Quantity turned(Quantity quantity, const hub::MeterChannel& clamp) {
    if (!clamp.reversed) return quantity;
    if (quantity == Quantity::imported) return Quantity::exported;
    return quantity == Quantity::exported ? Quantity::imported : quantity;
  }

  static int read_word(const Yaml& node, const PhaseWord& word) {
    const auto value = number(node.text);
    if (node.text.find("${") != node.text.npos) {
      throw std::runtime_error(fault(
          node, fmt::format("{} says \"{}\", which no substitution gives as a number; add it.",
                            word.key, shown(node.text))));
    }
    if (!value || *value != std::round(*value) || *value < word.least || *value > word.most) {
      throw std::runtime_error(
          fault(node, fmt::format("{} of \"{}\" cannot be; give a whole number from {} to {}.",
                                  word.key, shown(node.text), word.least, word.most)));
    }
    return static_cast<int>(*value);
  }

  // Units of the quantity for one of the sensor's.
  double scale(const Yaml& sensor, Quantity quantity) {
    const auto* unit = sensor.find("unit_of_measurement");
    if (!unit) return 1;
    const auto factor = hub::esphome_unit(quantity, unit->text);
    if (!factor) {
      remark(*unit, fmt::format("the unit \"{}\" is not understood; {} is taken.",
                                shown(unit->text), measurement::row(quantity).unit));
    }
    return factor.value_or(1);
  }

  // The product of a sensor's multiply filters; the others are told.
  double filtered(const Yaml& sensor, bool tell) {
    double product = 1;
    const auto* filters = sensor.find("filters");
    if (!filters) return product;
    const auto& items = filters->is_list() ? filters->items : std::vector<Yaml>{*filters};
    for (const auto& filter : items) {
      for (const auto& [key, value] : filter.entries) {
        const auto factor = number(value.text);
        if (key == "multiply" && factor && value.tag.empty() && *factor != 0) {
          product *= *factor;
        } else if (tell) {
          remark(value, fmt::format("the filter \"{}\" has no place in Lenz and is left out.",
                                    shown(key)));
        }
      }
    }
    return product;
  }

  // Absent where there is no such sensor.
  std::optional<double> factor_of(const Yaml& phase, std::string_view key, Quantity quantity) {
    const auto* sensor = phase.find(key);
    if (!sensor || !sensor->is_map()) return {};
    const auto* unit = sensor->find("unit_of_measurement");
    const auto units = unit ? hub::esphome_unit(quantity, unit->text).value_or(1) : 1;
    return filtered(*sensor, true) * units;
  }

  void read_multiplier(const Yaml& phase, hub::MeterChannel& clamp) {
    const auto power = factor_of(phase, "power", Quantity::active_power);
    const auto current = factor_of(phase, "current", Quantity::current);
    const auto factor = power ? *power : current.value_or(1);
    const auto size = std::round(std::abs(factor));
    if (std::abs(size - std::abs(factor)) > 1e-6 || size < 1 || size > 255) {
      remark(phase, fmt::format("its values are multiplied by {}, which is no whole number from 1 "
                                "to 255, and Lenz's meters do not; fit the gain instead.",
                                factor));
      return;
    }
    clamp.multiplier = static_cast<int>(size);
    clamp.reversed = factor < 0;
    if (power && current && std::abs(std::abs(*current) - size) > 1e-6) {
      remark(phase, fmt::format("power is multiplied by {} and current by {}; the power's counts.",
                                *power, *current));
    }
  }

  static std::string published_name(const Yaml& sensor) {
    const auto* internal = sensor.find("internal");
    if (internal && lower(internal->text) == "true") return "";
    const auto* name = sensor.find("name");
    return name && name->is_text() && lower(name->text) != "none" ? name->text : "";
  }

  void add_entity(const Yaml& sensor, Quantity quantity, std::size_t index, double factor) {
    const auto name = published_name(sensor);
    if (name.empty()) return;
    if (name.find("${") != name.npos) {
      remark(sensor, fmt::format("no substitution gives all of the name \"{}\".", shown(name)));
    }
    const auto id = hub::object_id_of(name);
    hub::EsphomeNode stock;
    stock.channels = out_.node.channels;
    const auto meaning = hub::meaning_of(id, stock);
    const bool is_new = series_.emplace(quantity, index).second;
    if (!is_new || !ids_.insert(id).second) {
      remark(sensor, fmt::format("\"{}\" says what another entity says, or is called like one, and "
                                 "is left out.",
                                 shown(name)));
      return;
    }
    if (meaning && meaning->quantity == quantity && meaning->index == index && factor == 1) return;
    out_.node.entities.push_back({id, quantity, index, factor});
  }

  void name_clamp(const Yaml& phase, std::size_t channel) {
    const auto name_of = [&](std::string_view key, std::initializer_list<std::string_view> words) {
      const auto* sensor = phase.find(key);
      return sensor ? as_name(without_words(published_name(*sensor), words)) : "";
    };
    const auto power = name_of("power", {"Watts", "Watt", "W", "(W)", "Active Power", "Power"});
    const auto current = name_of("current", {"Amps", "Amp", "A", "(A)", "Current"});
    // A clamp may have been renamed in one of the two only.
    const auto last = lower(power).substr(power.rfind(' ') + 1);
    const bool is_number = last.size() > 2 && last.starts_with("ct") &&
                           last.find_first_not_of("0123456789", 2) == last.npos;
    const auto& name = power.empty() || (is_number && !current.empty()) ? current : power;
    if (!name.empty()) out_.clamps[channel] = name;
    if (phase.find("current") && power.empty()) {
      remark(phase,
             "the node does not send this clamp's power, so the hub learns no energy of it.");
    }
  }

  // What all names begin with is the node's name, and says nothing of a circuit.
  void shorten_names() {
    for (const auto& prefix : prefixes_) {
      const bool all = std::ranges::all_of(out_.clamps, [&](const auto& clamp) {
        return clamp.second.size() > prefix.size() && clamp.second.starts_with(prefix);
      });
      if (!all) continue;
      for (auto& [channel, name] : out_.clamps) name.erase(0, prefix.size());
      return;
    }
  }

  void read_link() {
    const bool has_suffix = lower(text_at({"esphome", "name_add_mac_suffix"})) == "true";
    const auto name = text_at({"esphome", "name"});
    if (const auto* mqtt = root_.find("mqtt"); mqtt && mqtt->is_map()) {
      read_mqtt(*mqtt, name, has_suffix);
      return;
    }
    auto& node = out_.node;
    for (const char* network : {"wifi", "ethernet"}) {
      if (node.address.empty()) node.address = text_at({network, "use_address"});
      if (node.address.empty()) node.address = text_at({network, "manual_ip", "static_ip"});
    }
    if (node.address.empty()) {
      node.address = (name.empty() ? node.device : name) + ".local";
      if (has_suffix) {
        const auto* suffix = at({"esphome", "name_add_mac_suffix"});
        remark(*suffix,
               "the node adds the end of its MAC to its name: give its address with "
               "--address, or put it into partners.toml.");
      }
    }
    if (const auto port = number(text_at({"api", "port"}))) node.port = static_cast<int>(*port);
    const auto* key = at({"api", "encryption", "key"});
    if (!key) return;
    node.key = text_at({"api", "encryption", "key"});
    if (node.key.size() == 44) return;
    node.key.clear();
    remark(*key,
           "the key of the API is not known here: put it into a file of the folder secrets "
           "and name that as key_file in partners.toml.");
  }

  void read_mqtt(const Yaml& from, const std::string& name, bool has_suffix) {
    auto& mqtt = out_.mqtt.emplace();
    const auto host = text_at({"mqtt", "broker"});
    if (host.empty()) {
      remark(from, fmt::format("the broker is not known here; {} is taken.", mqtt.host));
    } else {
      mqtt.host = host;
    }
    if (const auto port = number(text_at({"mqtt", "port"}))) mqtt.port = static_cast<int>(*port);
    mqtt.user = text_at({"mqtt", "username"});
    mqtt.password = mqtt.user.empty() ? "" : text_at({"mqtt", "password"});
    if (from.find("username") && mqtt.user.empty()) {
      remark(from, "the broker's user and password are not known here; add them to partners.toml.");
    }
    const auto prefix = text_at({"mqtt", "topic_prefix"});
    if (!prefix.empty() || name != out_.node.device) {
      out_.node.topic_prefix = prefix.empty() ? name : prefix;
    }
    if (has_suffix && prefix.empty()) {
      remark(from,
             "the node adds the end of its MAC to its name: put its topic_prefix into "
             "partners.toml.");
    }
  }

  void read_zone() {
    auto zone = text_at({"time", "timezone"});
    const bool is_iana = zone.find('/') != zone.npos && zone.find_first_of(" ,<>$") == zone.npos;
    out_.zone = is_iana ? as_name(zone) : "";
  }

  // What home.toml would refuse must be said of the YAML.
  void check() const {
    hub::Home home;
    home.id = home.name = "home";
    home.zone = "Etc/UTC";
    home.country = "ZZ";
    home.currency = "EUR";
    home.panels.emplace_back();
    home.meters = {out_.meter};
    const auto found = hub::find_fault(home);
    if (!found) return;
    throw std::runtime_error(fmt::format("{}: {}", shown(path_.string()),
                                         found->sentence.substr(found->sentence.find(',') + 2)));
  }

  static constexpr std::array<std::string_view, 7> pin_keys = {"number",
                                                               "inverted",
                                                               "mode",
                                                               "ignore_strapping_warning",
                                                               "ignore_pin_validation_error",
                                                               "allow_other_uses",
                                                               "drive_strength"};

  const fs::path path_;
  const EsphomeSource source_;
  const Yaml& root_;
  EsphomeFile out_;
  std::vector<std::string> prefixes_;   // Of names: the node's own.
  std::map<int, std::string> cs_pins_;  // And where they stand.
  std::set<std::pair<Quantity, std::size_t>> series_;
  std::set<std::string> ids_;
  bool told_calibration_ = false;
};

}  // namespace

EsphomeFile read_esphome(const fs::path& path) { return Reader(path).read(); }

std::vector<hub::Circuit> circuits_of(const EsphomeFile& file,
                                      const std::vector<hub::Circuit>& taken) {
  std::set<std::string> ids;
  for (const auto& circuit : taken) ids.insert(circuit.id);
  std::vector<hub::Circuit> circuits;
  for (const auto& [channel, name] : file.clamps) {
    hub::Circuit circuit;
    circuit.name = name;
    const auto id = hub::object_id_of(name);
    circuit.id = id;
    for (int n = 2; !ids.insert(circuit.id).second; ++n) circuit.id = fmt::format("{}_{}", id, n);
    circuit.channels = {{file.meter.id, static_cast<std::uint32_t>(channel), 1}};
    circuits.push_back(std::move(circuit));
  }
  return circuits;
}

std::map<std::size_t, std::string> clamps_of(const hub::Panel& panel, std::string_view device) {
  std::map<std::size_t, std::string> clamps;
  // A circuit above others may count the same clamp; the one with fewer clamps names it.
  std::map<std::size_t, std::size_t> sizes;
  for (const auto& circuit : panel.circuits) {
    for (std::size_t u = 0; u < circuit.channels.size(); ++u) {
      const auto& use = circuit.channels[u];
      const auto size = circuit.channels.size();
      if (use.device != device) continue;
      const auto [known, is_new] = sizes.emplace(use.channel, size);
      if (!is_new && known->second <= size) continue;
      known->second = size;
      clamps[use.channel] = size == 1 ? circuit.name : fmt::format("{} {}", circuit.name, u + 1);
    }
  }
  return clamps;
}

}  // namespace lenz
