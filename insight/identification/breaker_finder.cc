#include "insight/identification/breaker_finder.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <span>

namespace insight {

using measurement::Timestamp;
using namespace std::chrono_literals;

namespace {

constexpr std::size_t kept = 400;     // Readings of a circuit: two minutes at 3 Hz.
constexpr auto longest_gap = 2500ms;  // Between readings; slower ones cannot show a hand.
constexpr auto longest_pattern = 30s;
constexpr std::size_t transitions = 6;  // Three times on and off.
constexpr std::size_t most_steps = 96;  // Looked at at once, 30 s at 3 Hz.
constexpr float least_step_w = 10, greatest_step_w = 500, step_ratio = 1.08f;
constexpr float least_noise_w = 1.5f,
                noise_share = 0.04f;  // Of a step's size: hands and filaments.
// A step counts no more than as 3 times the noise, so that other loads that switch meanwhile cost
// little: 4.5 is half of 3 squared.
constexpr float most_cost = 4.5f;
constexpr float greatest_gain = most_cost * static_cast<float>(transitions);
constexpr float split_cost = 0.5f;  // A step that a reading has cut in two is a little less likely.
constexpr float sure_gain = 0.75f * greatest_gain;
constexpr float sure_ahead = 0.3f * greatest_gain;  // Of the next circuit, and of its own past.
constexpr auto fastest = 600ms, slowest = 5000ms;   // Between two of a hand's transitions.
constexpr float least_sure_step_w = 30;             // Drums and fans make smaller ones in turn.
constexpr auto own_past = 100s;
constexpr std::ptrdiff_t most_alike = 1;  // Steps of the lamp's size in a circuit's own past...
constexpr float doubt = 0.5f;             // ...and what its pattern is worth beyond that.
constexpr float clear_of_noise = 6;       // Else equal steps could not be told from others.
constexpr float some_gain = 0.5f * greatest_gain;

struct Pattern {
  float gain = 0;  // Of all six steps.
  float step_w = 0;
  float promise = 0;  // The gain if it goes on as three steps or more did, where it still may.
};

float cost(float residual, float noise) {
  const float ratio = residual / noise;
  return std::min(ratio * ratio / 2, most_cost);
}

// `share` of the values, which are not empty, are not greater.
float quantile(std::vector<float>& values, float share) {
  const auto rank = static_cast<std::ptrdiff_t>(share * static_cast<float>(values.size() - 1));
  std::ranges::nth_element(values, values.begin() + rank);
  return values[static_cast<std::size_t>(rank)];
}

// A change from one reading to the next.
struct Step {
  Timestamp time{};  // Of the second.
  float watts = 0;
};

// What six steps of +-step_w, in turn and at a hand's pace, explain better than none would.
Pattern pattern_of(std::span<const Step> steps, float step_w, float noise) {
  // Of the best that has its latest transition at each step; `before`: of one transition less.
  std::array<float, most_steps> gains{}, before{};
  constexpr float impossible = -1e9f;
  Pattern found{.step_w = step_w};
  for (std::size_t k = 0; k < transitions; ++k) {
    const float wanted = k % 2 == 0 ? step_w : -step_w;
    before = gains;
    float best = impossible;
    for (std::size_t i = 0; i < steps.size(); ++i) {
      const float watts = steps[i].watts;
      float own = cost(watts, noise) - cost(watts - wanted, noise);
      // A reading in the middle of it has cut the step in two.
      if (i > 0 && steps[i - 1].watts * wanted > 0 && watts * wanted > 0) {
        const float last = steps[i - 1].watts;
        own = std::max(own, cost(watts, noise) + cost(last, noise) -
                                cost(last + watts - wanted, noise) - split_cost);
      }
      float earlier = k == 0 ? 0 : impossible;
      for (std::size_t j = i; k > 0 && j-- > 0;) {
        const auto pause = steps[i].time - steps[j].time;
        if (pause > slowest) break;
        if (pause >= fastest) earlier = std::max(earlier, before[j]);
      }
      gains[i] = earlier + own;
      best = std::max(best, gains[i]);
      const bool may_go_on = steps.back().time - steps[i].time <= slowest;
      if (k >= 2 && may_go_on) {
        found.promise = std::max(
            found.promise, gains[i] * static_cast<float>(transitions) / static_cast<float>(k + 1));
      }
    }
    found.gain = best;
  }
  found.promise = std::max(found.promise, found.gain);
  return found;
}

Pattern best_pattern(std::span<const Step> steps, float noise_w) {
  Pattern best;
  for (float step_w = least_step_w; step_w < greatest_step_w; step_w *= step_ratio) {
    const float noise = std::max({noise_w, least_noise_w, noise_share * step_w});
    const auto pattern = pattern_of(steps, step_w, noise);
    const float promise = std::max(best.promise, pattern.promise);
    if (pattern.gain > best.gain) best = pattern;
    best.promise = promise;
  }
  return best;
}

// Whether a circuit makes steps of about this size by itself: a drum that turns to and fro cannot
// be told from a hand.
bool makes_such_steps(std::span<const Step> past, float step_w) {
  const auto alike = std::ranges::count_if(past, [&](const Step& step) {
    const float size = std::abs(step.watts);
    return size > 0.6f * step_w && size < 1.6f * step_w;
  });
  return alike > most_alike;
}

}  // namespace

struct BreakerScores {
  // Steps of the readings within [begin, end); none across a gap.
  static std::vector<Step> steps(const std::deque<BreakerFinder::Point>& points, Timestamp begin,
                                 Timestamp end) {
    std::vector<Step> found;
    for (std::size_t i = 1; i < points.size(); ++i) {
      if (points[i - 1].time < begin || points[i].time >= end) continue;
      if (points[i].time - points[i - 1].time > longest_gap) continue;
      if (std::isnan(points[i].watts) || std::isnan(points[i - 1].watts)) continue;
      found.push_back({points[i].time, points[i].watts - points[i - 1].watts});
    }
    if (found.size() > most_steps) {
      found.erase(found.begin(), found.end() - static_cast<std::ptrdiff_t>(most_steps));
    }
    return found;
  }

  // As a standard deviation: that of the middle of the steps, or of those that many are as great
  // as, such as a drum's that turns to and fro.
  static float noise(const std::vector<Step>& steps) {
    if (steps.empty()) return 0;
    std::vector<float> sizes;
    for (const auto& step : steps) sizes.push_back(std::abs(step.watts));
    return std::max(quantile(sizes, 0.5f) / 0.6745f, quantile(sizes, 0.85f) / 1.4395f);
  }
};

void BreakerFinder::take(std::size_t circuit, const Reading& reading) {
  auto& points = circuits_.at(circuit);
  if (!points.empty() && reading.time <= points.back().time) return;
  points.push_back({reading.time, reading.active_power.value});
  if (points.size() > kept) points.pop_front();
}

void BreakerFinder::begin(Timestamp time) { begin_ = time; }

std::optional<BreakerFinder::Finding> BreakerFinder::finding() const {
  Timestamp end{};
  for (const auto& points : circuits_) {
    if (!points.empty()) end = std::max(end, points.back().time + 1ms);
  }
  const auto begin = std::max(begin_, end - longest_pattern);
  const auto length = end - begin;
  if (end <= begin_) return std::nullopt;

  Pattern best;
  float next = 0;
  std::size_t found = 0;
  for (std::size_t c = 0; c < circuits_.size(); ++c) {
    const auto past = BreakerScores::steps(circuits_[c], Timestamp{}, begin_);
    const auto noise_w = BreakerScores::noise(past);
    auto pattern = best_pattern(BreakerScores::steps(circuits_[c], begin, end), noise_w);
    if (makes_such_steps(past, pattern.step_w)) {
      pattern.gain *= doubt;
      pattern.promise *= doubt;
    }
    if (pattern.gain > best.gain) {
      next = std::max(next, best.promise);
      best = pattern;
      found = c;
    } else {
      next = std::max(next, pattern.promise);
    }
  }
  if (best.gain < some_gain) return std::nullopt;

  // How well any pattern fits where nobody has switched a lamp.
  const auto noise_w =
      BreakerScores::noise(BreakerScores::steps(circuits_[found], Timestamp{}, begin_));
  float past = 0;
  for (auto until = begin_; until > begin_ - own_past; until -= length / 2 + 1ms) {
    const auto steps = BreakerScores::steps(circuits_[found], until - length, until);
    past = std::max(past, best_pattern(steps, noise_w).gain);
  }
  const bool is_sure = best.gain >= sure_gain && best.step_w >= least_sure_step_w &&
                       best.step_w >= clear_of_noise * noise_w && best.gain - next >= sure_ahead &&
                       best.gain - past >= sure_ahead;
  return Finding{found, {best.step_w}, is_sure};
}

}  // namespace insight
