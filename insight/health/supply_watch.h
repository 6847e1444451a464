// The way of the current from the utility to the panel, seen from the voltage adapters: ohms of
// each leg and of the neutral, and a neutral that is open.
//
// Adapters sense the voltage at their outlets. What lies behind a breaker does not show here.

#pragma once

#include <array>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "insight/health/finding.h"
#include "insight/health/step_ohms.h"

namespace insight {

enum class NeutralView : std::uint8_t {
  learning,
  watched,
  not_watched,  // One leg, or one adapter for all: a neutral's ohms are not told from the leg's.
};

// What the adapters and the clamps of the grid say at one instant. NaN: not measured. A leg without
// an adapter of its own has no volts, not those of another; where it is given those, that is seen
// while it learns.
struct SupplyReading {
  measurement::Timestamp time{};
  PerLeg volts{}, watts{}, vars{};  // Positive power is drawn.
};

// Streaming: about 0.2 µs a reading, and a fit of some hundred steps once an hour. It learns for
// three days of use at least, and says nothing of ohms until then; an open neutral it sees after
// ten minutes, within three readings.
class SupplyWatch {
 public:
  // `legs` 1, 2 (split phase) or 3 (three phases). `memory` as memory() gave it; what is damaged or
  // of other legs is left, and it learns anew.
  SupplyWatch(std::size_t legs, measurement::Volts nominal, std::string_view memory = {});

  // In the order of time, 0.3 to 12 s apart: where they are farther apart there are no steps. An
  // open neutral is seen within 10 s where they are at most 5 s apart.
  void take(const SupplyReading&);

  // Those that stand now: supply_resistance, neutral_resistance, open_neutral.
  const std::vector<Finding>& findings() const { return findings_; }

  NeutralView neutral() const;
  bool is_learning() const { return !reference_; }

  struct Ohms {
    ConductorOhms reference, now;  // Unknown while too few steps were seen.
  };
  // Where the neutral is not watched, a leg's ohms are those of the whole way, there and back.
  Ohms ohms() const;

  // What is now is usual from now on: it was repaired, or shall be taken so.
  void learn_anew();

  // At most 64 KiB.
  std::string memory() const;

 private:
  // How one leg lies to the mean of all.
  struct Levels {
    PerLeg lately{};          // Volts, of some readings.
    PerLeg lately_amperes{};  // What was drawn meanwhile.
    PerLeg recent{};          // Volts, of some minutes.
    PerLeg usual{};           // Volts.
    std::uint32_t seen = 0;   // Readings, up to a limit.
    // How far legs parted at once, of the last readings: shares of the voltage.
    std::array<float, 3> parted{};
    float most_parted = 0;  // For three readings, with a sound neutral; slowly forgotten.
    int apart = 0;          // Readings in a row that were far from the usual, in both directions.
    measurement::Timestamp apart_since{}, last{}, together_since{};
  };

  bool is_apart(const LegReading&) const;
  float parting(const LegReading&) const;
  void watch_levels(const LegReading&);
  void learn();
  void look(measurement::Timestamp);
  ConductorOhms fit(std::size_t first) const;
  void stand(std::size_t place, measurement::Timestamp since, measurement::Timestamp);
  Finding* standing(Change);
  bool restore(std::string_view memory);

  std::size_t legs_;
  float nominal_volts_;
  StepFinder finder_;
  Levels levels_;
  std::deque<VoltageStep> steps_;  // Of the last three days, or of all the time while it learns.
  measurement::Timestamp begin_{}, next_look_{};
  std::optional<ConductorOhms> reference_;
  ConductorOhms now_;
  std::optional<std::size_t> loose_leg_;  // Of the latest finding.
  std::optional<std::size_t> only_leg_;   // The one that the only adapter is on.
  struct Day {
    measurement::Timestamp time{};
    std::array<float, max_legs + 1> ohm{};  // Of the legs and the neutral.
  };
  std::deque<Day> days_;
  std::vector<Finding> findings_;
};

}  // namespace insight
