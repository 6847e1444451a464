#include "insight/identification/edges.h"

#include <algorithm>
#include <cmath>
#include <span>

namespace insight {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;

constexpr seconds settles_within{6};

template <class Value>
float median_of(std::span<const Reading> readings, Value value) {
  std::array<float, edge_window> values{};
  std::size_t count = 0;
  for (const auto& reading : readings) {
    if (const float one = value(reading); !std::isnan(one)) values[count++] = one;
  }
  if (count == 0) return detail::not_measured;
  const auto middle = values.begin() + static_cast<std::ptrdiff_t>(count / 2);
  std::nth_element(values.begin(), middle, values.begin() + static_cast<std::ptrdiff_t>(count));
  return *middle;
}

float power(const Reading& reading) { return reading.active_power.value; }
float reactive(const Reading& reading) { return reading.reactive_power.value; }
float conductance(const Reading& reading) {
  return reading.active_power.value / (reading.voltage.value * reading.voltage.value);
}
float susceptance(const Reading& reading) {
  return reading.reactive_power.value / (reading.voltage.value * reading.voltage.value);
}

}  // namespace

void EdgeDetector::reset() { *this = {}; }

// Of a Gaussian, E|x - y| = 2σ/√π.
measurement::Watts EdgeDetector::noise() const { return {0.886F * mean_difference_w_}; }

float EdgeDetector::threshold_w(float level_w) const {
  return std::max({8.0F, 5 * noise().value, 0.005F * std::abs(level_w)});
}

// A window of changes begins anew when it is as long as its span, so a drift is told once.
void EdgeDetector::follow(Sums& sums, milliseconds span, const Reading& reading, float edge_w) {
  if (sums.from == measurement::Timestamp{}) sums = {reading.time, power(reading), 0, 0};
  sums.edges_w += edge_w;
  if (reading.time - sums.from < span) return;
  sums = {reading.time, power(reading), 0, power(reading) - sums.power_w - sums.edges_w};
}

Edge EdgeDetector::edge(const Reading& last) const {
  const std::span<const Reading> before(steady_.data(), steady_count_);
  const std::size_t kept = std::min(moving_count_, edge_window);
  // The latest three: the first of them may still be on its way.
  std::array<Reading, 3> after{};
  const std::size_t used = std::min<std::size_t>(kept, after.size());
  for (std::size_t i = 0; i < used; ++i) {
    after[i] = moving_[(moving_count_ - 1 - i) % edge_window];
  }
  const std::span<const Reading> latest(after.data(), used);
  const float from = median_of(before, power), to = median_of(latest, power);
  return {.time = left_,
          .settled = last.time,
          .before = {from},
          .change = {to - from},
          .reactive_change = {median_of(latest, reactive) - median_of(before, reactive)},
          .admittance_change = {median_of(latest, conductance) - median_of(before, conductance),
                                median_of(latest, susceptance) - median_of(before, susceptance)},
          .overshoot = {std::max(0.0F, greatest_w_ - std::max(to, from))}};
}

std::optional<Edge> EdgeDetector::take(const Reading& reading) {
  const float watts = power(reading);
  const auto keep_steady = [&](const Reading& one) {
    steady_[steady_next_++ % edge_window] = one;
    steady_count_ = std::min(steady_count_ + 1, edge_window);
  };
  const float difference = std::isnan(last_w_) ? 0 : std::abs(watts - last_w_);
  last_w_ = watts;
  if (steady_count_ == 0) {
    keep_steady(reading);
    follow(short_, seconds(30), reading, 0);
    follow(long_, seconds(300), reading, 0);
    return std::nullopt;
  }

  const float level = median_of({steady_.data(), steady_count_}, power);
  const float threshold = threshold_w(level);
  const bool away = std::abs(watts - level) > threshold;
  if (moving_count_ == 0 && !away) {
    mean_difference_w_ += (std::min(difference, threshold) - mean_difference_w_) / 60;
    keep_steady(reading);
    follow(short_, seconds(30), reading, 0);
    follow(long_, seconds(300), reading, 0);
    return std::nullopt;
  }
  if (moving_count_ == 0) {
    left_ = reading.time;
    greatest_w_ = watts;
  } else if (!away && moving_count_ == 1) {
    moving_count_ = 0;  // A single reading that was off: a spike.
    keep_steady(reading);
    return std::nullopt;
  }
  greatest_w_ = std::max(greatest_w_, watts);
  moving_[moving_count_++ % edge_window] = reading;
  if (moving_count_ < 2) return std::nullopt;

  const std::size_t kept = std::min<std::size_t>(moving_count_, 3);
  float least = watts, most = watts;
  for (std::size_t i = 0; i < kept; ++i) {
    const float one = power(moving_[(moving_count_ - 1 - i) % edge_window]);
    least = std::min(least, one);
    most = std::max(most, one);
  }
  const bool settled = most - least < std::max({5.0F, 3 * noise().value, 0.02F * std::abs(most)});
  if (!(settled && kept >= 2) && reading.time - left_ < settles_within) return std::nullopt;

  const auto found = edge(reading);
  steady_count_ = steady_next_ = 0;
  for (std::size_t i = std::min<std::size_t>(kept, 2); i-- > 0;) {
    keep_steady(moving_[(moving_count_ - 1 - i) % edge_window]);
  }
  moving_count_ = 0;
  follow(short_, seconds(30), reading, found.change.value);
  follow(long_, seconds(300), reading, found.change.value);
  if (std::abs(found.change.value) <= threshold) return std::nullopt;  // It came back.
  return found;
}

}  // namespace insight
