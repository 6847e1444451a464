#include "lenz/evaluation/true_events.h"

#include <array>
#include <chrono>
#include <cmath>

namespace lenz::evaluation {
namespace {

using insight::ApplianceKind;
using measurement::Timestamp;

double seconds(Timestamp begin, Timestamp end) {
  return std::chrono::duration<double>(end - begin).count();
}

// Whether rows row - 1 and row are neighbours in time and both measured.
bool joined(std::span<const Timestamp> times, std::span<const float> power,
            std::span<const float> held_s, std::size_t row) {
  return std::isfinite(power[row - 1]) && std::isfinite(power[row]) &&
         seconds(times[row - 1], times[row]) <= static_cast<double>(held_s[row - 1]) + 1e-3;
}

struct LeastTimes {
  double on_s, off_s;
};

// Yue et al. 2020 where they have the kind. Their dryers are washer-dryers; the rest is ours.
LeastTimes least_times(ApplianceKind kind) {
  struct Row {
    ApplianceKind kind;
    LeastTimes times;
  };
  constexpr std::array rows = {
      Row{ApplianceKind::kettle, {12, 0}},
      Row{ApplianceKind::fridge, {60, 12}},
      Row{ApplianceKind::freezer, {60, 12}},
      Row{ApplianceKind::fridge_freezer, {60, 12}},
      Row{ApplianceKind::washing_machine, {1800, 156}},
      Row{ApplianceKind::washer_dryer, {1800, 156}},
      Row{ApplianceKind::tumble_dryer, {300, 156}},
      Row{ApplianceKind::microwave, {12, 30}},
      Row{ApplianceKind::dishwasher, {1800, 1800}},
  };
  for (const auto& row : rows) {
    if (row.kind == kind) return row.times;
  }
  return {12, 30};
}

}  // namespace

std::vector<Step> steps(std::span<const Timestamp> times, std::span<const float> power,
                        std::span<const float> held_s, double least_w) {
  std::vector<Step> found;
  std::size_t last = 0;  // Row of the latest step that was still under way.
  for (std::size_t row = 1; row + 1 < power.size(); ++row) {
    const auto first = static_cast<double>(power[row]) - static_cast<double>(power[row - 1]);
    const auto second = static_cast<double>(power[row + 1]) - static_cast<double>(power[row - 1]);
    const bool is_up = first >= least_w && second >= least_w;
    const bool is_down = first <= -least_w && second <= -least_w;
    if (!is_up && !is_down) continue;
    if (!joined(times, power, held_s, row) || !joined(times, power, held_s, row + 1)) continue;
    const bool goes_on = !found.empty() && last + 1 == row && (found.back().size_w > 0) == is_up;
    // Back from a single row, or down from a surge, is no step.
    if (!goes_on && row > 1 && joined(times, power, held_s, row - 1)) {
      const auto from_earlier =
          static_cast<double>(power[row]) - static_cast<double>(power[row - 2]);
      if (is_up ? from_earlier < least_w : from_earlier > -least_w) continue;
    }
    if (!goes_on) found.push_back({row, 0});
    found.back().size_w =
        static_cast<double>(power[row + 1]) - static_cast<double>(power[found.back().row - 1]);
    last = row;
  }
  return found;
}

std::vector<Activation> activations(std::span<const Timestamp> times, std::span<const float> power,
                                    std::span<const float> held_s, ApplianceKind kind) {
  const auto threshold = insight::row(kind).on_from.value;
  const auto least = least_times(kind);
  const auto end_of = [&](const Activation& a) {
    return times[a.end - 1] +
           std::chrono::milliseconds(std::llround(static_cast<double>(held_s[a.end - 1]) * 1000));
  };
  // Whether there is no gap from the end of an activation to a row.
  const auto is_whole = [&](const Activation& a, std::size_t to) {
    for (auto row = a.end; row <= to; ++row) {
      if (!joined(times, power, held_s, row)) return false;
    }
    return true;
  };
  std::vector<Activation> found;
  for (std::size_t row = 0; row < power.size(); ++row) {
    if (!(power[row] >= threshold)) continue;
    const bool may_join =
        !found.empty() &&
        (found.back().end == row || seconds(end_of(found.back()), times[row]) < least.off_s);
    if (may_join && is_whole(found.back(), row)) {
      found.back().end = row + 1;
    } else {
      found.push_back({row, row + 1});
    }
  }
  std::erase_if(
      found, [&](const Activation& a) { return seconds(times[a.begin], end_of(a)) < least.on_s; });
  return found;
}

}  // namespace lenz::evaluation
