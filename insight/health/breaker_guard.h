// One breaker: how near it is to a trip by heat, whether it carries too much for hours, and whether
// two of its hots share a neutral on one leg.
//
// Only the thermal part is judged. Trips by short circuit (instantaneous), by leakage (RCD, GFCI)
// and by arcs (AFCI) give no warning in the current, and are not foretold.

#pragma once

#include <array>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "insight/health/finding.h"
#include "insight/health/step_ohms.h"

namespace insight {

enum class BreakerStandard : std::uint8_t {
  iec_60898,  // Holds 1.13 x In for an hour at 30 °C, trips within one at 1.45 x In.
  ul_489,     // Holds its rating at 40 °C, trips within one or two hours at 135 %.
};

// What is known of a breaker. Its place in the standard's band and the air around it are not.
struct BreakerPlate {
  BreakerStandard standard{};
  measurement::Amperes rating{};
  std::array<int, max_legs> legs{};  // Of its hots, from 1, as the panel says; 0: no further hot.
  // Hots of their own on one neutral: a multiwire branch circuit. Not a load between legs.
  bool shares_neutral = false;
  float coolest_c = 10, warmest_c = 45;  // Of the air in the panel.
};

struct BreakerReading {
  measurement::Timestamp time{};
  PerLeg amperes{};       // RMS of each hot, in the plate's order; NaN: not measured.
  PerLeg grid_amperes{};  // Of each leg of the house, to see which one a hot is on; NaN: not known.
};

// Minutes from now until it trips, if the load stays as it is, for all but three in a hundred of
// the breakers that it may be at each end; infinity: it may never.
struct MinutesToTrip {
  float earliest = 0, latest = 0;
};

// Streaming, constant memory; about half a microsecond a reading. A gap of a minute is taken for a
// pause without load. It learns from what the breaker has carried: one that held does not trip
// sooner than so.
class BreakerGuard {
 public:
  // `memory` as memory() gave it; what is damaged is left.
  explicit BreakerGuard(const BreakerPlate&, std::string_view memory = {});

  void take(const BreakerReading&);

  MinutesToTrip minutes_to_trip() const;

  // Those that stand now: breaker_overload, breaker_long_load, shared_neutral. The first two go
  // when their load does.
  const std::vector<Finding>& findings() const { return findings_; }

  std::string memory() const;  // Below 2 KiB.

 private:
  // One breaker that it may be: its heat follows the square of the current and trips at a limit.
  struct Candidate {
    double limit = 0;    // Of (I/In)², in the air that there may be.
    double seconds = 0;  // Time constant.
    double follows = 0;  // So much of the way to the load's heat within `passed_s_`.
    double heat = 0;
    double peak = 0;     // Of the heat, since it last fell.
    double carried = 0;  // Greatest peak after which current still flowed.
    double weight = 1;   // How well it agrees with what was carried.

    double seconds_to_trip(double load) const;
  };
  static constexpr std::size_t limits = 12, time_constants = 6;

  void pass(double load, double passed_s);
  void judge_overload(measurement::Timestamp);
  void judge_long_load(measurement::Timestamp, double passed_s);
  void judge_neutral(const BreakerReading&);
  void stand(Finding);
  void end(Change);

  BreakerPlate plate_;
  std::array<Candidate, limits * time_constants> candidates_;  // Over the standard's band.
  double passed_s_ = 0;                                        // Between the latest readings.
  double longest_s_ = 0;  // Within which the standard asks for a trip at `asked_load_`.
  double asked_load_ = 0;
  double load_ = 0;  // Greatest of the hots per rating.
  measurement::Timestamp last_{};

  double minute_sum_ = 0, minute_s_ = 0;  // Of the load.
  double long_s_ = 0, pause_s_ = 0, peak_ = 0;
  measurement::Timestamp long_since_{};

  std::array<StepFinder, max_legs> finders_;
  std::array<std::array<float, max_legs>, max_legs> votes_{};  // Of hots for legs.
  std::vector<Finding> findings_;
};

}  // namespace insight
