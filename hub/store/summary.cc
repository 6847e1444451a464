#include "hub/store/summary.h"

#include <algorithm>

namespace hub {

using measurement::Kind;
using measurement::Quantity;

namespace {

bool is_total(Quantity quantity) { return row(quantity).kind == Kind::total; }

}  // namespace

MinuteSummary summarise(std::span<const measurement::Sample> samples, Quantity quantity,
                        std::size_t index) {
  MinuteSummary minute;
  for (const auto& sample : samples) {
    if (index >= sample.count(quantity)) continue;
    const auto value = sample.steps(quantity, index);
    if (!value) continue;
    minute.max = minute.count == 0 ? *value : std::max(minute.max, *value);
    if (!is_total(quantity)) {
      minute.min = minute.count == 0 ? *value : std::min(minute.min, *value);
      minute.sum += *value;
    }
    ++minute.count;
  }
  return minute;
}

}  // namespace hub
