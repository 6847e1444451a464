#include "measurement/sample.h"

namespace measurement {
namespace {

template <class Unit>
std::optional<std::int64_t> to_steps(std::optional<Unit> value, Quantity q) {
  if (!value) return std::nullopt;
  return std::lround(static_cast<double>(value->value) / row(q).resolution);
}

}  // namespace

std::optional<std::int64_t> Sample::derived_steps(Quantity q, std::size_t channel) const {
  return q == Quantity::apparent_power ? to_steps(apparent_power(*this, channel), q)
                                       : to_steps(power_factor(*this, channel), q);
}

std::optional<VoltAmperes> apparent_power(const Sample& sample, std::size_t channel) {
  const auto voltage = sample.get<Quantity::voltage>(chip_of(channel));
  const auto current = sample.get<Quantity::current>(channel);
  if (!voltage || !current) return std::nullopt;
  return *voltage * *current;
}

std::optional<PowerFactor> power_factor(const Sample& sample, std::size_t channel) {
  const auto active = sample.get<Quantity::active_power>(channel);
  const auto apparent = apparent_power(sample, channel);
  if (!active || !apparent || apparent->value < 1) return std::nullopt;
  const float ratio = active->value / apparent->value;
  return PowerFactor{ratio > 1 ? 1 : ratio < -1 ? -1 : ratio};
}

}  // namespace measurement
