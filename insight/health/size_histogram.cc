#include "insight/health/size_histogram.h"

#include <algorithm>
#include <cmath>
#include <limits>

namespace insight {

void SizeHistogram::add(float value) {
  const auto step = std::clamp(std::ceil(8 * std::log2(std::max(value, 1.0F))), 0.0F,
                               static_cast<float>(bins - 1));
  auto& count = counts_[static_cast<std::size_t>(step)];
  if (count == std::numeric_limits<std::uint16_t>::max()) {
    // What is long past counts half.
    count_ = 0;
    for (auto& one : counts_) count_ += one /= 2;
  }
  ++count;
  ++count_;
  second_ = std::max(second_, std::min(first_, value));
  first_ = std::max(first_, value);
}

float SizeHistogram::quantile(float share) const {
  if (count_ == 0) return 0;
  const double wanted = static_cast<double>(share) * count_;
  std::uint32_t sum = 0;
  std::size_t bin = 0;
  while (bin + 1 < bins && (sum += counts_[bin]) < wanted) ++bin;
  return std::min(std::exp2((static_cast<float>(bin) - 0.5F) / 8), first_);
}

float SizeHistogram::quantile_of_sum(float share) const {
  const auto value = [](std::size_t bin) {
    return std::exp2((static_cast<double>(bin) - 0.5) / 8);
  };
  double all = 0, sum = 0;
  for (std::size_t bin = 0; bin < bins; ++bin) all += counts_[bin] * value(bin);
  std::size_t bin = 0;
  while (bin + 1 < bins && (sum += counts_[bin] * value(bin)) < static_cast<double>(share) * all)
    ++bin;
  return count_ == 0 ? 0 : static_cast<float>(value(bin));
}

float SizeHistogram::greatest() const { return first_ > 2 * second_ ? second_ : first_; }

}  // namespace insight
