#include "firmware/coarse.h"

#include <algorithm>
#include <cmath>

namespace firmware {

using measurement::Quantity;
using measurement::Sample;
using measurement::Uptime;
using namespace std::chrono_literals;

namespace {

constexpr auto quarter = 15min;
constexpr std::int64_t steps_a_watt = 10, steps_a_volt = 10;
static_assert(measurement::row(Quantity::active_power).resolution == 0.1 &&
                  measurement::row(Quantity::voltage).resolution == 0.1,
              "BUG: a step has another size");

}  // namespace

const Sample* Coarse::add(const Sample& sample) {
  if (!end_) begin_period(sample.uptime);
  for (std::size_t c = 0; c < sample.channels(); ++c) {
    const auto steps = sample.measured_steps(Quantity::active_power, c);
    if (steps == Sample::absent) continue;
    power_[c].sum += static_cast<double>(steps);
    ++power_[c].count;
  }
  for (std::size_t chip = 0; chip < sample.chips(); ++chip) {
    const auto steps = sample.measured_steps(Quantity::voltage, chip);
    if (steps == Sample::absent) continue;
    voltage_[chip].sum += static_cast<double>(steps);
    ++voltage_[chip].count;
  }
  if (sample.uptime < *end_) return nullptr;
  complete(sample);
  begin_period(sample.uptime);
  return &sample_;
}

void Coarse::begin_period(Uptime now) { end_ = (now / detail_.period + 1) * detail_.period; }

std::optional<std::int64_t> Coarse::rounded(const Mean& mean, std::int64_t to) {
  if (mean.count == 0) return std::nullopt;
  return std::llround(mean.sum / mean.count / static_cast<double>(to)) * to;
}

// What was told last, while it is right within the tolerance: the report's codec says it for
// nothing.
std::optional<std::int64_t> Coarse::power_of(std::size_t channel) {
  const auto& mean = power_[channel];
  auto& told = told_[channel];
  const auto now = rounded(mean, steps_a_watt);
  if (!now) return std::nullopt;
  if (told) {
    const auto is = mean.sum / mean.count;
    const auto tolerance = std::max(static_cast<double>(detail_.least_watts) * steps_a_watt,
                                    static_cast<double>(detail_.share) * std::abs(is));
    if (std::abs(is - static_cast<double>(*told)) <= tolerance) return told;
  }
  told = now;
  return told;
}

void Coarse::complete(const Sample& newest) {
  sample_.clear(newest.chips());
  sample_.number = next_number_++;
  sample_.uptime = newest.uptime;
  for (std::size_t c = 0; c < newest.channels(); ++c) {
    sample_.put_steps(Quantity::active_power, c, power_of(c));
  }
  if (newest.uptime / quarter != quarter_) {
    quarter_ = newest.uptime / quarter;
    for (std::size_t c = 0; c < newest.channels(); ++c) {
      for (const auto total : {Quantity::imported, Quantity::exported}) {
        sample_.put_steps(total, c, newest.steps(total, c));
      }
    }
    for (std::size_t chip = 0; chip < newest.chips(); ++chip) {
      sample_.put_steps(Quantity::voltage, chip, rounded(voltage_[chip], steps_a_volt));
    }
  }
  power_.fill({});
  voltage_.fill({});
}

}  // namespace firmware
