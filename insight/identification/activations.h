// Cuts a channel into activations, from switching on to switching off, and counts in each what its
// features are made of. Streaming and bounded: no reading is kept.
//
// Open activations lie on each other: what always draws is the lowest, and what runs above it does
// not change it. One that has not paused for hours becomes such a level itself and stays the same
// activation, so that a computer that is on for days has one beginning and one end.

#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <vector>

#include "insight/identification/edges.h"
#include "insight/reading.h"

namespace insight {

// Seconds for each power, in quarter octaves from 1 W.
class PowerHistogram {
 public:
  static constexpr std::size_t bins = 60;  // Up to 32 kW.

  void add(float watts, float seconds);
  void decay(float share);
  float seconds() const { return seconds_; }
  float quantile(float share) const;  // W; NaN when it is empty.
  float share_above(float watts) const;

 private:
  std::array<float, bins> seconds_at_{};
  float seconds_ = 0;
};

// How the power went, at whatever width fills 32 to 64 bins.
class PowerProfile {
 public:
  static constexpr std::size_t bins = 64;

  void add(float watts, float seconds);
  std::size_t count() const { return count_; }  // Of whole bins.
  float width() const { return width_; }        // Seconds.
  float mean(std::size_t bin) const { return means_[bin]; }

 private:
  void halve();

  std::array<float, bins> means_{};
  std::size_t count_ = 0;
  float width_ = 1, filled_ = 0, sum_ = 0;
};

struct Activation {
  std::uint64_t id = 0;                   // Of the channel, rising with the beginning.
  measurement::Timestamp begin{}, end{};  // End: of the latest reading in which it drew.
  bool ended = false;
  bool is_level = false;  // Others run above it.
  float floor_w = 0;      // Power of the channel below which it does not draw.
  float level_w = 0;      // Of a level: power of the channel from which others run.
  float interval_s = 1;   // Mean of its readings.

  // Of the power above the floor. It draws in on_seconds of the readings' seconds.
  float seconds = 0, on_seconds = 0;
  double watt_seconds = 0, square_watt_seconds = 0;
  float peak_w = 0, surge_w = 0;  // Surge: the greatest of the first 5 s.
  float absolute_changes_w = 0;   // Of reading to reading.
  std::uint32_t readings = 0, pauses = 0, edges_up = 0, edges_down = 0;
  float largest_up_w = 0, largest_down_w = 0, edges_w = 0;  // Edges: sum of their sizes.
  float overshoot_w = 0;                                    // The greatest.
  float ramp_30s_w = 0, ramp_5min_w = 0;                    // The greatest drifts, up or down.
  // Mean power of the first 3 s, of the 7 s, 20 s, 30 s and 240 s after; watt-seconds and seconds.
  static constexpr std::size_t spans = 5;
  std::array<float, spans> span_ws{}, span_s{};
  double reactive_vs = 0, harmonic_ws = 0;  // Over the power of the same readings:
  double reactive_of_ws = 0, harmonic_of_ws = 0;
  float crest = 0, crest_seconds = 0;  // Sum of peak current ÷ what the power asks for.
  PowerHistogram powers;               // While it draws.
  PowerProfile profile;
};

// Too little to be an activation; what still runs may become one.
bool is_spike(const Activation&);

// What happened to the activations of a channel.
struct ActivationChange {
  std::vector<std::uint64_t> began;
  std::vector<Activation> ended;  // In the order of their ends; spikes are left out.
};

class ActivationTracker {
 public:
  // In the order of time. NaN power is a gap, and so is a pause of the readings. The change is
  // good until the next call.
  const ActivationChange& take(const Reading&);

  // From the lowest to the highest. Empty: it was a gap.
  const std::vector<Activation>& open() const { return open_; }

  // What each open activation draws of the latest reading; the rest is what lies between.
  measurement::Watts drawn(std::size_t open_index) const;

 private:
  struct Watch {  // Beside each open activation.
    // The least of this and of the half period before.
    float least_w = 0, least_before_w = 0;
    measurement::Timestamp half_began{};
    measurement::Timestamp below_since = measurement::Timestamp::max();
  };

  float top_w() const;  // What all open levels draw together.
  bool is_above(float watts) const;
  void begin(const Reading&, float watts, bool is_level);
  void end_highest();
  void end_what_paused(const Reading&, float watts);
  void follow_levels(float watts, float seconds);
  void find_level(const Reading&, float watts);
  void count(const Reading&, float watts, float seconds);

  std::vector<Activation> open_;
  std::vector<Watch> watches_;
  ActivationChange change_;
  EdgeDetector edges_;
  std::optional<Edge> edge_;
  std::uint64_t next_id_ = 1;
  std::optional<Reading> last_, first_above_;
  bool fell_ = false;      // What is above is left of one that ended.
  float peak_w_ = 0;       // Of the channel.
  float interval_s_ = 0;   // Mean of the latest.
  float deviation_w_ = 0;  // Of the power from the highest level.
};

}  // namespace insight
