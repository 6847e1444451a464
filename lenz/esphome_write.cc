#include <fmt/format.h>

#include <algorithm>
#include <cctype>
#include <vector>

#include "lenz/esphome_stock.h"
#include "lenz/esphome_yaml.h"
#include "lenz/yaml_tree.h"

namespace lenz {
namespace {

using measurement::channels_per_chip;

constexpr std::size_t max_characters = 113;  // ESPHome takes 120, and " Watts" is added.

std::string for_esphome(const std::string& name) {
  std::string out;
  std::size_t characters = 0;
  for (std::size_t i = 0; i < name.size(); ++i) {
    const auto next = static_cast<unsigned char>(i + 1 < name.size() ? name[i + 1] : ' ');
    if (name[i] == '$' && (next == '{' || next == '_' || std::isalpha(next))) continue;
    if ((name[i] & 0xC0) != 0x80 && ++characters > max_characters) break;
    const auto byte = static_cast<unsigned char>(name[i]);
    const bool is_control = byte < 0x20 || byte == 0x7F;
    out += is_control ? ' ' : name[i];
  }
  return out;
}

std::string period_of(std::chrono::milliseconds period) {
  const auto ms = period.count();
  return ms % 1000 == 0 ? fmt::format("{}s", ms / 1000) : fmt::format("{}ms", ms);
}

class Writer {
 public:
  Writer(const hub::Meter& meter, const std::map<std::size_t, std::string>& clamps)
      : meter_(meter), clamps_(clamps) {
    for (const auto& chip : meter_.chips) {
      for (const auto& clamp : chip.channels) {
        if (std::ranges::find(voltage_gains_, clamp.voltage_gain) == voltage_gains_.end()) {
          voltage_gains_.push_back(clamp.voltage_gain);
        }
      }
    }
  }

  std::string text() {
    head();
    names();
    gains();
    node();
    for (std::size_t chip = 0; chip < meter_.chips.size(); ++chip) sensor(chip);
    return std::move(out_);
  }

 private:
  template <class... Args>
  void line(fmt::format_string<Args...> format, Args&&... args) {
    out_ += fmt::format(format, std::forward<Args>(args)...) + "\n";
  }

  void head() {
    line("# An energy meter of {} for ESPHome 2025.5 or newer, written by Lenz.",
         meter_.boards() == 1 ? "one board" : fmt::format("{} boards", meter_.boards()));
    line("# See all options at https://esphome.io/components/sensor/atm90e32.html");
    line("#");
    line("# Your secrets.yaml must have: wifi_ssid, wifi_password, ota_password,");
    line("# and api_encryption_key (see https://esphome.io/components/api.html).");
    line("");
    line("substitutions:");
    line("  disp_name: {}", meter_.id);
    line("  friendly_name: CircuitSetup Energy Meter");
    line("# From one reading to the next.");
    line("  update_time: {}", period_of(meter_.period));
    line("# Of your grid: 60Hz in North America, 50Hz in most other places.");
    line("  electric_freq: {}Hz", meter_.line_frequency_hz);
    if (meter_.nominal_voltage_v != (meter_.line_frequency_hz == 60 ? 120 : 230)) {
      line("# Only Lenz reads this one.");
      line("  nominal_voltage: \"{}\"", meter_.nominal_voltage_v);
    }
  }

  void names() {
    line("");
    line("# Names and ids; ids have no spaces.");
    for (std::size_t chip = 0; chip < meter_.chips.size(); ++chip) {
      const auto first = chip * channels_per_chip + 1;
      line("  {}: Meter {}-{}", stock_chip_name(chip), first, first + channels_per_chip - 1);
      line("  {}: {}_{}", stock_chip_id(chip),
           chip < 2 ? "meter_main" : fmt::format("addon{}", chip / 2), chip % 2 + 1);
    }
    for (const auto& [channel, name] : clamps_) {
      if (channel >= meter_.chips.size() * channels_per_chip) continue;
      line("  ct{}_name: {}", channel + 1, yaml_text(for_esphome(name)));
    }
  }

  void gains() {
    line("");
    line("# Gains of the clamps, as calibrated. Where values are multiplied below, because the");
    line("# chip's current ends at 65.5 A, the gain is divided by the same number.");
    for (std::size_t channel = 0; channel < meter_.chips.size() * channels_per_chip; ++channel) {
      if (is_written(channel)) {
        line("  current_cal_ct{}: \"{}\"", channel + 1, clamp(channel).current_gain);
      }
    }
    line("# Of the voltage transformers.");
    for (std::size_t i = 0; i < voltage_gains_.size(); ++i) {
      line("  voltage_cal{}: \"{}\"", i + 1, voltage_gains_[i]);
    }
  }

  void node() {
    line("");
    out_ +=
        "esphome:\n"
        "  name: ${disp_name}\n"
        "  friendly_name: ${friendly_name}\n"
        "  min_version: 2025.5.0\n"
        "\n"
        "esp32:\n"
        "  board: nodemcu-32s\n"
        "  framework:\n"
        "    type: esp-idf\n"
        "\n"
        "logger:\n"
        "\n"
        "# For Home Assistant, or for Lenz.\n"
        "api:\n"
        "  encryption:\n"
        "    key: !secret api_encryption_key\n"
        "\n"
        "ota:\n"
        "  - platform: esphome\n"
        "    password: !secret ota_password\n"
        "\n"
        "wifi:\n"
        "  ssid: !secret wifi_ssid\n"
        "  password: !secret wifi_password\n"
        "  ap:\n"
        "\n"
        "captive_portal:\n"
        "\n"
        "web_server:\n"
        "  port: 80\n"
        "\n"
        "time:\n"
        "  - platform: sntp\n"
        "\n"
        "spi:\n";
    line("  clk_pin: {}", meter_.clock_pin);
    line("  miso_pin: {}", meter_.miso_pin);
    line("  mosi_pin: {}", meter_.mosi_pin);
    line("");
    line("sensor:");
  }

  void sensor(std::size_t chip) {
    const auto& settings = meter_.chips[chip];
    line("# {}, chip {}", chip < 2 ? "Main board" : fmt::format("Add-on {}", chip / 2),
         chip % 2 + 1);
    line("  - platform: atm90e32");
    line("    cs_pin: {}", settings.cs_pin);
    line("    id: ${{{}}}", stock_chip_id(chip));
    // ESP-IDF takes six devices on a bus at a time.
    if (chip >= 2) line("    release_device: true");
    for (std::size_t p = 0; p < channels_per_chip; ++p) phase(chip * channels_per_chip + p);
    if (has_voltage(chip)) {
      line("    frequency:");
      line("      name: Frequency {}", chip + 1);
    }
    line("    chip_temperature:");
    line("      name: ${{{}}} Chip Temp", stock_chip_name(chip));
    line("    line_frequency: ${{electric_freq}}");
    line("    gain_pga: {}X", settings.pga);
    line("    update_interval: ${{update_time}}");
  }

  void phase(std::size_t channel) {
    const bool has_voltage_here =
        channel % channels_per_chip == 0 && has_voltage(channel / channels_per_chip);
    if (!is_written(channel) && !has_voltage_here) return;
    const auto& settings = clamp(channel);
    line("    phase_{}:", "abc"[channel % channels_per_chip]);
    if (has_voltage_here) {
      line("      voltage:");
      line("        name: Voltage {}", channel / channels_per_chip + 1);
      line("        accuracy_decimals: 1");
    }
    const auto factor = settings.multiplier;
    values(channel, "current", "Amps", factor);
    values(channel, "power", "Watts", settings.reversed ? -factor : factor);
    const auto gain = std::ranges::find(voltage_gains_, settings.voltage_gain);
    line("      gain_voltage: ${{voltage_cal{}}}", gain - voltage_gains_.begin() + 1);
    if (is_written(channel)) line("      gain_ct: ${{current_cal_ct{}}}", channel + 1);
    for (const auto& [key, offset] :
         {std::pair{"offset_voltage", settings.voltage_offset},
          std::pair{"offset_current", settings.current_offset},
          std::pair{"offset_active_power", settings.active_offset},
          std::pair{"offset_reactive_power", settings.reactive_offset}}) {
      if (offset != 0) line("      {}: {}", key, offset);
    }
  }

  void values(std::size_t channel, const char* key, const char* unit, int factor) {
    const bool is_named = clamps_.contains(channel);
    if (!is_named && factor == 1) return;
    line("      {}:", key);
    if (is_named) line("        name: ${{ct{}_name}} {}", channel + 1, unit);
    line("        id: ct{}{}", channel + 1, unit);
    if (factor == 1) return;
    line("        filters:");
    line("          - multiply: {}", factor);
  }

  const hub::MeterChannel& clamp(std::size_t channel) const {
    return meter_.chips.at(channel / channels_per_chip).channels.at(channel % channels_per_chip);
  }

  // Where no clamp hangs and nothing is set, ESPHome's defaults say the same.
  bool is_written(std::size_t channel) const {
    return clamps_.contains(channel) || clamp(channel) != hub::MeterChannel{};
  }

  // One transformer feeds all chips; a chip with another gain has one of its own.
  bool has_voltage(std::size_t chip) const {
    const auto gain = [&](std::size_t of) { return clamp(of * channels_per_chip).voltage_gain; };
    for (std::size_t before = 0; before < chip; ++before) {
      if (gain(before) == gain(chip)) return false;
    }
    return true;
  }

  const hub::Meter& meter_;
  const std::map<std::size_t, std::string>& clamps_;
  std::vector<int> voltage_gains_;  // Different ones, in the order of the channels.
  std::string out_;
};

}  // namespace

std::string write_esphome(const hub::Meter& meter,
                          const std::map<std::size_t, std::string>& clamps) {
  return Writer(meter, clamps).text();
}

}  // namespace lenz
