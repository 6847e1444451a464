// Clamps that are not where they were entered, and the exchange that puts them right.

#pragma once

#include <array>
#include <cstddef>
#include <optional>
#include <vector>

#include "insight/wiring/measured_panel.h"

namespace insight::wiring {

// Whether what a channel says flows the other way than in a load. Of two clamps, false: not known.
bool produces(const MeasuredPanel&, const Clamped&);

// Whether what one clamp sees could be what another's circuit is entered as.
bool fits(const MeasuredPanel&, const Clamped& one, const Clamped& entry);

inline bool is_misplaced(const MeasuredPanel& measured, const Clamped& one) {
  return !fits(measured, one, one);
}

using Channels = std::array<std::size_t, 2>;

struct Exchange {
  Channels channels{};   // Of the mains' clamp, then of the other.
  bool is_sure = false;  // Else nothing that rests on the mains' clamp is.
};

// The search for a mains' clamp and another one after whose exchange what does not fit does, or
// may.
class ExchangeSearch {
 public:
  // The panel outlives it.
  ExchangeSearch(const MeasuredPanel&, const Feeder&);

  // A piece of measuring the panel as one of the pairs would have it. True: none is left.
  bool step();
  std::optional<Exchange> found() const;  // Of those by now.

 private:
  const MeasuredPanel& measured_;
  std::vector<Channels> left_;  // Pairs, the last first.
  std::optional<MeasuredPanel> trial_;
  std::optional<double> cost_before_;
  std::ptrdiff_t found_before_ = 0;
  Channels best_{};
  double most_ = -1e9, second_ = -1e9;  // Gains.
};

// The panel if the two were where they belong.
Panel exchanged(const MeasuredPanel&, const Channels&);

}  // namespace insight::wiring
