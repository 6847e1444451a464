// Seeded chance for simulated worlds: the same on every machine, which the distributions of the
// standard library are not.

#pragma once

#include <cmath>
#include <cstdint>
#include <string_view>

#include "measurement/units.h"

namespace simulator {

// The mixing step of SplitMix64 (Steele, Lea, Flood: Fast splittable pseudorandom number
// generators, OOPSLA 2014).
constexpr std::uint64_t mix(std::uint64_t x) {
  x += 0x9e3779b97f4a7c15;
  x = (x ^ (x >> 30)) * 0xbf58476d1ce4e5b9;
  x = (x ^ (x >> 27)) * 0x94d049bb133111eb;
  return x ^ (x >> 31);
}

// A seed of its own for each name, so that one more appliance does not change the others.
constexpr std::uint64_t mix(std::uint64_t seed, std::string_view name) {
  for (const char c : name) seed = mix(seed ^ static_cast<unsigned char>(c));
  return seed;
}

constexpr double unit_interval(std::uint64_t x) { return static_cast<double>(x >> 11) * 0x1p-53; }

class Chance {
 public:
  explicit Chance(std::uint64_t seed) : seed_(mix(seed)) {}

  double uniform() { return unit_interval(mix(seed_ + count_++)); }  // 0 to 1, without 1.
  double between(double low, double high) { return low + (high - low) * uniform(); }
  bool happens(double chance) { return uniform() < chance; }

  // Normal to within 6 deviations: the sum of 12 uniform numbers less 6.
  double normal(double mean, double deviation) {
    double sum = -6;
    for (int i = 0; i < 12; ++i) sum += uniform();
    return mean + deviation * sum;
  }

 private:
  std::uint64_t seed_;
  std::uint64_t count_ = 0;
};

// Which of the stretches of a length a time lies in, and how far in, from 0 to 1.
struct Stretch {
  std::int64_t number = 0;
  double passed = 0;

  Stretch(measurement::Timestamp at, std::chrono::milliseconds each) {
    const auto ms = at.time_since_epoch().count();
    const auto length = each.count();
    number = ms >= 0 ? ms / length : -((-ms + length - 1) / length);
    passed = static_cast<double>(ms - number * length) / static_cast<double>(length);
  }
};

constexpr double unit_interval(std::uint64_t seed, std::int64_t number) {
  return unit_interval(mix(seed ^ mix(static_cast<std::uint64_t>(number))));
}

// A number between 0 and 1 that changes at once, at some time within each `period`. A function of
// the time alone.
inline double switched(std::uint64_t seed, measurement::Timestamp at,
                       std::chrono::milliseconds period) {
  const Stretch stretch(at, period);
  const bool has_changed = stretch.passed >= unit_interval(mix(seed), stretch.number);
  return unit_interval(seed, has_changed ? stretch.number : stretch.number - 1);
}

// A smooth wandering between -1 and 1 that forgets itself within about `period`. A function of the
// time alone, so that every world with this seed sees the same.
inline double wander(std::uint64_t seed, measurement::Timestamp at,
                     std::chrono::milliseconds period) {
  const auto [number, x] = Stretch(at, period);
  const auto height = [&](std::int64_t n) { return 2 * unit_interval(seed, n) - 1; };
  return std::lerp(height(number), height(number + 1), x * x * (3 - 2 * x));
}

}  // namespace simulator
