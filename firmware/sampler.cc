#include "firmware/sampler.h"

#include <algorithm>

namespace firmware {

using measurement::Amperes;
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
  edge_ = nullptr;
  if (sweep_period_.count() > 0 && now >= next_sweep_) read_sweep(now);
  if (now < next_sample_) return nullptr;
  read_sample(now);
  return &sample_;
}

// The slow kinds are spread, so that no sample takes much longer than another.
void Sampler::start(Uptime now) {
  started_ = true;
  next_sample_ = now + period_;
  next_peaks_ = now;
  next_sweep_ = now;
  for (std::size_t kind = 0; kind < slow_kinds; ++kind) {
    slow_read_at_[kind] = now - slow_within + (static_cast<int>(kind) + 1) * slow_within / 4;
  }
}

void Sampler::read_peaks(Uptime now) {
  if (now < next_peaks_) return;
  next_peaks_ += between_peaks;
  if (next_peaks_ <= now) next_peaks_ = now + between_peaks;
  for (std::size_t channel = 0; channel < sample_.channels(); ++channel) read_peak(channel);
}

std::optional<Amperes> Sampler::read_peak(std::size_t channel) {
  auto& chip = chips_[measurement::chip_of(channel)];
  const auto peak = chip.peak_current(channel % channels_per_chip);
  if (!peak) return std::nullopt;
  if (!peaks_[channel] || *peaks_[channel] < *peak) peaks_[channel] = *peak;
  return *peak;
}

void Sampler::read_sweep(Uptime now) {
  next_sweep_ += sweep_period_;
  if (next_sweep_ <= now) next_sweep_ = now + sweep_period_;
  auto& sweep = watch_.next(now);
  for (std::size_t chip = 0; chip < chips_.size(); ++chip) {
    const auto instants = chips_[chip].instants(now);
    if (!instants) continue;
    put(chip, *instants, sweep);
    for (const auto kind : {fundamental, harmonic}) put_slow(chip, kind, sweep);
    for (std::size_t phase = 0; phase < channels_per_chip; ++phase) {
      const auto channel = chip * channels_per_chip + phase;
      if (const auto peak = read_peak(channel)) sweep.put<Quantity::peak_current>(channel, *peak);
    }
  }
  edge_ = watch_.add();
}

void Sampler::read_sample(Uptime now) {
  next_sample_ += period_;
  if (next_sample_ <= now) next_sample_ = now + period_;
  sample_.clear(chips_.size());
  sample_.number = next_number_++;
  sample_.uptime = now;
  for (std::size_t chip = 0; chip < chips_.size(); ++chip) {
    const auto sweep = chips_[chip].sweep(now);
    if (!sweep) continue;
    put(chip, *sweep, sample_);
    for (std::size_t phase = 0; phase < channels_per_chip; ++phase) {
      const auto channel = chip * channels_per_chip + phase;
      if (peaks_[channel]) sample_.put<Quantity::peak_current>(channel, *peaks_[channel]);
    }
  }
  peaks_.fill(std::nullopt);
  for (const auto kind : {fundamental, harmonic, temperature}) {
    if (now + period_ <= slow_read_at_[kind] + slow_within) continue;
    slow_read_at_[kind] = now;
    for (std::size_t chip = 0; chip < chips_.size(); ++chip) put_slow(chip, kind, sample_);
  }
}

void Sampler::put(std::size_t chip, const Sweep& sweep, Sample& sample) {
  if (sweep.voltage) sample.put<Quantity::voltage>(chip, *sweep.voltage);
  if (sweep.frequency) sample.put<Quantity::frequency>(chip, *sweep.frequency);
  for (std::size_t phase = 0; phase < channels_per_chip; ++phase) {
    const auto channel = chip * channels_per_chip + phase;
    const auto& read = sweep.channels[phase];
    if (read.current) sample.put<Quantity::current>(channel, *read.current);
    if (read.active_power) sample.put<Quantity::active_power>(channel, *read.active_power);
    if (read.reactive_power) sample.put<Quantity::reactive_power>(channel, *read.reactive_power);
    if (read.imported) sample.put<Quantity::imported>(channel, *read.imported);
    if (read.exported) sample.put<Quantity::exported>(channel, *read.exported);
  }
}

void Sampler::put_slow(std::size_t chip, Slow kind, Sample& sample) {
  if (kind == temperature) {
    if (const auto read = chips_[chip].temperature()) {
      sample.put<Quantity::chip_temperature>(chip, *read);
    }
    return;
  }
  for (std::size_t phase = 0; phase < channels_per_chip; ++phase) {
    const auto channel = chip * channels_per_chip + phase;
    if (kind == fundamental) {
      const auto read = chips_[chip].fundamental_power(phase);
      if (read) sample.put<Quantity::fundamental_power>(channel, *read);
    } else {
      const auto read = chips_[chip].harmonic_power(phase);
      if (read) sample.put<Quantity::harmonic_power>(channel, *read);
    }
  }
}

}  // namespace firmware
