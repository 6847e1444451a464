#include "lenz/evaluation/window_grid.h"

#include <algorithm>
#include <chrono>
#include <cmath>
#include <deque>
#include <limits>

namespace lenz::evaluation {
namespace {

constexpr float missing = std::numeric_limits<float>::quiet_NaN();
constexpr std::size_t no_point = std::numeric_limits<std::size_t>::max();
constexpr std::array<double, 16> offsets_s = {6,   12,  18,  30,  45,  60,   90,   120,
                                              180, 300, 450, 600, 900, 1200, 1800, 3600};
constexpr std::array<double, 3> windows_s = {60, 300, 1800};
static_assert(WindowGrid::past_inputs == 1 + offsets_s.size() + 3 * windows_s.size());
static_assert(WindowGrid::inputs == 1 + 2 * (offsets_s.size() + 3 * windows_s.size()));

}  // namespace

WindowGrid::WindowGrid(const Channel& channel) : step_s_(std::max(6.0, channel.interval_s)) {
  const std::chrono::milliseconds step(std::llround(step_s_ * 1000));
  const std::chrono::milliseconds hold(std::llround(std::max(channel.hold_s, step_s_) * 1000));
  constexpr std::chrono::hours longest_gap(1);
  const auto& times = *channel.times;
  points_.assign(channel.rows(), no_point);
  measurement::Timestamp next{};  // Time of the next point.
  std::size_t segment = 0;
  for (std::size_t row = 0; row < channel.rows(); ++row) {
    if (row == 0 || times[row] - times[row - 1] > longest_gap) {
      next = times[row];
      ++segment;
    }
    // Points between the last row and this one hold what the last one said.
    for (; next < times[row]; next += step) {
      power_.push_back(next - times[row - 1] <= hold ? channel.active_power_w[row - 1] : missing);
      segments_.push_back(segment);
    }
    if (next == times[row]) {
      power_.push_back(channel.active_power_w[row]);
      segments_.push_back(segment);
      next += step;
    }
    if (!std::isnan(channel.active_power_w[row])) points_[row] = power_.size() - 1;
  }
  for (std::size_t i = 0; i < windows_.size(); ++i) {
    windows_[i].points = std::max<std::size_t>(1, steps(windows_s[i]));
    look_back(windows_[i]);
  }
}

std::size_t WindowGrid::steps(double seconds) const {
  return static_cast<std::size_t>(std::llround(seconds / step_s_));
}

std::optional<std::size_t> WindowGrid::point(std::size_t row) const {
  if (points_[row] == no_point) return std::nullopt;
  return points_[row];
}

void WindowGrid::look_back(Window& window) const {
  const auto n = power_.size();
  window.least.assign(n, missing);
  window.greatest.assign(n, missing);
  window.mean.assign(n, missing);
  std::deque<std::size_t> falling,
      rising;  // Points whose power no later one exceeds, or undercuts.
  double sum = 0;
  std::size_t begin = 0, count = 0;
  for (std::size_t i = 0; i < n; ++i) {
    if (!std::isnan(power_[i])) {
      while (!falling.empty() && power_[falling.back()] <= power_[i]) falling.pop_back();
      while (!rising.empty() && power_[rising.back()] >= power_[i]) rising.pop_back();
      falling.push_back(i);
      rising.push_back(i);
      sum += static_cast<double>(power_[i]);
      ++count;
    }
    for (; begin + window.points <= i || segments_[begin] != segments_[i]; ++begin) {
      if (std::isnan(power_[begin])) continue;
      sum -= static_cast<double>(power_[begin]);
      --count;
    }
    while (!falling.empty() && falling.front() < begin) falling.pop_front();
    while (!rising.empty() && rising.front() < begin) rising.pop_front();
    if (count == 0) {
      sum = 0;
      continue;
    }
    window.least[i] = power_[rising.front()];
    window.greatest[i] = power_[falling.front()];
    window.mean[i] = static_cast<float>(sum / static_cast<double>(count));
  }
}

void WindowGrid::fill(std::size_t point, std::span<float> row) const {
  const auto same = [&](std::size_t other) {
    return other < power_.size() && segments_[other] == segments_[point];
  };
  std::size_t at = 0;
  const auto one_side = [&](bool is_past) {
    for (const auto offset : offsets_s) {
      const auto d = steps(offset);
      const auto other = is_past ? (d <= point ? point - d : power_.size()) : point + d;
      row[at++] = same(other) ? power_[other] : missing;
    }
    for (const auto& window : windows_) {
      // A window that begins behind the point ends here.
      const auto end = is_past ? point : point + window.points;
      row[at++] = same(end) ? window.least[end] : missing;
      row[at++] = same(end) ? window.greatest[end] : missing;
      row[at++] = same(end) ? window.mean[end] : missing;
    }
  };
  row[at++] = power_[point];
  one_side(true);
  if (row.size() > past_inputs) one_side(false);
}

}  // namespace lenz::evaluation
