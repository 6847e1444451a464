// How each channel of each meter was calibrated, when, against what and by whom: calibrations.toml
// in the home's folder, which only grows. docs/calibration.md is its page.

#pragma once

#include <expected>
#include <filesystem>
#include <string>
#include <string_view>
#include <vector>

#include "insight/calibration/accuracy.h"
#include "measurement/channel_words.h"
#include "measurement/units.h"

namespace hub {

struct CalibrationRecord {
  std::string device;
  int channel = 0;
  measurement::Timestamp time{};
  std::string reference;  // "Fluke 345, serial 123, calibrated 2026": any text.
  std::string by;         // Who did it.
  std::string clamp;      // Its model; empty: not known.
  double volts = 0;       // Nominal, that the +- is shown for.
  measurement::ChannelWords before{}, after{};
  insight::Accuracy accuracy{};
  double no_load_a = 0;
  bool is_kept = true;  // By the meter, over its restarts.
};

// As they were added; none where there is no file. Throws std::runtime_error with one sentence that
// names the file, the line and the remedy.
std::vector<CalibrationRecord> load_calibrations(const std::filesystem::path&);

// The file as a whole, old records and the new one. Throws as above.
void add_calibration(const CalibrationRecord&, const std::filesystem::path&);

// The same once a meter is set. The error is one sentence that says so.
std::expected<void, std::string> note_calibration(const CalibrationRecord&,
                                                  const std::filesystem::path&);

// The newest of a channel; null: it was never calibrated.
const CalibrationRecord* newest_calibration(const std::vector<CalibrationRecord>&,
                                            std::string_view device, int channel);

}  // namespace hub
