// Random numbers from a seed, the same on every machine.

#pragma once

#include <cmath>
#include <cstdint>
#include <numbers>

namespace insight {

// SplitMix64; Steele, Lea, Flood 2014.
class Chance {
 public:
  explicit Chance(std::uint64_t seed) : state_(seed) {}

  double uniform() {
    state_ += 0x9e3779b97f4a7c15ULL;
    std::uint64_t z = state_;
    z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9ULL;
    z = (z ^ (z >> 27)) * 0x94d049bb133111ebULL;
    z ^= z >> 31;
    return (static_cast<double>(z >> 11) + 0.5) * 0x1.0p-53;
  }
  double uniform(double low, double high) { return low + (high - low) * uniform(); }

  // Box and Muller 1958.
  double normal() {
    const double radius = std::sqrt(-2 * std::log(uniform()));
    return radius * std::cos(2 * std::numbers::pi * uniform());
  }

  // Years left of something `age` years old that has not failed; Weibull by its mean.
  double years_left(double mean, double shape, double age) {
    const double scale = mean / std::tgamma(1 + 1 / shape);
    const double survived = std::pow(age / scale, shape);
    return scale * std::pow(survived - std::log(uniform()), 1 / shape) - age;
  }

 private:
  std::uint64_t state_;
};

}  // namespace insight
