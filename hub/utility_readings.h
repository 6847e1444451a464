// What people read off the utility's meter, and when: utility_readings.toml in the home's folder.
// docs/calibration.md is its page.

#pragma once

#include <expected>
#include <filesystem>
#include <string>
#include <vector>

#include "insight/calibration/display_readings.h"
#include "measurement/units.h"

namespace hub {

struct UtilityReading {
  std::string circuit;  // The mains that it is the meter of.
  measurement::Timestamp time{};
  std::string imported_kwh, exported_kwh;  // As typed, since digits count; the second may be empty.
  double class_percent = 1;                // Printed on it.
  bool is_new_meter = false;               // It took the place of the one before.
  std::string by;

  // Where both texts are numbers.
  insight::DisplayReading display() const;
};

// Of what was typed, with a point or a comma: why it is no reading.
std::expected<void, std::string> check(UtilityReading&);

// As they were added, by time; none where there is no file. Throws std::runtime_error with one
// sentence that names the file, the line and the remedy.
std::vector<UtilityReading> load_readings(const std::filesystem::path&);
void save_readings(const std::vector<UtilityReading>&, const std::filesystem::path&);

}  // namespace hub
