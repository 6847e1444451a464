// Steps up and down of about the same size, paired: what drew between them, and how often this home
// sees the like. A fridge is known by coming again and again.

#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <span>
#include <vector>

namespace insight {

class Pulses {
 public:
  static constexpr std::size_t live_count = 9, settled_count = 13, home_count = 6;
  static constexpr std::int64_t longest_ms = 2 * 3'600'000;

  Pulses();

  // Slots in the order of time.
  void take(std::int64_t at_ms, float power_w);

  // Of what was switched on and is not off yet: of the most frequent of the small and of the latest
  // of the large the size (W), seconds since, how often an hour the like is seen and how long (s)
  // it lasts then; of the small last how irregularly it comes (standard deviation of the time from
  // one to the next, of its mean). NaN: there is none.
  void live(std::int64_t at_ms, std::span<float, live_count> features) const;

  // Of pulses that cover the instant: of the most frequent of the small and of the shortest of the
  // large the size, seconds since, how often, how long that lasts, how long this one lasts (s) and
  // by how much its steps differ (W); of the small last how irregularly it comes. Instants move on
  // only; those `longest_ms` old are complete.
  void settled(std::int64_t at_ms, std::span<float, settled_count> features);

  // Of the two sizes of small pulses that draw most in this home: the size to 10 %, how often, how
  // long.
  std::span<const float, home_count> home() const { return home_; }

 private:
  struct Step {
    std::int64_t at_ms = 0;
    float size_w = 0;
  };
  struct Pulse {
    Step up;
    std::int64_t end_ms = 0;
    float mismatch_w = 0;
  };
  // Fading sums over pulses of one size.
  struct Habit {
    std::int64_t at_ms = 0, last_up_ms = 0;
    double count = 0, seconds = 0;
    double periods = 0, period_s = 0, period_s2 = 0;
  };
  struct HabitFigures {
    float often = 0, lasts_s = 0, irregular = 0;
  };
  static constexpr std::size_t sizes = 56;

  void step(std::int64_t at_ms, float size_w);
  void remember(const Pulse&);
  std::span<const Habit> around(std::size_t size) const;
  HabitFigures habit_of(std::size_t size) const;
  void look_at_home();

  std::int64_t first_ms_ = 0, now_ms_ = 0;
  bool has_begun_ = false, is_steady_ = true;
  float level_w_ = 0, last_w_ = 0;
  std::int64_t changed_ms_ = 0;
  std::vector<Step> open_;
  std::deque<Pulse> pulses_;
  std::array<Habit, sizes> habits_{};
  std::array<float, home_count> home_;
};

}  // namespace insight
