// What the power of a channel looks like around an instant, in seconds and watts whatever the
// interval: how long power like this has lasted and will last, what came before it and after.
//
// The opening of the power over d is what of it belongs to pulses that last at least d (Serra,
// Image Analysis and Mathematical Morphology, 1982): openings over 20 s to 1 h take the power apart
// by how long it lasts.

#pragma once

#include <array>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <optional>
#include <span>
#include <vector>

#include "insight/identification/pulses.h"
#include "insight/identification/slots.h"

namespace insight {

// Some microseconds a slot; what it holds is bounded by past + 2 lag.
class WindowFeatures {
 public:
  static constexpr std::chrono::milliseconds past = std::chrono::hours(3),
                                             lag = std::chrono::hours(2);
  static std::size_t live_count();
  static std::size_t settled_count();
  // Among both: the power above the least of the 2 hours before, and after where they are known.
  static constexpr std::size_t above_base = 2;

  // Without an offset the time of day is not known.
  explicit WindowFeatures(measurement::Volts nominal_voltage = {230},
                          std::optional<std::chrono::minutes> utc_offset = {});

  // In the order of time. The slot before this one lasted until it, but no longer than `longest`.
  void take(const Slot&, std::chrono::milliseconds longest);

  void end();  // Nothing follows: what has no future yet does without.

  // Of the latest slot, by what came before it; live_count() numbers, NaN where unknown. Once a
  // slot.
  void live(std::span<float> features);

  // Of the next slot that has its future (`lag`) behind it; absent: none. settled_count() numbers.
  std::optional<Slot> settle(std::span<float> features);

 private:
  static constexpr std::size_t openings = 15, bands = 5, levels = 2;

  struct Held {
    Slot slot;
    std::int64_t at_ms = 0;
    double before_ws = 0, before_s = 0;  // Sums over all slots before.
    std::array<float, openings> opening{};
    std::array<std::array<double, levels>, bands> band_before_ws{};
  };
  using History = std::deque<Held>;

  // Least or greatest value of a series over the slots that begin in [from, to] of an instant,
  // which moves on only.
  struct Extreme {
    std::int64_t from_ms = 0, to_ms = 0;
    bool greatest = false;
    std::size_t next = 0, head = 0;
    std::vector<std::pair<std::size_t, float>> queue;

    void add(std::size_t index, float value);
    float over(std::int64_t from, const WindowFeatures&);
    float of_power(const WindowFeatures&, std::int64_t instant);
  };
  // The slots that begin in [from, to) of an instant, which moves on only.
  struct Stretch {
    std::int64_t from_ms = 0, to_ms = 0;
    std::size_t begin = 0, end = 0;

    void move(const WindowFeatures&, std::int64_t instant);
  };
  struct Opening {
    Extreme least, greatest;
    std::size_t next = 0;
  };
  struct View {
    std::vector<Extreme> least, greatest;
    std::vector<Stretch> rings, band_windows;
  };

  const Held& held(std::size_t index) const { return history_[index - first_]; }
  Held& held(std::size_t index) { return history_[index - first_]; }
  std::size_t end_index() const { return first_ + history_.size(); }
  void open();
  void sum_bands();
  void forget();
  void write(View&, std::size_t index, bool with_future, std::span<float> features);

  measurement::Volts nominal_voltage_;
  std::optional<std::chrono::minutes> utc_offset_;
  History history_;
  std::size_t first_ = 0;  // Index of the first that is held.
  std::size_t next_settled_ = 0;
  bool ended_ = false;
  double interval_s_ = 0;
  std::array<Opening, openings> openings_{};
  std::array<std::size_t, bands> band_next_{};
  View live_, settled_;
  Pulses pulses_;
};

}  // namespace insight
