#include <fmt/format.h>

#include <algorithm>
#include <filesystem>
#include <stdexcept>

#include "hub/config.h"
#include "hub/toml_file.h"
#include "lenz/commands.h"
#include "lenz/esphome_yaml.h"
#include "lenz/workplace.h"

namespace lenz {
namespace {

const hub::Meter& meter_of(const hub::Home& home, const std::string& device,
                           const std::string& file) {
  if (home.meters.empty()) {
    throw std::runtime_error(
        fmt::format("{} describes no [[meter]]; add one, or use lenz import esphome.", file));
  }
  std::string names;
  for (const auto& meter : home.meters) {
    if (meter.id == device || (device.empty() && home.meters.size() == 1)) return meter;
    names += (names.empty() ? "" : ", ") + meter.id;
  }
  if (device.empty()) {
    throw std::runtime_error(
        fmt::format("{} has several meters; choose one with --device: {}.", file, names));
  }
  throw std::runtime_error(
      fmt::format("{} describes no meter \"{}\"; it has: {}.", file, device, names));
}

}  // namespace

int export_esphome(const ExportEsphomeOptions& options) {
  const std::filesystem::path folder =
      options.data.empty() ? Workplace::usual_folder() : options.data;
  const auto file = folder / "home.toml";
  const auto home = hub::load_home(file);
  const auto& meter = meter_of(home, options.device, file.string());
  const auto text = write_esphome(meter, clamps_of(home.panels.back(), meter.id));
  if (options.output.empty()) {
    fmt::print("{}", text);
  } else {
    hub::replace_file(options.output, text, 0644);
  }
  return 0;
}

}  // namespace lenz
