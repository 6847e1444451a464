#include "measurement/sample.h"

#include <cassert>

namespace measurement {
namespace {

constexpr auto index_of(Quantity q) { return static_cast<std::size_t>(q); }

template <class Unit>
std::optional<std::int64_t> to_steps(std::optional<Unit> value, Quantity q) {
  if (!value) return std::nullopt;
  return std::lround(static_cast<double>(value->value) / row(q).resolution);
}

}  // namespace

std::optional<std::int64_t> Sample::steps(Quantity q, std::size_t index) const {
  assert(index < count(q) && "BUG: no such chip or channel");
  if (q == Quantity::apparent_power) return to_steps(apparent_power(*this, index), q);
  if (q == Quantity::power_factor) return to_steps(power_factor(*this, index), q);
  const auto steps = measured_steps(q, index);
  return steps == absent ? std::nullopt : std::optional(steps);
}

void Sample::put_steps(Quantity q, std::size_t index, std::optional<std::int64_t> steps) {
  assert(index < count(q) && "BUG: no such chip or channel");
  assert(row(q).kind != Kind::derived && "BUG: a derived quantity is not kept");
  if (row(q).kind == Kind::total) {
    totals_[index][index_of(q) - index_of(Quantity::imported)] = steps.value_or(absent);
    return;
  }
  auto& cell = row(q).scope == Scope::chip
                   ? per_chip_[index][index_of(q) - index_of(Quantity::voltage)]
                   : per_channel_[index][index_of(q) - index_of(Quantity::current)];
  cell = steps ? static_cast<std::int32_t>(*steps) : absent_32;
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
