#include "lenz/bench_log.h"

#include <algorithm>

namespace lenz {

using measurement::Quantity;
using measurement::Sample;
using measurement::Timestamp;

void BenchLog::take(const measurement::ReportHeader& header, std::span<const Sample> samples,
                    Timestamp now) {
  if (header.stream != measurement::Stream::samples) return;
  const auto [known, is_new] = numbers_.try_emplace(header.boot);
  auto& numbers = known->second;
  if (is_new) boot_ = header.boot;  // What is left of an older start comes of one that is known.
  for (const auto& sample : samples) {
    if (!numbers.insert(sample.number).second) continue;
    last_heard_ = now;
    if (header.boot != boot_ || sample.number != *numbers.rbegin()) continue;  // Of a while ago.
    lost_ = header.lost;
    read_chips(sample);
    if (channel_ >= sample.channels()) continue;
    const auto chip = measurement::chip_of(channel_);
    readings_.push_back({.heard = now,
                         .voltage = sample.get<Quantity::voltage>(chip),
                         .current = sample.get<Quantity::current>(channel_),
                         .active_power = sample.get<Quantity::active_power>(channel_),
                         .reactive_power = sample.get<Quantity::reactive_power>(channel_),
                         .imported = sample.get<Quantity::imported>(channel_),
                         .exported = sample.get<Quantity::exported>(channel_)});
  }
}

void BenchLog::read_chips(const Sample& sample) {
  chips_.resize(std::max(chips_.size(), sample.chips()));
  for (std::size_t i = 0; i < sample.chips(); ++i) {
    auto& chip = chips_[i];
    if (const auto volts = sample.get<Quantity::voltage>(i)) chip.voltage = volts;
    if (const auto hertz = sample.get<Quantity::frequency>(i)) chip.frequency = hertz;
    if (const auto degrees = sample.get<Quantity::chip_temperature>(i)) chip.temperature = degrees;
  }
}

std::uint64_t BenchLog::missing() const {
  std::uint64_t sum = 0;
  for (const auto& [boot, numbers] : numbers_) {
    sum += *numbers.rbegin() - *numbers.begin() + 1 - numbers.size();
  }
  return sum;
}

std::uint64_t BenchLog::count() const {
  std::uint64_t sum = 0;
  for (const auto& [boot, numbers] : numbers_) sum += numbers.size();
  return sum;
}

std::vector<BenchReading> BenchLog::readings_since(Timestamp begin) const {
  const auto first = std::ranges::lower_bound(readings_, begin, {}, &BenchReading::heard);
  return {first, readings_.end()};
}

}  // namespace lenz
