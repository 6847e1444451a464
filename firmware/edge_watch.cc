#include "firmware/edge_watch.h"

#include <algorithm>
#include <cmath>

namespace firmware {

using measurement::channels_per_chip;
using measurement::Quantity;
using measurement::Sample;
using measurement::Uptime;

namespace {

constexpr std::int64_t hour_ms = 3'600'000;  // What a sweep costs.

template <Quantity q, class Unit>
bool steps(const Sample& from, const Sample& to, std::size_t channel, Unit least, float share) {
  const auto was = from.get<q>(channel);
  const auto is = to.get<q>(channel);
  return was && is &&
         std::abs(is->value - was->value) >= std::max(least.value, share * std::abs(was->value));
}

void clear(Sample& sample, Quantity q, std::size_t index) {
  sample.put_steps(q, index, std::nullopt);
}

}  // namespace

EdgeWatch::EdgeWatch(const EdgeRule& rule, std::size_t chips)
    : rule_(rule), budget_(rule.sweeps_an_hour * hour_ms) {
  rule_.before = std::clamp<std::uint32_t>(rule_.before, 1, most_before);
  for (auto& sweep : ring_) sweep.clear(chips);
}

Sample& EdgeWatch::next(Uptime now) {
  refill(now);
  auto& next = sweep(sweeps_);
  next.clear(next.chips());
  next.uptime = now;
  return next;
}

void EdgeWatch::refill(Uptime now) {
  const auto most = rule_.sweeps_an_hour * hour_ms;
  const auto quiet = std::min<std::int64_t>((now - filled_at_).count(), hour_ms);
  budget_ = std::min(most, budget_ + quiet * rule_.sweeps_an_hour);
  filled_at_ = now;
}

bool EdgeWatch::has_step(const Sample& from, const Sample& to, std::size_t channel) const {
  return steps<Quantity::active_power>(from, to, channel, rule_.power, rule_.power_share) ||
         steps<Quantity::current>(from, to, channel, rule_.current, rule_.current_share);
}

const Sample* EdgeWatch::add() {
  const auto newest = sweeps_++;
  if (newest < rule_.before) return nullptr;
  const auto oldest = newest - rule_.before;
  const auto& now = sweep(newest);
  auto& then = sweep(oldest);
  bool any = false;
  std::array<bool, measurement::max_chips> of_chip{};
  for (std::size_t c = 0; c < now.channels(); ++c) {
    auto& channel = channels_[c];
    if (now.uptime >= channel.rests_until && has_step(then, now, c)) {
      channel.rests_until = now.uptime + rule_.cool_down;
      if (budget_ >= (rule_.before + 1 + rule_.after) * hour_ms) {
        if (channel.end <= oldest) channel.begin = oldest;
        channel.end = newest + rule_.after + 1;
      } else {
        ++skipped_;
      }
    }
    const bool is_picked = channel.begin <= oldest && oldest < channel.end;
    any = any || is_picked;
    of_chip[measurement::chip_of(c)] |= is_picked;
    if (is_picked) continue;
    for (const auto& row : measurement::quantities) {
      if (row.scope == measurement::Scope::channel && row.kind != measurement::Kind::derived) {
        clear(then, row.id, c);
      }
    }
  }
  if (!any) return nullptr;
  for (std::size_t chip = 0; chip < then.chips(); ++chip) {
    if (of_chip[chip]) continue;
    clear(then, Quantity::voltage, chip);
    clear(then, Quantity::frequency, chip);
  }
  budget_ -= hour_ms;
  then.number = next_number_++;
  return &then;
}

}  // namespace firmware
