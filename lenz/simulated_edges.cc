#include "lenz/simulated_edges.h"

#include <algorithm>
#include <cstdlib>

namespace lenz {

using measurement::Quantity;
using measurement::Sample;
using measurement::Uptime;

namespace {

constexpr std::int64_t hour_ms = 3'600'000;

}  // namespace

bool SimulatedEdges::is_edge(std::size_t channel, const Sample& sample) const {
  constexpr double steps_a_watt = 10;
  const auto power = sample.steps(Quantity::active_power, channel);
  const auto before = before_->steps(Quantity::active_power, channel);
  return power && before &&
         static_cast<double>(std::abs(*power - *before)) >=
             std::max(rule.power.value * steps_a_watt,
                      rule.power_share * static_cast<double>(std::abs(*before)));
}

std::span<const Sample> SimulatedEdges::add(const Sample& sample) {
  constexpr std::uint32_t count = rule.before + 1 + rule.after;
  constexpr std::int64_t full = rule.sweeps_an_hour * hour_ms, cost = count * hour_ms;
  sweeps_.clear();
  if (before_) {
    budget_ = std::min<std::int64_t>(
        full, budget_ + (sample.uptime - before_->uptime).count() * rule.sweeps_an_hour);
  }
  const auto first = sample.uptime - (count - 1) * Uptime(rule.sweep_period);
  const bool may = before_ && first > swept_ && budget_ >= cost;
  for (std::size_t channel = 0; may && channel < sample.channels(); ++channel) {
    if (!is_edge(channel, sample)) continue;
    for (std::uint32_t i = 0; i < count; ++i) {
      if (sweeps_.size() == i) {
        auto& sweep = sweeps_.emplace_back(sample.chips());
        sweep.number = next_number_ + i;
        sweep.uptime = first + i * Uptime(rule.sweep_period);
      }
      const auto& shown = i < rule.before ? *before_ : sample;
      for (const auto q : {Quantity::active_power, Quantity::reactive_power, Quantity::current}) {
        sweeps_[i].put_steps(q, channel, shown.steps(q, channel));
      }
      // These loads have no harmonics.
      sweeps_[i].put_steps(Quantity::fundamental_power, channel,
                           shown.steps(Quantity::active_power, channel));
    }
  }
  before_ = sample;
  if (sweeps_.empty()) return {};
  budget_ -= cost;
  next_number_ += count;
  swept_ = sweeps_.back().uptime;
  return sweeps_;
}

}  // namespace lenz
