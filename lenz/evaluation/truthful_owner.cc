#include "lenz/evaluation/truthful_owner.h"

#include <algorithm>

namespace lenz::evaluation {

using measurement::Timestamp;

TruthfulOwner::TruthfulOwner(const Case& one, int labels, bool to_hub)
    : case_(one), labels_(labels), to_hub_(to_hub) {
  for (const auto& truth : one.truths) asked_.emplace_back(truth.meters.size(), 0);
}

std::optional<ApplianceKind> TruthfulOwner::answer(std::size_t channel, Timestamp begin,
                                                   Timestamp end) {
  const auto& times = *case_.channels[channel].times;
  const auto& meters = case_.truths[channel].meters;
  std::optional<std::size_t> best;
  double most = 0;
  for (std::size_t m = 0; m < meters.size(); ++m) {
    double sum = 0;
    const auto first = std::ranges::lower_bound(times, begin) - times.begin();
    for (auto row = static_cast<std::size_t>(first); row < times.size() && times[row] < end;
         ++row) {
      const auto w = meters[m].active_power_w[row];
      if (w > 0) sum += static_cast<double>(w);
    }
    if (sum > most) {
      most = sum;
      best = m;
    }
  }
  const auto asked = to_hub_ ? static_cast<int>(answered_.size())
                     : best  ? asked_[channel][*best]
                             : 0;
  if (!best || asked >= labels_) return std::nullopt;
  ++asked_[channel][*best];
  answered_.push_back({channel, begin, end});
  return meters[*best].kind;
}

}  // namespace lenz::evaluation
