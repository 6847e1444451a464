#include "lenz/paired_meters.h"

#include <fmt/format.h>

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <sstream>
#include <stdexcept>
#include <utility>

#include "hub/devices.h"
#include "hub/toml_file.h"

namespace lenz {

PairedMeters::PairedMeters(std::string file) : file_(std::move(file)) {
  if (!std::filesystem::exists(file_)) return;
  std::ifstream in(file_);
  for (std::string line; std::getline(in, line);) {
    std::istringstream words(line);
    PairedMeter meter;
    std::string more;
    if (!(words >> meter.home >> meter.device >> meter.hash) || words >> more ||
        !hub::is_device_name(meter.device) || !meter.hash.starts_with('$')) {
      throw std::runtime_error(
          fmt::format("{}, line {}: this is no paired meter; restore the file from a backup, or "
                      "remove it and pair the meters again.",
                      file_, meters_.size() + 1));
    }
    meters_.push_back(std::move(meter));
  }
  if (in.bad()) {
    throw std::runtime_error(
        fmt::format("{} cannot be read: give the hub the right to read it.", file_));
  }
}

const PairedMeter* PairedMeters::find(std::string_view home, std::string_view device) const {
  const auto found = std::ranges::find_if(meters_, [&](const PairedMeter& meter) {
    return meter.home == home && meter.device == device;
  });
  return found == meters_.end() ? nullptr : &*found;
}

std::string PairedMeters::home_of(std::string_view device) const {
  const auto found = std::ranges::find(meters_, device, &PairedMeter::device);
  return found == meters_.end() ? std::string() : found->home;
}

void PairedMeters::put(PairedMeter meter) {
  auto meters = meters_;
  std::erase_if(meters, [&](const PairedMeter& old) { return old.device == meter.device; });
  meters.push_back(std::move(meter));
  keep(std::move(meters));
}

void PairedMeters::remove(std::string_view home, std::string_view device) {
  auto meters = meters_;
  std::erase_if(meters, [&](const PairedMeter& meter) {
    return meter.home == home && meter.device == device;
  });
  keep(std::move(meters));
}

void PairedMeters::keep(std::vector<PairedMeter> meters) {
  std::string text;
  for (const auto& [home, device, hash] : meters) {
    text += fmt::format("{} {} {}\n", home, device, hash);
  }
  hub::replace_file(file_, text, 0600);
  meters_ = std::move(meters);
}

}  // namespace lenz
