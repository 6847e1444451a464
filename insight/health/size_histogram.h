// How large something usually is: a histogram of steps of 9 %, from 1 up. Constant memory.

#pragma once

#include <array>
#include <cstdint>

namespace insight {

class SizeHistogram {
 public:
  void add(float value);
  std::uint32_t count() const { return count_; }

  // To within half a step; 0 when nothing was added.
  float quantile(float share) const;
  // The same of all that was added together: what is frequent and small counts for little.
  float quantile_of_sum(float share) const;
  // The greatest, or the second where the greatest is more than twice as large.
  float greatest() const;

  friend bool operator==(const SizeHistogram&, const SizeHistogram&) = default;

 private:
  static constexpr std::size_t bins = 192;  // Eight an octave, up to 2^24.

  std::array<std::uint16_t, bins> counts_{};
  std::uint32_t count_ = 0;
  float first_ = 0, second_ = 0;
};

}  // namespace insight
