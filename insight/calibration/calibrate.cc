#include "insight/calibration/calibrate.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <numbers>
#include <numeric>
#include <vector>

namespace insight {

using measurement::ChannelWords;
using measurement::RawChannel;
using std::numbers::pi;
using Cause = CalibrationRefusal::Cause;

namespace {

constexpr double watts_per_count = 0.00032;
constexpr double delay_clock = 2'048'000;  // Hz.
constexpr double register_a = 65.5;        // Where the chip's current ends.
constexpr double clipping_a = 92.68;       // RMS at gain 1 and PGA 1.
constexpr int least_windows = 8;
constexpr double resistive_degrees = 0.05;  // A heater is a resistor up to this.
constexpr double unknown_offset_w = 1;      // Deviation, without a reading of no load.
constexpr double same_load = 1.1;           // Loads that are one but for their power factor.

std::unexpected<CalibrationRefusal> refuse(Cause cause, std::string sentence) {
  return std::unexpected(CalibrationRefusal{cause, std::move(sentence)});
}

// A load as seen by the meter and as it is.
struct Point {
  double amperes = 0;  // As the meter has it with the present words.
  double watts = 0;    // True.
  double gain = 1;     // True apparent power over that of the meter.
  double lead = 0;     // Radians by which the current leads: what the angle lacks.
  double gain_limit = 0, second_gain_limit = 0;  // Percent.
  double gain_deviation = 0;                     // Percent.
  double phase_limit = 0, phase_deviation = 0;   // Radians.
  double volt_factor = 0, ampere_factor = 0;     // True over metered; 0: not known.
  bool is_resistive = true;
};

std::optional<CalibrationRefusal> what_is_wrong(const CalibrationInput& input,
                                                const CalibrationLoad& load, double watts,
                                                double vars) {
  const auto& raw = load.raw;
  const auto& words = input.words;
  const auto wrong = [](Cause cause, std::string sentence) {
    return CalibrationRefusal{cause, std::move(sentence)};
  };
  if (load.windows < least_windows) {
    return wrong(Cause::no_readings,
                 fmt::format("Only {} readings came: at least {} are needed, so read longer.",
                             load.windows, least_windows));
  }
  const double apparent = std::hypot(watts, vars);
  const double least = std::max(5.0, raw.voltage.mean * 0.002 * input.rated_a);
  if (apparent < least) {
    return wrong(Cause::nothing_flows,
                 fmt::format("This clamp sees {:.1f} VA, which is no load: switch the load on, and "
                             "see that the clamp is closed around its wire.",
                             apparent));
  }
  if (watts < 0) {
    return wrong(Cause::reversed,
                 "The load shows as production: turn the clamp around, or mark it as reversed.");
  }
  if (raw.active.deviation > most_unrest * apparent) {
    return wrong(
        Cause::unstable,
        fmt::format("The load changes by {:.1f} % from reading to reading: take a steadier "
                    "one, without thermostat or motor.",
                    100 * raw.active.deviation / apparent));
  }
  const double top = register_a * words.multiplier;
  if (raw.current.mean >= top) {
    return wrong(Cause::beyond_current_register,
                 fmt::format("The chip's current ends at {:.1f} A here: halve the current gain and "
                             "double the multiplier.",
                             top));
  }
  const double clipped = clipping_a * words.current_gain / 0x8000 / words.pga * words.multiplier;
  if (raw.peak_current >= 0.995 * clipped * std::numbers::sqrt2) {
    return wrong(Cause::clipped,
                 fmt::format("The clamp gives more than the chip's input can take (peaks of {:.0f} "
                             "A): lower the PGA, or use a larger clamp.",
                             raw.peak_current));
  }
  if (!load.watts && !(load.volts && load.amperes)) {
    return wrong(Cause::no_reference,
                 "The reference's watts are needed, or its volts and its amperes.");
  }
  if (load.kind == LoadKind::inductive && !(load.watts && load.volts && load.amperes)) {
    return wrong(Cause::no_reference,
                 "With a load of power factor 0.5 the reference's volts, amperes and watts are all "
                 "needed.");
  }
  return std::nullopt;
}

// A uniform step of the last digit as a deviation, in percent.
double digit(const ReferenceValue& value) {
  return 100 * value.resolution / 2 / std::numbers::sqrt3 / value.value;
}

Point point_of(const CalibrationLoad& load, double watts, double vars) {
  const auto& raw = load.raw;
  const double root = std::sqrt(load.windows);
  const double apparent = std::hypot(watts, vars);
  Point point{.amperes = raw.current.mean, .is_resistive = load.kind == LoadKind::resistive};
  if (load.volts) point.volt_factor = load.volts->value / raw.voltage.mean;
  if (load.amperes) point.ampere_factor = load.amperes->value / raw.current.mean;
  const double noise = 100 * raw.active.deviation / root / apparent;
  const double angle = std::atan2(vars, watts);
  const double angle_noise = raw.reactive.deviation / root / apparent;
  double reference_digits = 0;
  double true_apparent = 0;
  if (point.is_resistive) {
    true_apparent = load.watts ? load.watts->value : load.volts->value * load.amperes->value;
    point.watts = true_apparent;
    point.lead = -angle;
    point.phase_limit = resistive_degrees * pi / 180;
    point.phase_deviation = angle_noise;
  } else {
    true_apparent = load.volts->value * load.amperes->value;
    const double factor = std::clamp(load.watts->value / true_apparent, -1.0, 1.0);
    point.watts = load.watts->value;
    point.lead = std::acos(factor) - angle;
    const double sine = std::max(std::sqrt(1 - factor * factor), 0.05);
    const double steepness = factor / sine / 100;  // Radians per percent of the factor.
    point.phase_limit =
        steepness * std::hypot(load.watts->percent, load.volts->percent, load.amperes->percent);
    point.phase_deviation = std::hypot(
        angle_noise,
        steepness * std::hypot(digit(*load.watts), digit(*load.volts), digit(*load.amperes)));
  }
  point.gain = true_apparent / apparent;
  if (point.is_resistive && load.watts) {
    point.gain_limit = load.watts->percent;
    reference_digits = digit(*load.watts);
  } else {
    point.gain_limit = load.amperes->percent;
    point.second_gain_limit = load.volts->percent;
    reference_digits = std::hypot(digit(*load.volts), digit(*load.amperes));
  }
  point.gain_deviation = std::hypot(noise, reference_digits);
  return point;
}

// Loads of one size are one point: its gain is of the load that is known better, its phase too.
void merge(std::vector<Point>& points) {
  std::ranges::sort(points, {}, &Point::amperes);
  for (std::size_t i = 1; i < points.size();) {
    auto& a = points[i - 1];
    const auto& b = points[i];
    if (b.amperes > a.amperes * same_load) {
      ++i;
      continue;
    }
    Point both = a.is_resistive ? a : b;
    const auto doubt = [](const Point& p) {
      return std::hypot(p.phase_limit / std::numbers::sqrt3, p.phase_deviation);
    };
    const auto& surer = doubt(a) < doubt(b) ? a : b;
    both.lead = surer.lead;
    both.phase_limit = surer.phase_limit;
    both.phase_deviation = surer.phase_deviation;
    a = both;
    points.erase(points.begin() + static_cast<std::ptrdiff_t>(i));
  }
}

// Sets a word to `value` if it goes into it.
template <class Word>
bool fits(double value, Word& word) {
  const double whole = std::round(value);
  if (whole < std::numeric_limits<Word>::min() || whole > std::numeric_limits<Word>::max()) {
    return false;
  }
  word = static_cast<Word>(whole);
  return true;
}

std::optional<CalibrationRefusal> set_offsets(const CalibrationInput& input, ChannelWords& words) {
  const auto& none = *input.no_load;
  if (input.no_load_windows < least_windows) {
    return CalibrationRefusal{Cause::no_readings,
                              fmt::format("Only {} readings of no load came: at least {} are "
                                          "needed.",
                                          input.no_load_windows, least_windows)};
  }
  const double flows = std::max(0.02 * input.rated_a, 0.3);
  if (none.current.mean > flows && std::abs(none.active.mean) > 20) {
    return CalibrationRefusal{
        Cause::no_load_flows,
        fmt::format("{:.1f} A flow through the clamp: take it off its wire for this step.",
                    none.current.mean)};
  }
  const double unit = watts_per_count * words.multiplier;
  if (!fits(words.active_offset - none.active.mean / unit, words.active_offset) ||
      !fits(words.reactive_offset - none.reactive.mean / unit, words.reactive_offset) ||
      !fits(words.fundamental_offset - none.active.mean / unit, words.fundamental_offset)) {
    return CalibrationRefusal{
        Cause::beyond_offset,
        fmt::format("Without load the channel shows {:.1f} W and {:.1f} var; the chip can take off "
                    "{:.1f}: look for something that couples into the clamp's lead.",
                    none.active.mean, none.reactive.mean, 32767 * unit)};
  }
  return std::nullopt;
}

std::optional<CalibrationRefusal> set_gains(const std::vector<Point>& points, const Point& base,
                                            ChannelWords& words) {
  const auto old = words;
  double volts = 0;
  int known = 0;
  for (const auto& point : points) {
    if (point.volt_factor == 0) continue;
    volts += point.volt_factor;
    ++known;
  }
  if (known > 0 &&
      (!fits(old.voltage_gain * volts / known, words.voltage_gain) || words.voltage_gain == 0)) {
    return CalibrationRefusal{
        Cause::beyond_voltage_gain,
        fmt::format("The voltage would need a gain of {:.0f}, and the chip has 65535: check that "
                    "the adapter's model is the board's.",
                    old.voltage_gain * volts / known)};
  }
  const double volt_step = static_cast<double>(words.voltage_gain) / old.voltage_gain;
  const double wanted = base.ampere_factor > 0 ? base.ampere_factor : base.gain / volt_step;
  if (!fits(old.current_gain * wanted, words.current_gain) || words.current_gain == 0) {
    return CalibrationRefusal{
        Cause::beyond_current_gain,
        fmt::format("The current would need a gain of {:.0f}, and the chip has 65535: choose the "
                    "next PGA with half the gain, and check the clamp's model and burden.",
                    old.current_gain * wanted)};
  }
  const double ampere_step = static_cast<double>(words.current_gain) / old.current_gain;
  const double rest = base.gain / volt_step / ampere_step;
  if (!fits(((1 + old.power_gain / 32768.0) * rest - 1) * 32768, words.power_gain)) {
    return CalibrationRefusal{
        Cause::beyond_power_gain,
        "Volts, amperes and watts of the reference do not belong together: read all three at the "
        "same load."};
  }
  return std::nullopt;
}

// The radians of one step of the delay.
double delay_step(int line_frequency) { return 2 * pi * line_frequency / delay_clock; }

std::optional<CalibrationRefusal> set_phase(const Point& base, int line_frequency,
                                            ChannelWords& words) {
  const double step = delay_step(line_frequency);
  const double wanted = words.phase_delay + base.lead / step;
  if (std::abs(std::round(wanted)) > measurement::greatest_phase_delay) {
    const double degrees = 180 / pi;
    return CalibrationRefusal{
        Cause::beyond_phase_delay,
        fmt::format(
            "Current and voltage are {:.2f} degrees apart where they should not be, and the "
            "chip can turn {:.2f}: the clamp is on another phase than its voltage, or the "
            "adapter is not the board's.",
            wanted * step * degrees, measurement::greatest_phase_delay * step * degrees)};
  }
  words.phase_delay = static_cast<std::int16_t>(std::lround(wanted));
  return std::nullopt;
}

// What words that have been set leave over at each point.
void set_curve(const std::vector<Point>& points, const ChannelWords& old, int line_frequency,
               ChannelWords& words) {
  words.curve = {};
  if (points.size() < 2) return;
  const double ampere_step = static_cast<double>(words.current_gain) / old.current_gain;
  const double power_step = static_cast<double>(words.voltage_gain) / old.voltage_gain *
                            ampere_step * (1 + words.power_gain / 32768.0) /
                            (1 + old.power_gain / 32768.0);
  const double turned = (words.phase_delay - old.phase_delay) * delay_step(line_frequency);
  for (std::size_t i = 0; i < points.size(); ++i) {
    const auto& point = points[i];
    words.curve[i] = {static_cast<std::uint32_t>(std::lround(point.amperes * ampere_step * 1000)),
                      static_cast<std::int32_t>(std::lround((point.gain / power_step - 1) * 1e6)),
                      static_cast<std::int32_t>(std::lround((point.lead - turned) * 1e6))};
  }
}

Accuracy accuracy_of(const CalibrationInput& input, const std::vector<Point>& points,
                     const ChannelWords& words) {
  const double degrees = 180 / pi;
  Accuracy accuracy{.class_percent = input.class_percent, .rated_a = input.rated_a};
  for (const auto& point : points) {
    accuracy.gain_limit = std::max(accuracy.gain_limit, point.gain_limit);
    accuracy.second_gain_limit = std::max(accuracy.second_gain_limit, point.second_gain_limit);
    accuracy.gain_deviation = std::max(accuracy.gain_deviation, point.gain_deviation);
    accuracy.phase_limit = std::max(accuracy.phase_limit, point.phase_limit * degrees);
    accuracy.phase_deviation = std::max(accuracy.phase_deviation, point.phase_deviation * degrees);
    const double ampere_step = static_cast<double>(words.current_gain) / input.words.current_gain;
    accuracy.loads.push_back(
        {point.amperes * ampere_step, point.gain / points.back().gain, point.lead * degrees});
  }
  if (points.size() < 2) {
    // Nothing takes up what the steps of the delay leave.
    accuracy.phase_deviation = std::hypot(
        accuracy.phase_deviation, delay_step(input.line_frequency) * degrees / std::sqrt(12.0));
  }
  accuracy.offset_deviation_w =
      input.no_load ? input.no_load->active.deviation / std::sqrt(input.no_load_windows)
                    : unknown_offset_w;
  return accuracy;
}

}  // namespace

std::expected<Calibration, CalibrationRefusal> calibrate(const CalibrationInput& input) {
  if (input.loads.empty()) {
    return refuse(Cause::no_readings, "No load was read: at least one is needed.");
  }
  if (input.loads.size() > 2 * measurement::curve_points) {
    return refuse(Cause::too_many_loads, "At most eight readings of loads can be used.");
  }
  Calibration result{.words = input.words};
  double no_watts = 0, no_vars = 0;
  if (input.no_load) {
    if (auto wrong = set_offsets(input, result.words)) return std::unexpected(std::move(*wrong));
    no_watts = input.no_load->active.mean;
    no_vars = input.no_load->reactive.mean;
    result.no_load_a = input.no_load->current.mean;
  }
  std::vector<Point> points;
  for (const auto& load : input.loads) {
    const double watts = load.raw.active.mean - no_watts;
    const double vars = load.raw.reactive.mean - no_vars;
    if (auto wrong = what_is_wrong(input, load, watts, vars)) {
      return std::unexpected(std::move(*wrong));
    }
    points.push_back(point_of(load, watts, vars));
  }
  merge(points);
  if (points.size() > measurement::curve_points) {
    return refuse(Cause::too_many_loads,
                  "At most four sizes of load can be kept: leave out one in the middle.");
  }
  const auto& base = points.back();
  if (auto wrong = set_gains(points, base, result.words)) return std::unexpected(std::move(*wrong));
  if (auto wrong = set_phase(base, input.line_frequency, result.words)) {
    return std::unexpected(std::move(*wrong));
  }
  set_curve(points, input.words, input.line_frequency, result.words);
  result.accuracy = accuracy_of(input, points, result.words);
  return result;
}

std::optional<CalibrationRefusal> refused_no_load(const CalibrationInput& input) {
  auto words = input.words;
  return set_offsets(input, words);
}

std::optional<double> unrest(std::span<const double> watts) {
  if (watts.size() < 4) return std::nullopt;
  const auto count = static_cast<double>(watts.size());
  const double mean = std::accumulate(watts.begin(), watts.end(), 0.0) / count;
  if (std::abs(mean) < 1) return std::nullopt;
  double squares = 0;
  for (const double each : watts) squares += (each - mean) * (each - mean);
  return std::sqrt(squares / (count - 1)) / std::abs(mean);
}

// The average in 1/2^16 of a count, by 2^7: 1/512 of a count.
std::expected<ChannelWords, CalibrationRefusal> without_voltage(const ChannelWords& words,
                                                                const RawChannel& raw) {
  auto result = words;
  if (raw.voltage.mean > 20) {
    return refuse(Cause::no_load_flows,
                  fmt::format("The channel still sees {:.0f} V: unplug the adapter for this step.",
                              raw.voltage.mean));
  }
  if (!fits(words.voltage_offset - raw.voltage.mean / 0.01 * 512, result.voltage_offset)) {
    return refuse(
        Cause::beyond_offset,
        fmt::format("Without its adapter the channel shows {:.2f} V and the chip can take "
                    "off 0.64: look at the adapter's lead.",
                    raw.voltage.mean));
  }
  return result;
}

}  // namespace insight
