// A folder of recordings of houses and of single appliances, whole in memory as columns. Missing is
// NaN, never filled.
//
//   houses/<name>/recording.json, samples*.csv.gz   time_s,<column>,...
//   traces/traces.csv, traces/<file>                time_s,active_power_w

#pragma once

#include <cstddef>
#include <filesystem>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "insight/appliance_kinds.h"
#include "measurement/units.h"

namespace lenz::evaluation {

enum class ChannelRole : std::uint8_t { mains, circuit, appliance };

// One meter of a house: its columns share what stands before their suffix. A column that was not
// recorded is empty; else there is a value for each row.
struct HouseChannel {
  std::string name;  // Without suffix: "kettle".
  ChannelRole role{};
  std::string label;                                // The data set's words.
  std::optional<insight::ApplianceKind> appliance;  // Absent: unknown, or a subpanel.
  std::string parent;                 // Name of the meter it hangs under; empty: none.
  std::vector<float> active_power_w;  // Of mains that know no other, their apparent power.
  std::vector<float> reactive_power_var, voltage_v, current_a;
};

struct House {
  std::string name, household, country, licence;
  double nominal_voltage_v = 230;
  double interval_s = 1;
  bool has_clock = false;                     // Else no time of day or calendar is known.
  std::vector<measurement::Timestamp> times;  // Strictly increasing; 1970 where there is no clock.
  std::vector<HouseChannel> channels;
};

// An appliance alone. A value stands until the next, but no longer than hold_s.
struct Trace {
  insight::ApplianceKind appliance{};
  std::string device, household, file, source, licence, country;
  double interval_s = 1, hold_s = 60;
  bool has_clock = false;  // Local time written as if it were UTC.
};

struct TraceSamples {
  std::vector<measurement::Timestamp> times;
  std::vector<float> active_power_w;
};

// Recordings of the same household are never on both sides of a fold: "refit-house-20-day" and
// "refit-house-20-months" are "refit-house-20".
std::string household_of(std::string_view name);

class DataSet {
 public:
  // Throws std::runtime_error, as all that reads does: one sentence with file, line and remedy.
  // A folder with only houses or only traces is one too.
  explicit DataSet(std::filesystem::path folder);

  const std::filesystem::path& folder() const { return folder_; }
  const std::vector<std::string>& houses() const { return houses_; }  // By name.
  const std::vector<Trace>& traces() const { return traces_; }        // By device, then file.

  House house(const std::string& name) const;
  TraceSamples samples(const Trace&) const;

 private:
  std::filesystem::path folder_;
  std::vector<std::string> houses_;
  std::vector<Trace> traces_;
};

}  // namespace lenz::evaluation
