#include "insight/calibration/error_sum.h"

#include <cmath>
#include <numbers>
#include <utility>

namespace insight {
namespace {

// The integral of the normal distribution's integral.
double twice_integrated(double x) {
  const double density = std::exp(-x * x / 2) / std::sqrt(2 * std::numbers::pi);
  return x * std::erfc(-x / std::numbers::sqrt2) / 2 + density;
}

}  // namespace

void ErrorSum::add_limit(double limit) {
  limit = std::abs(limit);
  if (limit > greatest_) std::swap(limit, greatest_);
  variance_ += limit * limit / 3;
}

void ErrorSum::add_deviation(double deviation) { variance_ += deviation * deviation; }

double ErrorSum::interval() const {
  const double deviation = std::sqrt(variance_);
  if (greatest_ < 1e-3 * deviation) return 1.959964 * deviation;
  if (deviation < 1e-6 * greatest_) return 0.95 * greatest_;
  double low = 0, high = greatest_ + 3 * deviation;
  for (int i = 0; i < 50; ++i) {
    const double middle = (low + high) / 2;
    const double below = deviation / (2 * greatest_) *
                         (twice_integrated((middle + greatest_) / deviation) -
                          twice_integrated((middle - greatest_) / deviation));
    (2 * below - 1 < 0.95 ? low : high) = middle;
  }
  return high;
}

}  // namespace insight
