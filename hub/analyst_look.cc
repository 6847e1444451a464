#include <algorithm>
#include <cmath>

#include "hub/analyst_channel.h"

namespace hub {

using measurement::Timestamp;
using namespace std::chrono_literals;

namespace {

constexpr auto silent_after = 10s;  // Then a meter is not waited for.
constexpr auto save_every = 60s;

}  // namespace

// Up to where all meters that are not silent have been heard.
std::optional<Timestamp> Analyst::seen_until(Timestamp now) const {
  std::optional<Timestamp> least, most;
  for (const auto& device : devices_) {
    const auto found = newest_.find(device);
    if (found == newest_.end()) continue;
    most = std::max(most.value_or(found->second), found->second);
    if (now - found->second >= silent_after) continue;
    least = std::min(least.value_or(found->second), found->second);
  }
  if (!most) return std::nullopt;
  return least.value_or(*most) + 1ms;
}

std::expected<void, StoreError> Analyst::look(const std::vector<Eye*>& eyes, TimeRange range,
                                              const std::function<void(std::size_t)>& saw) {
  struct Seen {
    Timestamp time;
    const std::string* device;
    const measurement::Sample* sample;
  };
  std::vector<std::vector<Store::Kept>> kept;
  std::vector<Seen> in_order;
  kept.reserve(devices_.size());
  for (const auto& device : devices_) {
    auto samples = store_.samples(device, range);
    if (!samples) return std::unexpected(samples.error());
    for (const auto& sample : kept.emplace_back(std::move(*samples))) {
      if (sample.stream == measurement::Stream::edges) continue;
      in_order.push_back({sample.time, &device, &sample.sample});
    }
  }
  std::ranges::stable_sort(in_order, {}, &Seen::time);
  for (const auto& [time, device, sample] : in_order) {
    for (std::size_t i = 0; i < eyes.size(); ++i) {
      if (eyes[i]->see(*device, time, *sample) && saw) saw(i);
    }
  }
  return {};
}

std::vector<Analyst::Eye*> Analyst::eyes() {
  std::vector<Eye*> all;
  for (const auto& channel : channels_) all.push_back(&channel->eye);
  return all;
}

std::expected<bool, StoreError> Analyst::step(Timestamp now) {
  if (panel_ != &panel(now)) begin_channels(now);
  for (const auto& device : devices_) {
    if (newest_.contains(device)) continue;
    const auto last = store_.last(device);
    if (!last) return std::unexpected(last.error());
    if (*last) newest_[device] = (*last)->time;
  }
  const auto end = seen_until(now);
  if (!end) return true;
  if (until_ == Timestamp{}) until_ = *end - 1ms;
  for (const auto& channel : channels_) {
    if (channel->booked.since == Timestamp{}) channel->booked.since = until_;
  }
  if (*end - until_ > studied) until_ = *end - studied;

  if (until_ < *end) {
    const TimeRange range{until_, std::min(*end, until_ + piece)};
    if (study_ && study_->until == until_) {
      if (const auto done = look(students(), range); !done) return std::unexpected(done.error());
      study_->until = range.end;
    }
    const auto done = look(eyes(), range, [&](std::size_t i) {
      channels_[i]->add_up();
      finder_->take(i, channels_[i]->eye.latest);
    });
    if (!done) return std::unexpected(done.error());
    until_ = range.end;
    const bool is_watching = breaker_search().state == BreakerSearch::State::watching;
    if (is_watching && until_ - *search_begin_ <= longest_search) finding_ = finder_->finding();
    for (const auto& channel : channels_) gather(*channel);
    learn_from_plugs(until_);
    tell();
    return false;
  }
  if (now - saved_at_ >= save_every || now < saved_at_) {
    saved_at_ = now;
    if (const auto done = save(); !done) return std::unexpected(done.error());
    return false;
  }
  if (study_) return go_on_studying();
  if (const auto done = learn_at_night(now); !done || !*done) return done;
  return look_for_late_samples(now);
}

void Analyst::tell() {
  shares_.clear();
  for (const auto& channel : channels_) {
    const auto& eye = channel->eye;
    auto& told = shares_.emplace_back(ChannelShares{
        .circuit = eye.load.circuit->id, .is_rest = eye.load.is_rest(), .time = eye.latest.time});
    if (std::isnan(eye.latest.active_power.value) || until_ - eye.latest.time > longest_hold) {
      continue;
    }
    told.power = eye.latest.active_power;
    told.unexplained = *told.power;
    const auto give = [&](ApplianceNumber number, float watts) {
      const float left = std::max(0.0F, told.unexplained.value);
      told.appliances.push_back({number, {std::clamp(watts, 0.0F, left)}});
      told.unexplained = told.unexplained - told.appliances.back().active_power;
    };
    for (const auto& [id, number] : channel->numbers) {
      const auto* plug = plug_of(*channel, number);
      if (plug && plug->power.value > 0) give(number, plug->power.value);
    }
    for (const auto& share : eye.identifier->shares()) {
      if (share.appliance == insight::unexplained) continue;
      const auto number = number_of(*channel, share.appliance);
      if (!plug_of(*channel, number)) give(number, share.active_power.value);
    }
    told.always_on = channel->always_on(eye.latest.time, told.unexplained.value);
  }
  feed_.publish(shares_);
}

}  // namespace hub
