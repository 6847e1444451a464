// Holds the mains' clamps against what people read off the utility's meter: two readings give their
// gain, later ones whether it still holds.

#pragma once

#include <expected>
#include <filesystem>
#include <functional>
#include <map>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "hub/home.h"
#include "hub/store/store.h"
#include "hub/utility_readings.h"
#include "hub/words_course.h"
#include "insight/calibration/drift.h"

namespace hub {

class ReadingsDesk {
 public:
  static constexpr std::size_t most_readings = 1000;
  static constexpr std::size_t most_shown = 60;  // Newest, of one circuit.

  // Store and home outlive it. The files lie in the home's folder.
  ReadingsDesk(Store& store, const Home& home, std::filesystem::path readings,
               std::filesystem::path calibrations)
      : store_(store),
        home_(home),
        readings_(std::move(readings)),
        calibrations_(std::move(calibrations)) {}

  using Done = std::expected<void, std::string>;
  using Comparison = std::expected<insight::DisplayComparison, std::string>;

  struct Row {
    UtilityReading reading;
    std::optional<Comparison> since_last;  // Absent: the first one, or the first of a new meter.
  };
  // What the readings of one connection say.
  struct Standing {
    std::string circuit;
    std::vector<ChannelUse> clamps;
    std::vector<Row> rows;  // Oldest first.
    // Over all since the clamps were set last, and what they were stated to be off by then,
    // together with the class of the utility's meter.
    std::optional<insight::Drift> drift;
    double stated_percent = 0;
    // From the first to the last of the same: what the clamps could be set by. Absent: there are
    // fewer than two.
    std::optional<Comparison> gain;
    UtilityReading gain_from, gain_to;

    bool may_set() const { return gain && gain->has_value(); }
  };
  // Of each grid connection with clamps. Throws std::runtime_error with one sentence.
  std::vector<Standing> standings(measurement::Timestamp now);

  // Read now. Refused with one sentence: no numbers, a display that went back, one a minute ago.
  Done add(UtilityReading, measurement::Timestamp now);
  Done take_back(const std::string& circuit);  // The newest, which was mistyped.

  // What sets the clamps so. Refused: there is nothing to set them by.
  std::expected<std::vector<WordsChange>, std::string> changes(const std::string& circuit,
                                                               measurement::Timestamp now);
  const std::filesystem::path& book() const { return calibrations_; }

 private:
  Standing standing(const Circuit&, const std::vector<UtilityReading>&,
                    const std::vector<CalibrationRecord>&, measurement::Timestamp now);
  const Comparison& compared(const UtilityReading& first, const UtilityReading& second,
                             const std::vector<CalibrationRecord>&, measurement::Timestamp now);

  Store& store_;
  const Home& home_;
  const std::filesystem::path readings_, calibrations_;
  // What comes late changes it, so that it is looked at anew now and then.
  struct Known {
    measurement::Timestamp looked;
    Comparison comparison;
  };
  std::map<std::pair<std::string, std::string>, Known> known_;  // By both readings.
};

}  // namespace hub
