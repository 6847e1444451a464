#include "insight/calibration/meter_light.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <numbers>
#include <vector>

#include "insight/calibration/error_sum.h"

namespace insight {
namespace {

constexpr std::size_t least_blinks = 10;
constexpr std::size_t first_blinks = 15;  // They tell how far apart the first ones are.
constexpr double seen_twice = 0.35;       // Of the time between two blinks: nearer ones are one.
constexpr double most_off = 0.25;         // Of it: farther from a multiple is none.
constexpr double most_odd_share = 0.15;   // Of the intervals.

double median(std::vector<double> values) {
  const auto middle = values.begin() + static_cast<std::ptrdiff_t>(values.size() / 2);
  std::nth_element(values.begin(), middle, values.end());
  return *middle;
}

std::vector<double> steps_of(std::span<const double> times) {
  std::vector<double> steps;
  for (std::size_t i = 1; i < times.size(); ++i) steps.push_back(times[i] - times[i - 1]);
  return steps;
}

// The time between two blinks, before it is known which were missed: doubled ones are short and
// missed ones long, and most are neither.
double usual_step(std::span<const double> times) {
  auto steps = steps_of(times);
  const double rough = median(steps);
  std::erase_if(steps, [&](double step) { return step < seen_twice * rough; });
  return median(steps);
}

}  // namespace

std::expected<CountedEnergy, std::string> count_blinks(std::span<const double> seconds,
                                                       double per_kwh, double class_percent,
                                                       double within_s) {
  if (seconds.size() < least_blinks) {
    return std::unexpected(fmt::format(
        "{} blinks are too few: switch a heater or an oven on and count for 2 to 10 minutes.",
        seconds.size()));
  }
  if (!std::ranges::is_sorted(seconds)) {
    return std::unexpected("The times of the blinks must rise.");
  }
  double step = usual_step(seconds.first(std::min(seconds.size(), first_blinks)));
  CountedEnergy counted{.percent = class_percent, .begin_s = seconds[0], .end_s = seconds[0]};
  int odd = 0, intervals = 0;
  for (const double at : seconds.subspan(1)) {
    const double passed = (at - counted.end_s) / step;
    if (passed < seen_twice) {
      ++counted.doubled;
      continue;
    }
    const double blinks = std::max(1.0, std::round(passed));
    ++intervals;
    if (std::abs(passed - blinks) > most_off * std::sqrt(blinks)) ++odd;
    counted.blinks += static_cast<int>(blinks);
    counted.missed += static_cast<int>(blinks) - 1;
    counted.end_s = at;
    // Follows a load that changes slowly.
    step += 0.15 * (passed / blinks - 1) * step;
  }
  if (intervals == 0 || odd > most_odd_share * intervals) {
    return std::unexpected(
        "The blinks do not come evenly: let the load be steady, and the camera see only the "
        "meter's light.");
  }
  counted.wh = 1000.0 * counted.blinks / per_kwh;
  counted.limit_wh =
      counted.wh * within_s * std::numbers::sqrt2 / (counted.end_s - counted.begin_s);
  return counted;
}

double plus_minus_percent(const MainsGain& gain) {
  ErrorSum sum;
  sum.add_limit(gain.gain_limit);
  sum.add_limit(gain.second_gain_limit);
  sum.add_deviation(gain.gain_deviation);
  return sum.interval();
}

std::expected<MainsGain, std::string> mains_gain(const CountedEnergy& counted, double our_wh) {
  if (our_wh <= 0) {
    return std::unexpected(
        "The mains' clamps counted nothing meanwhile, or production: turn them around first.");
  }
  MainsGain gain{.factor = counted.wh / our_wh,
                 .gain_limit = counted.percent,
                 .gain_deviation = 100 * counted.limit_wh / counted.wh / std::numbers::sqrt3};
  if (gain.factor < 0.5 || gain.factor > 2) {
    return std::unexpected(fmt::format(
        "The utility's meter counted {:.2f} times as much: that is no gain but a missing leg, "
        "another clamp's model, or another number of blinks to the kWh.",
        gain.factor));
  }
  return gain;
}

std::expected<measurement::ChannelWords, std::string> raised(const measurement::ChannelWords& words,
                                                             double factor) {
  auto result = words;
  const double gain = std::round(words.current_gain * factor);
  const double rest = gain > 0 ? factor * words.current_gain / gain : 0;
  const double power = std::round(((1 + words.power_gain / 32768.0) * rest - 1) * 32768);
  if (gain < 1 || gain > 65535 || power < -32768 || power > 32767) {
    return std::unexpected(fmt::format(
        "The current would need a gain of {:.0f}, and the chip has 65535: choose the next PGA with "
        "half the gain, and check the clamp's model.",
        gain));
  }
  result.current_gain = static_cast<std::uint16_t>(gain);
  result.power_gain = static_cast<std::int16_t>(power);
  // What the curve says of a current holds for what flows, not for what was shown.
  for (auto& point : result.curve) {
    point.milliamperes =
        static_cast<std::uint32_t>(std::lround(point.milliamperes * gain / words.current_gain));
  }
  return result;
}

Accuracy by_reference(const Accuracy& before, const MainsGain& gain, std::size_t clamps,
                      double amperes) {
  auto accuracy = before;
  if (clamps != 1) return accuracy;
  accuracy.gain_limit = gain.gain_limit;
  accuracy.second_gain_limit = gain.second_gain_limit;
  accuracy.gain_deviation = gain.gain_deviation;
  if (accuracy.loads.empty()) accuracy.loads = {{.amperes = amperes}};
  return accuracy;
}

}  // namespace insight
