// Cycles of one asset, added up by local day.

#pragma once

#include <array>
#include <chrono>
#include <cstdint>
#include <limits>
#include <optional>
#include <vector>

#include "insight/health/duty_cycles.h"
#include "insight/health/finding.h"

namespace insight {

// What is known of where an asset stands. NaN: not known.
struct Surroundings {
  float room_c = detail::not_measured;
  float outdoor_c = detail::not_measured;
  // That fell so far, of whatever beginning: what a sump pump has to do. Only differences count.
  double rain_mm = std::numeric_limits<double>::quiet_NaN();
  std::chrono::minutes utc_offset{};  // Of local time: a day ends at local midnight.
};

// One local day of an asset, by Feature; NaN: not measured, or not of this kind of asset.
struct AssetDay {
  measurement::Timestamp begin{};
  std::array<float, health_features.size()> values{};
  float room_c = detail::not_measured, outdoor_c = detail::not_measured;  // Means.

  float operator[](Feature f) const { return values[static_cast<std::size_t>(f)]; }
  float& operator[](Feature f) { return values[static_cast<std::size_t>(f)]; }
};

class CycleDays {
 public:
  void set_surroundings(const Surroundings& s) { surroundings_ = s; }

  // In the order of time. A cycle counts for the local day that it begins in; one that goes on for
  // longer than a day, for all days that it touches.
  void take(const DutyCycle&);

  // Those that ended since the last call, and of which enough was seen.
  std::vector<AssetDay> take_days();

  // What its runs draw, learnt over so many seconds of running.
  struct UsualPower {
    float power_w = 0;
    double learnt_s = 0;
  };
  UsualPower usual_power() const { return {usual_power_w_, seen_on_s_}; }
  void set_usual_power(const UsualPower& u) {
    usual_power_w_ = u.power_w;
    seen_on_s_ = u.learnt_s;
  }

 private:
  enum class Use : std::uint8_t { run, failed_start, defrost, other };
  struct Sums {
    double seen_s = 0, run_s = 0, run_ws = 0, on_ws = 0, off_s = 0, off_ws = 0;
    double room_cs = 0, room_s = 0, outdoor_cs = 0, outdoor_s = 0;
    int failed_starts = 0, defrosts = 0;
    std::vector<float> run_times, pauses, peaks;
  };

  measurement::Timestamp local_midnight(measurement::Timestamp) const;
  Use use_of(const DutyCycle&);
  void add(measurement::Timestamp begin, float seconds, auto&& count);
  void enter(measurement::Timestamp midnight);
  void close();

  Surroundings surroundings_;
  std::optional<measurement::Timestamp> day_;  // Its midnight.
  Sums sums_;
  float pause_s_ = 0;  // Since the last run.
  float usual_power_w_ = 0;
  double seen_on_s_ = 0;
  std::vector<AssetDay> days_;
};

}  // namespace insight
