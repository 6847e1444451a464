// The weather over a simulated house: a function of the seed and the time alone.

#pragma once

#include <chrono>
#include <cstdint>

#include "measurement/units.h"

namespace simulator {

struct Climate {
  double mean_c = 10;        // Of the year.
  double season_k = 10;      // The warmest and the coldest weeks are so far from the mean.
  double day_k = 4;          // The same within a day.
  double latitude_deg = 50;  // North.
};

class Weather {
 public:
  // Local time is solar time here: the sun is highest at noon of `utc_offset`.
  Weather(const Climate& climate, std::chrono::minutes utc_offset, std::uint64_t seed)
      : climate_(climate), utc_offset_(utc_offset), seed_(seed) {}

  // Coldest around 20 January and at 4 in the morning, with spells of some days.
  measurement::Celsius outdoor(measurement::Timestamp) const;

  // Share of the sky, 0 to 1.
  double clouds(measurement::Timestamp) const;

  // Global radiation on level ground in W/m2, 0 at night: 910 sin(elevation) - 30 under a clear
  // sky, less 75 % of that times clouds^3.4 (Kasten and Czeplak, Solar Energy 24, 1980).
  double radiation(measurement::Timestamp) const;

 private:
  Climate climate_;
  std::chrono::minutes utc_offset_;
  std::uint64_t seed_;
};

}  // namespace simulator
