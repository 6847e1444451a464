// A rain gauge of another make, for sump pumps: when it rains their pits fill, and they have to
// run.

#pragma once

#include <array>
#include <limits>
#include <string>
#include <string_view>
#include <vector>

#include "measurement/units.h"

namespace hub {

struct RainGauge {
  std::string name;                   // Of its place, as people call it.
  std::vector<std::string> circuits;  // Ids of the sump pumps' that its rain comes to.
  std::string topic;                  // Where it speaks over MQTT.
  std::string value;                  // Where in its JSON; empty: the message is the number.
  std::size_t unit = 0;               // Of `rain_units`.
};

struct RainUnit {
  std::string_view word;
  double mm;             // Of one.
  bool is_rate = false;  // Per hour, now; else all that fell, which at times begins anew.
};

inline constexpr std::array rain_units = {RainUnit{"mm/h", 1, true}, RainUnit{"mm", 1, false},
                                          RainUnit{"in/h", 25.4, true},
                                          RainUnit{"in", 25.4, false}};

// What one gauge saw fall.
class FallenRain {
 public:
  // What it says, in its unit, in the order of time.
  void hear(const RainUnit&, measurement::Timestamp now, double said);

  // mm since it was first heard; NaN: it said nothing for an hour.
  double mm(measurement::Timestamp now) const;

 private:
  double by(measurement::Timestamp) const;

  measurement::Timestamp heard_{};
  double fallen_mm_ = 0;  // Until it was heard.
  double mm_per_h_ = 0;
  double total_ = std::numeric_limits<double>::quiet_NaN();  // That it said last.
};

}  // namespace hub
