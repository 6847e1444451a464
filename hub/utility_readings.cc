#include "hub/utility_readings.h"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <cmath>
#include <optional>
#include <string_view>

#include "hub/time_text.h"
#include "hub/toml_file.h"

namespace hub {

namespace fs = std::filesystem;

namespace {

constexpr std::size_t most_bytes = 1 << 20;
constexpr double greatest_kwh = 1e8;

struct Digits {
  double value = 0, step = 1;
};
std::optional<Digits> digits_in(std::string_view text) {
  Digits digits;
  const auto [at, error] = std::from_chars(text.data(), text.data() + text.size(), digits.value,
                                           std::chars_format::fixed);
  const bool is_number = error == std::errc() && at == text.data() + text.size() &&
                         !text.starts_with('-') && digits.value <= greatest_kwh;
  if (!is_number || !std::isfinite(digits.value)) return std::nullopt;
  const auto point = text.find('.');
  if (point != text.npos) digits.step = std::pow(0.1, static_cast<double>(text.size() - point - 1));
  return digits;
}

std::string toml_of(const UtilityReading& reading) {
  return fmt::format(
      "\n[[reading]]\ncircuit = {}\ntime = {}\nimported_kwh = {}\nexported_kwh = {}\n"
      "class_percent = {}\nis_new_meter = {}\nby = {}\n",
      toml_text(reading.circuit), utc_text(reading.time), toml_text(reading.imported_kwh),
      toml_text(reading.exported_kwh), reading.class_percent, reading.is_new_meter,
      toml_text(reading.by));
}

}  // namespace

insight::DisplayReading UtilityReading::display() const {
  const auto imported = digits_in(imported_kwh), exported = digits_in(exported_kwh);
  insight::DisplayReading shown;
  if (imported) shown = {.imported_kwh = imported->value, .digit_kwh = imported->step};
  if (exported) {
    shown.exported_kwh = exported->value;
    shown.digit_kwh = std::max(shown.digit_kwh, exported->step);
  }
  return shown;
}

std::expected<void, std::string> check(UtilityReading& reading) {
  for (auto* text : {&reading.imported_kwh, &reading.exported_kwh}) {
    std::ranges::replace(*text, ',', '.');
    if (text == &reading.exported_kwh && text->empty()) continue;
    if (!digits_in(*text)) {
      return std::unexpected("Type the kWh as the display shows them, with its decimals: 12345.6");
    }
  }
  return {};
}

std::vector<UtilityReading> load_readings(const fs::path& path) {
  std::error_code error;
  if (fs::status(path, error).type() == fs::file_type::not_found) return {};
  const TomlFile file(path, most_bytes, "the readings of a utility's meter");
  std::vector<UtilityReading> all;
  file.allow(file.root(), "the file", {"reading"});
  file.each(file.root(), "reading", [&](const toml::table& from) {
    file.allow(
        from, "a reading",
        {"circuit", "time", "imported_kwh", "exported_kwh", "class_percent", "is_new_meter", "by"});
    auto& reading = all.emplace_back();
    file.need(from, "circuit", reading.circuit);
    file.need(from, "time", reading.time);
    file.need(from, "imported_kwh", reading.imported_kwh);
    file.want(from, "exported_kwh", reading.exported_kwh);
    file.want(from, "class_percent", reading.class_percent);
    file.want(from, "is_new_meter", reading.is_new_meter);
    file.want(from, "by", reading.by);
    if (const auto good = check(reading); !good) file.refuse(from.source(), good.error());
  });
  std::ranges::stable_sort(all, {}, &UtilityReading::time);
  return all;
}

void save_readings(const std::vector<UtilityReading>& readings, const fs::path& path) {
  std::string text;
  for (const auto& reading : readings) text += toml_of(reading);
  replace_file(path, text, 0644);
}

}  // namespace hub
