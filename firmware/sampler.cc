#include "firmware/sampler.h"

#include <algorithm>

namespace firmware {

using measurement::channels_per_chip;
using measurement::Quantity;
using measurement::Sample;
using measurement::Uptime;

namespace {

constexpr Uptime between_peaks{250};
constexpr Uptime slow_within{10'000};

}  // namespace

const Sample* Sampler::step(Uptime now) {
  if (!started_) start(now);
  for (auto& chip : chips_) chip.tend(now);
  read_peaks(now);
  if (now < next_sample_) return nullptr;
  read_sample(now);
  return &sample_;
}

// The slow kinds are spread, so that no sample takes much longer than another.
void Sampler::start(Uptime now) {
  started_ = true;
  next_sample_ = now + period_;
  next_peaks_ = now;
  for (std::size_t kind = 0; kind < slow_kinds; ++kind) {
    slow_read_at_[kind] = now - slow_within + (static_cast<int>(kind) + 1) * slow_within / 4;
  }
}

void Sampler::read_peaks(Uptime now) {
  if (now < next_peaks_) return;
  next_peaks_ += between_peaks;
  if (next_peaks_ <= now) next_peaks_ = now + between_peaks;
  for (std::size_t channel = 0; channel < sample_.channels(); ++channel) {
    auto& chip = chips_[measurement::chip_of(channel)];
    const auto peak = chip.peak_current(channel % channels_per_chip);
    if (peak && (!peaks_[channel] || *peaks_[channel] < *peak)) peaks_[channel] = *peak;
  }
}

void Sampler::read_sample(Uptime now) {
  next_sample_ += period_;
  if (next_sample_ <= now) next_sample_ = now + period_;
  sample_.clear(chips_.size());
  sample_.number = next_number_++;
  sample_.uptime = now;
  for (std::size_t chip = 0; chip < chips_.size(); ++chip) {
    if (const auto sweep = chips_[chip].sweep(now)) put(chip, *sweep);
  }
  peaks_.fill(std::nullopt);
  for (const auto kind : {fundamental, harmonic, temperature}) {
    if (now + period_ <= slow_read_at_[kind] + slow_within) continue;
    slow_read_at_[kind] = now;
    for (std::size_t chip = 0; chip < chips_.size(); ++chip) put_slow(chip, kind);
  }
}

void Sampler::put(std::size_t chip, const Sweep& sweep) {
  if (sweep.voltage) sample_.put<Quantity::voltage>(chip, *sweep.voltage);
  if (sweep.frequency) sample_.put<Quantity::frequency>(chip, *sweep.frequency);
  for (std::size_t phase = 0; phase < channels_per_chip; ++phase) {
    const auto channel = chip * channels_per_chip + phase;
    const auto& read = sweep.channels[phase];
    if (read.current) sample_.put<Quantity::current>(channel, *read.current);
    if (read.active_power) sample_.put<Quantity::active_power>(channel, *read.active_power);
    if (read.reactive_power) sample_.put<Quantity::reactive_power>(channel, *read.reactive_power);
    if (read.imported) sample_.put<Quantity::imported>(channel, *read.imported);
    if (read.exported) sample_.put<Quantity::exported>(channel, *read.exported);
    if (peaks_[channel]) sample_.put<Quantity::peak_current>(channel, *peaks_[channel]);
  }
}

void Sampler::put_slow(std::size_t chip, Slow kind) {
  if (kind == temperature) {
    if (const auto read = chips_[chip].temperature()) {
      sample_.put<Quantity::chip_temperature>(chip, *read);
    }
    return;
  }
  for (std::size_t phase = 0; phase < channels_per_chip; ++phase) {
    const auto channel = chip * channels_per_chip + phase;
    if (kind == fundamental) {
      const auto read = chips_[chip].fundamental_power(phase);
      if (read) sample_.put<Quantity::fundamental_power>(channel, *read);
    } else {
      const auto read = chips_[chip].harmonic_power(phase);
      if (read) sample_.put<Quantity::harmonic_power>(channel, *read);
    }
  }
}

}  // namespace firmware
