#include "insight/identification/activation_features.h"

#include <algorithm>
#include <cmath>

namespace insight {
namespace {

using detail::not_measured;
using measurement::Timestamp;

float seconds_between(Timestamp begin, Timestamp end) {
  return std::chrono::duration<float>(end - begin).count();
}

float log_of(double value) {  // NaN stays NaN.
  return static_cast<float>(std::log2(1 + (value < 0 ? 0 : value)));
}

float ratio(double part, double whole) {
  return whole > 0 ? static_cast<float>(part / whole) : not_measured;
}

// Median and spread (the middle half over the median) of up to 16 values.
struct Spread {
  float median = not_measured, spread = not_measured;
};

Spread spread_of(std::span<float> values) {
  if (values.empty()) return {};
  std::ranges::sort(values);
  const float median = values[values.size() / 2];
  if (values.size() < 3) return {median, not_measured};
  return {median, ratio(values[values.size() * 3 / 4] - values[values.size() / 4], median)};
}

// The lag at which the profile is most like itself, beyond its first fall.
struct Period {
  float seconds = not_measured, likeness = not_measured;
};

Period period_of(const PowerProfile& profile) {
  const auto count = profile.count();
  if (count < 12) return {};
  float mean = 0;
  for (std::size_t i = 0; i < count; ++i) mean += profile.mean(i) / static_cast<float>(count);
  const auto correlation = [&](std::size_t lag) {
    float sum = 0;
    for (std::size_t i = 0; i + lag < count; ++i) {
      sum += (profile.mean(i) - mean) * (profile.mean(i + lag) - mean);
    }
    return sum / static_cast<float>(count - lag);
  };
  const float variance = correlation(0);
  if (variance <= 1) return {};
  Period best{not_measured, 0};
  bool fell = false;
  for (std::size_t lag = 1; lag <= count / 2; ++lag) {
    const float likeness = correlation(lag) / variance;
    fell = fell || likeness < 0.2F;
    if (fell && likeness > best.likeness) {
      best = {static_cast<float>(lag) * profile.width(), likeness};
    }
  }
  return best;
}

struct Writer {
  Features& features;
  std::size_t at = 0;

  void operator()(float value) { features[at++] = value; }
};

void write_activation(const Activation& a, Writer& write) {
  const double mean = a.on_seconds > 0 ? a.watt_seconds / a.on_seconds : 0;
  const float median = a.powers.quantile(0.5F);
  const double variance =
      a.on_seconds > 0 ? std::max(0.0, a.square_watt_seconds / a.on_seconds - mean * mean) : 0;
  const float hours = std::max(a.seconds, 60.0F) / 3600;
  write(log_of(a.peak_w));
  write(log_of(mean));
  write(log_of(median));
  for (const float share : {0.1F, 0.25F, 0.75F, 0.9F}) {
    write(ratio(a.powers.quantile(share), median));
  }
  write(ratio(std::sqrt(variance), mean));
  write(log_of(a.watt_seconds / 3600));
  write(log_of(seconds_between(a.begin, a.end)));
  write(a.ended ? 1 : 0);
  write(a.is_level ? 1 : 0);
  for (const float watts : {1500.0F, 500.0F, 100.0F}) write(a.powers.share_above(watts));
  write(a.seconds > 0 ? 1 - a.on_seconds / std::max(a.seconds, a.on_seconds) : not_measured);
  write(log_of(static_cast<float>(a.pauses) / hours));
  const auto edges = static_cast<float>(a.edges_up + a.edges_down);
  write(log_of(edges / hours));
  write(log_of(edges));
  write(ratio(a.largest_up_w, a.peak_w));
  write(ratio(a.largest_down_w, a.peak_w));
  write(edges > 0 ? ratio(a.edges_w / edges, a.peak_w) : not_measured);
  write(ratio(a.overshoot_w, mean));
  write(ratio(a.ramp_30s_w, mean));
  write(ratio(a.ramp_5min_w, mean));
  write(a.readings > 1 ? ratio(a.absolute_changes_w / static_cast<float>(a.readings - 1), mean)
                       : not_measured);
  write(ratio(a.surge_w, median));
  for (std::size_t i = 0; i < Activation::spans; ++i) {
    write(a.span_s[i] > 0 ? ratio(a.span_ws[i] / a.span_s[i], mean) : not_measured);
  }

  const auto count = a.profile.count();
  float first = not_measured, last = not_measured, slope = not_measured;
  if (count >= 6) {
    first = last = 0;
    float sum = 0;
    double moment = 0;
    for (std::size_t i = 0; i < count; ++i) {
      const float bin = a.profile.mean(i);
      sum += bin;
      if (i < count / 3) first += bin;
      if (i >= count - count / 3) last += bin;
      moment += bin * (2 * (static_cast<double>(i) + 0.5) / static_cast<double>(count) - 1);
    }
    first = ratio(first, sum);
    last = ratio(last, sum);
    slope = ratio(moment, sum);
  }
  write(first);
  write(last);
  write(slope);
  const auto period = period_of(a.profile);
  write(log_of(period.seconds));
  write(period.likeness);
  write(ratio(a.reactive_vs, a.reactive_of_ws));
  write(ratio(a.harmonic_ws, a.harmonic_of_ws));
  write(ratio(a.crest, a.crest_seconds));
  write(log_of(a.floor_w));
}

}  // namespace

std::uint64_t feature_hash() {
  std::uint64_t hash = 14695981039346656037U;
  for (const auto name : feature_names) {
    for (const char letter : name) {
      hash = (hash ^ static_cast<unsigned char>(letter)) * 1099511628211U;
    }
    hash = (hash ^ '\n') * 1099511628211U;
  }
  return hash;
}

void ChannelPast::take(const Reading& reading) {
  const float seconds = last_ ? std::min(seconds_between(*last_, reading.time), 90.0F) : 0;
  last_ = reading.time;
  const float watts = std::max(0.0F, reading.active_power.value);
  powers_.add(watts, seconds);
  watt_seconds_ += watts * seconds;
  peak_w_ = std::max(peak_w_, watts);
  undecayed_s_ += seconds;
  if (undecayed_s_ < 900) return;
  const float kept = std::exp(-undecayed_s_ / 86400);
  powers_.decay(kept);
  watt_seconds_ *= kept;
  count_ *= kept;
  undecayed_s_ = 0;
}

void ChannelPast::take(const Activation& activation) {
  ended_[ended_count_++ % remembered] = {activation.begin, activation.end, activation.peak_w,
                                         static_cast<float>(activation.watt_seconds)};
  ++count_;
}

Features features(const Activation& activation, const ChannelPast& past) {
  Features features;
  Writer write{features};
  write_activation(activation, write);

  write(log_of(past.peak_w_));
  write(log_of(ratio(past.watt_seconds_, past.powers_.seconds())));
  for (const float share : {0.05F, 0.25F, 0.5F, 0.75F, 0.95F, 0.99F}) {
    write(log_of(past.powers_.quantile(share)));
  }
  write(past.powers_.share_above(1500));
  write(past.powers_.share_above(100));
  write(log_of(ratio(past.count_ * 86400, std::max(past.powers_.seconds(), 3600.0F))));

  const auto known = std::min(past.ended_count_, ChannelPast::remembered);
  std::array<float, ChannelPast::remembered> rests{}, durations{}, peaks{}, energies{};
  std::size_t rest_count = 0, count = 0;
  Timestamp latest{};
  for (std::size_t i = 0; i < known; ++i) {
    // From the latest to the earliest.
    const auto& ended = past.ended_[(past.ended_count_ - 1 - i) % ChannelPast::remembered];
    durations[count] = seconds_between(ended.begin, ended.end);
    peaks[count] = ended.peak_w;
    energies[count++] = ended.energy_ws / 3600;
    if (i == 0) {
      latest = ended.end;
      continue;
    }
    const auto& later = past.ended_[(past.ended_count_ - i) % ChannelPast::remembered];
    if (later.begin > ended.end) rests[rest_count++] = seconds_between(ended.end, later.begin);
  }
  const auto rest = spread_of(std::span(rests).first(rest_count));
  const auto duration = spread_of(std::span(durations).first(count));
  const auto peak = spread_of(std::span(peaks).first(count));
  const auto energy = spread_of(std::span(energies).first(count));
  write(count > 0 && activation.begin > latest ? log_of(seconds_between(latest, activation.begin))
                                               : not_measured);
  write(log_of(rest.median));
  write(rest.spread);
  write(log_of(duration.median));
  write(duration.spread);
  write(log_of(peak.median));
  write(peak.spread);
  write(log_of(energy.median));
  write(ratio(activation.peak_w, peak.median));
  write(ratio(seconds_between(activation.begin, activation.end), duration.median));

  return features;
}

}  // namespace insight
