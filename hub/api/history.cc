#include "hub/api/history.h"

#include <algorithm>
#include <cmath>
#include <limits>

namespace hub {
namespace {

using measurement::Quantity;
using namespace std::chrono_literals;

constexpr float no_value = std::numeric_limits<float>::quiet_NaN();

// So many pieces are netted at most: a month of minutes.
constexpr std::size_t most_netted = 50'000;

// A run of steps with one panel.
struct Stretch {
  std::size_t first = 0;  // Of the whole answer's steps.
  Steps steps;
  const Circuit* circuit = nullptr;
};

const Circuit* find_circuit(const Panel& panel, std::string_view id) {
  const auto found = std::ranges::find(panel.circuits, id, &Circuit::id);
  return found == panel.circuits.end() ? nullptr : &*found;
}

std::vector<Stretch> stretches(const Home& home, std::string_view id, const Steps& steps) {
  std::vector<Stretch> found;
  const Panel* panel = nullptr;
  for (std::size_t i = 0; i < steps.count; ++i) {
    const Panel& valid = panel_at(home, steps.at(i));
    if (&valid != panel) {
      panel = &valid;
      found.push_back({i, {steps.at(i), steps.step, 0}, find_circuit(valid, id)});
    }
    ++found.back().steps.count;
  }
  std::erase_if(found, [](const Stretch& s) { return !s.circuit || s.circuit->channels.empty(); });
  return found;
}

// One column of a store's answer, by the steps that were asked for.
template <class Number>
class Column {
 public:
  Column(const std::vector<Number>& values, const Points& points, const Steps& steps)
      : values_(values), shift_((steps.begin - points.begin) / points.step) {}

  Number operator[](std::size_t step) const {
    const auto index = static_cast<std::int64_t>(step) + shift_;
    return index >= 0 && index < std::ssize(values_) ? values_[static_cast<std::size_t>(index)]
                                                     : std::numeric_limits<Number>::quiet_NaN();
  }

 private:
  const std::vector<Number>& values_;
  std::int64_t shift_;
};

std::expected<Points, StoreError> read(Store& store, const ChannelUse& use, Quantity quantity,
                                       const Steps& steps) {
  return store.read({use.device, quantity, use.channel}, {steps.begin, steps.end()}, steps.step);
}

// The circuit's mean power of each step.
std::expected<std::vector<float>, StoreError> mean_power(const Circuit& circuit, const Steps& steps,
                                                         Store& store) {
  std::vector<float> sum(steps.count, 0);
  for (const auto& use : circuit.channels) {
    const auto points = read(store, use, Quantity::active_power, steps);
    if (!points) return std::unexpected(points.error());
    const Column column(points->mean, *points, steps);
    for (std::size_t i = 0; i < steps.count; ++i) {
      sum[i] += static_cast<float>(use.multiplier) * column[i];
    }
  }
  return sum;
}

struct Power {
  std::vector<float> mean, min, max;
};

std::expected<Power, StoreError> power_of_one_channel(const ChannelUse& use, const Steps& steps,
                                                      Store& store) {
  const auto points = read(store, use, Quantity::active_power, steps);
  if (!points) return std::unexpected(points.error());
  const Column mean(points->mean, *points, steps);
  const Column min(points->min, *points, steps);
  const Column max(points->max, *points, steps);
  const auto factor = static_cast<float>(use.multiplier);
  Power power;
  for (std::size_t i = 0; i < steps.count; ++i) {
    power.mean.push_back(factor * mean[i]);
    power.min.push_back(factor * (factor < 0 ? max[i] : min[i]));
    power.max.push_back(factor * (factor < 0 ? min[i] : max[i]));
  }
  return power;
}

std::expected<Power, StoreError> power_of_several(const Circuit& circuit, const Steps& steps,
                                                  Store& store) {
  auto mean = mean_power(circuit, steps, store);
  if (!mean) return std::unexpected(mean.error());
  Power power{std::move(*mean), std::vector(steps.count, no_value),
              std::vector(steps.count, no_value)};
  if (steps.step >= 1min) return power;

  const auto seconds_a_step = static_cast<std::size_t>(steps.step / 1s);
  const auto seconds = mean_power(circuit, {steps.begin, 1s, steps.count * seconds_a_step}, store);
  if (!seconds) return std::unexpected(seconds.error());
  for (std::size_t s = 0; s < seconds->size(); ++s) {
    // fmin and fmax prefer the number to the NaN.
    auto& min = power.min[s / seconds_a_step];
    auto& max = power.max[s / seconds_a_step];
    min = std::fmin(min, (*seconds)[s]);
    max = std::fmax(max, (*seconds)[s]);
  }
  return power;
}

struct Energy {
  double imported = 0, exported = 0;  // mWh
};

// What a channel gained in each step, as the circuit counts it.
std::expected<std::vector<Energy>, StoreError> gained(const ChannelUse& use, const Steps& steps,
                                                      Store& store) {
  const auto imported = read(store, use, Quantity::imported, steps);
  if (!imported) return std::unexpected(imported.error());
  const auto exported = read(store, use, Quantity::exported, steps);
  if (!exported) return std::unexpected(exported.error());
  const Column in(imported->gained, *imported, steps);
  const Column out(exported->gained, *exported, steps);
  const auto scaled = [&](double mwh) {
    return std::isnan(mwh) ? 0 : std::abs(use.multiplier) * mwh;
  };
  std::vector<Energy> result;
  result.reserve(steps.count);
  for (std::size_t i = 0; i < steps.count; ++i) {
    result.push_back(use.multiplier < 0 ? Energy{scaled(out[i]), scaled(in[i])}
                                        : Energy{scaled(in[i]), scaled(out[i])});
  }
  return result;
}

// The same time in the shortest whole minutes that divide its steps and are not too many.
Steps netting_steps(const Steps& steps) {
  if (steps.step <= 1min) return steps;
  const auto whole = static_cast<std::size_t>(steps.step / 1min);
  for (std::size_t minutes = 1; minutes < whole; ++minutes) {
    const auto count = steps.count * (whole / minutes);
    if (whole % minutes == 0 && count <= most_netted) {
      return {steps.begin, std::chrono::minutes(minutes), count};
    }
  }
  return steps;
}

std::expected<Energy, StoreError> energy(const Circuit& circuit, const Steps& answer_steps,
                                         Store& store) {
  const bool is_netted = circuit.netting == Netting::sum && circuit.channels.size() > 1;
  const Steps steps = is_netted ? netting_steps(answer_steps) : answer_steps;
  Energy total;
  std::vector<double> net(is_netted ? steps.count : 0, 0.0);
  for (const auto& use : circuit.channels) {
    const auto channel = gained(use, steps, store);
    if (!channel) return std::unexpected(channel.error());
    for (std::size_t i = 0; i < steps.count; ++i) {
      const auto& [imported, exported] = (*channel)[i];
      if (is_netted) {
        net[i] += imported - exported;
      } else {
        total.imported += imported;
        total.exported += exported;
      }
    }
  }
  for (const double mwh : net) (mwh > 0 ? total.imported : total.exported) += std::abs(mwh);
  return total;
}

}  // namespace

Steps steps_over(TimeRange range, std::chrono::milliseconds step) {
  const auto first =
      range.begin.time_since_epoch() / step;  // Times before 1970 are refused earlier.
  const auto last = (range.end.time_since_epoch() + step - 1ms) / step;
  return {measurement::Timestamp(first * step), step, static_cast<std::size_t>(last - first)};
}

std::expected<CircuitHistory, StoreError> history(const Home& home, std::string_view circuit,
                                                  const Steps& steps, Store& store) {
  const std::vector nothing(steps.count, no_value);
  CircuitHistory result{nothing, nothing, nothing};
  Energy total;
  for (const auto& stretch : stretches(home, circuit, steps)) {
    const auto power =
        stretch.circuit->channels.size() == 1
            ? power_of_one_channel(stretch.circuit->channels[0], stretch.steps, store)
            : power_of_several(*stretch.circuit, stretch.steps, store);
    if (!power) return std::unexpected(power.error());
    const auto energies = energy(*stretch.circuit, stretch.steps, store);
    if (!energies) return std::unexpected(energies.error());
    const auto at = static_cast<std::ptrdiff_t>(stretch.first);
    std::ranges::copy(power->mean, result.mean.begin() + at);
    std::ranges::copy(power->min, result.min.begin() + at);
    std::ranges::copy(power->max, result.max.begin() + at);
    total.imported += energies->imported;
    total.exported += energies->exported;
  }
  result.imported = {std::llround(total.imported)};
  result.exported = {std::llround(total.exported)};
  return result;
}

}  // namespace hub
