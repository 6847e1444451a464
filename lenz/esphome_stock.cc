#include "lenz/esphome_stock.h"

#include <fmt/format.h>

#include <regex>
#include <string_view>

namespace lenz {
namespace {

constexpr std::array<std::string_view, 3> phases = {"a", "b", "c"};

std::string stock_chip(std::size_t chip) {
  auto out = fmt::format("  - platform: atm90e32\n    cs_pin: {}\n    id: ${{{}}}\n",
                         stock_cs_pins.at(chip), stock_chip_id(chip));
  for (std::size_t p = 0; p < phases.size(); ++p) {
    out += fmt::format("    phase_{}:\n", phases.at(p));
    if (chip == 0 && p == 0) out += "      voltage: {name: Voltage 1}\n";
    out += fmt::format(
        "      current: {{name: \"${{ct{0}_name}} Amps\"}}\n"
        "      power: {{name: \"${{ct{0}_name}} Watts\"}}\n"
        "      gain_voltage: ${{voltage_cal{1}}}\n      gain_ct: ${{current_cal_ct{0}}}\n",
        chip * 3 + p + 1, chip % 2 + 1);
  }
  if (chip == 0) out += "    frequency: {name: Frequency 1}\n";
  if (chip < 2) {
    out += fmt::format("    chip_temperature: {{name: \"${{{}}} Chip Temp\"}}\n",
                       stock_chip_name(chip));
  }
  return out +
         "    line_frequency: ${electric_freq}\n    gain_pga: 1X\n"
         "    update_interval: ${update_time}\n";
}

std::string stock_power_quality(std::size_t chip) {
  auto out = fmt::format("  - id: !extend ${{{}}}\n", stock_chip_id(chip));
  for (std::size_t p = 0; p < phases.size(); ++p) {
    out += fmt::format(
        "    phase_{0}:\n      reactive_power: {{name: \"${{ct{1}_name}} VAR\"}}\n"
        "      harmonic_power: {{name: \"${{ct{1}_name}} Harmonic\"}}\n"
        "      peak_current: {{name: \"${{ct{1}_name}} Peak A\"}}\n",
        phases.at(p), chip * 3 + p + 1);
  }
  return out;
}

std::string part(std::size_t chip) {
  return chip < 2 ? "main_meter" : fmt::format("addon{}", chip / 2);
}

}  // namespace

std::string stock_chip_id(std::size_t chip) {
  return fmt::format("{}_id{}", part(chip), chip % 2 + 1);
}

std::string stock_chip_name(std::size_t chip) {
  return fmt::format("{}_name{}", part(chip), chip % 2 + 1);
}

std::optional<std::string> stock_package(const std::string& file) {
  static const std::regex name(
      R"(6chan_(main|addon([1-6]))_?(sensor|power_quality|status|calibration|offset_calibrations)?\.yaml)");
  if (file == "6chan_common.yaml") return "spi:\n  clk_pin: 18\n  miso_pin: 19\n  mosi_pin: 23\n";
  std::smatch match;
  if (!std::regex_match(file, match, name)) return std::nullopt;
  const auto kind = match[3].str();
  if (kind == "status" || kind == "calibration" || kind == "offset_calibrations") return "";
  const std::size_t board = match[2].matched ? std::stoul(match[2].str()) : 0;
  std::string out = "sensor:\n";
  for (std::size_t chip = 2 * board; chip < 2 * board + 2; ++chip) {
    out += kind == "power_quality" ? stock_power_quality(chip) : stock_chip(chip);
  }
  return out;
}

}  // namespace lenz
