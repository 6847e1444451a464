#include "insight/identification/breaker_finder.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <limits>
#include <span>

namespace insight {

using measurement::Timestamp;
using namespace std::chrono_literals;

namespace {

constexpr std::size_t kept = 600;     // Readings of a circuit: three minutes at 3 Hz.
constexpr auto longest_gap = 2500ms;  // Between readings; slower ones cannot show a hand.
constexpr auto longest_pattern = 30s;
constexpr auto next_try_within = 2min;
constexpr std::size_t transitions = 6;  // Three times on and off.
constexpr std::size_t most_steps = 96;  // Looked at at once, 30 s at 3 Hz.
constexpr float least_step_w = 10, step_ratio = 1.08f;
constexpr float least_noise_w = 1.5f,
                noise_share = 0.04f;  // Of a step's size: hands and filaments.
// A step counts no more than as 3 times the noise, so that other loads that switch meanwhile cost
// little: 4.5 is half of 3 squared.
constexpr float most_cost = 4.5f;
constexpr float greatest_gain = most_cost * static_cast<float>(transitions);
constexpr float split_cost = 0.5f;  // A step that a reading has cut in two is a little less likely.
constexpr float sure_gain = 0.8f * greatest_gain;
constexpr float sure_ahead = 0.38f * greatest_gain;  // Of the next circuit, and of its own past.
constexpr float more_a_try = 0.5f;  // So much more must all tries together explain, for each.
constexpr auto fastest = 600ms, slowest = 5000ms;  // Between two of a hand's transitions.
constexpr float least_sure_step_w = 45;            // Drums and fans make smaller ones in turn.
constexpr auto own_past = 100s;
constexpr std::ptrdiff_t most_alike = 1;  // Steps of the lamp's size in a circuit's own past...
// ...and those of a quarter of it or more during a try, where some are cut in two...
constexpr std::ptrdiff_t most_now = 11;
constexpr float doubt = 0.5f;        // ...and what its pattern is worth beyond that.
constexpr float usual_lamp_w = 100;  // Greater ones are rarer than motors and heaters...
constexpr float rarity = 4;          // ...by this gain where e times as great.
constexpr float clear_of_noise = 6;  // Else equal steps could not be told from others.
constexpr float some_gain = 0.5f * greatest_gain;

struct Pattern {
  float gain = 0;     // Of all six steps.
  float promise = 0;  // The gain if it goes on as three steps or more did, where it still may.
};

float size_of(std::size_t place) {
  return least_step_w * std::pow(step_ratio, static_cast<float>(place));
}

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
  Pattern found;
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

// A drum that turns to and fro by itself cannot be told from a hand.
std::ptrdiff_t steps_between(float least_w, float greatest_w, std::span<const Step> steps) {
  return std::ranges::count_if(steps, [&](const Step& step) {
    const float size = std::abs(step.watts);
    return size > least_w && size < greatest_w;
  });
}

}  // namespace

struct BreakerScores {
  using Gains = BreakerFinder::Gains;
  struct Both {
    Gains gains{}, promises{};
  };

  // Of each size.
  static Both patterns(std::span<const Step> steps, float noise_w) {
    Both both;
    for (std::size_t i = 0; i < both.gains.size() && !steps.empty(); ++i) {
      const float step_w = size_of(i);
      const float noise = std::max({noise_w, least_noise_w, noise_share * step_w});
      const auto [gain, promise] = pattern_of(steps, step_w, noise);
      const float rare = rarity * std::log(std::max(1.0f, step_w / usual_lamp_w));
      both.gains[i] = std::max(0.0f, gain - rare);
      both.promises[i] = std::max(0.0f, promise - rare);
    }
    return both;
  }

  // Of a try; `past` is what the circuit did before the first.
  static Both of_try(const BreakerFinder::Circuit& circuit, Timestamp begin, Timestamp end,
                     std::span<const Step> past) {
    const auto all = steps(circuit.points, begin, end);
    return patterns(latest(all), noise(past));
  }

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
    return found;
  }

  // As a standard deviation: that of the middle of the steps, or of those that many are as great
  // as, such as a drum's that turns to and fro.
  static float noise(std::span<const Step> steps) {
    if (steps.empty()) return 0;
    std::vector<float> sizes;
    for (const auto& step : steps) sizes.push_back(std::abs(step.watts));
    return std::max(quantile(sizes, 0.5f) / 0.6745f, quantile(sizes, 0.85f) / 1.4395f);
  }

  // The latest of them, as many as are looked at.
  static std::span<const Step> latest(std::span<const Step> steps) {
    return steps.size() > most_steps ? steps.last(most_steps) : steps;
  }
};

void BreakerFinder::take(std::size_t circuit, const Reading& reading) {
  auto& [points, voltage, earlier] = circuits_.at(circuit);
  if (!points.empty() && reading.time <= points.back().time) return;
  float watts = reading.active_power.value;
  const float volts = reading.voltage.value;
  if (volts > 0) {
    if (voltage <= 0) voltage = volts;
    watts *= voltage / volts * (voltage / volts);
  }
  points.push_back({reading.time, watts});
  if (points.size() > kept) points.pop_front();
}

void BreakerFinder::begin(Timestamp time) {
  const bool is_next_try = tries_ > 0 && begin_ <= time && time - begin_ <= next_try_within;
  if (is_next_try) {
    const auto until = std::min(time, begin_ + longest_pattern);
    for (auto& circuit : circuits_) {
      const auto past = BreakerScores::steps(circuit.points, Timestamp{}, first_begin_);
      const auto both = BreakerScores::of_try(circuit, begin_, until, BreakerScores::latest(past));
      for (std::size_t i = 0; i < sizes; ++i) circuit.earlier[i] += both.gains[i];
    }
    ++tries_;
  } else {
    for (auto& circuit : circuits_) circuit.earlier = {};
    tries_ = 1;
    first_begin_ = time;
  }
  begin_ = time;
}

std::optional<BreakerFinder::Finding> BreakerFinder::finding() const {
  Timestamp end{};
  for (const auto& circuit : circuits_) {
    if (!circuit.points.empty()) end = std::max(end, circuit.points.back().time + 1ms);
  }
  if (end <= begin_) return std::nullopt;
  const auto begin = std::max(begin_, end - longest_pattern);

  struct Best {
    float gain = 0, promise = 0;
    std::size_t size = 0;
  };
  std::vector<Best> all;
  for (const auto& circuit : circuits_) {
    const auto before = BreakerScores::steps(circuit.points, Timestamp{}, first_begin_);
    const auto past = BreakerScores::latest(before);
    const auto both = BreakerScores::of_try(circuit, begin, end, past);
    auto& own = all.emplace_back();
    for (std::size_t i = 0; i < sizes; ++i) {
      const float gain = both.gains[i] + circuit.earlier[i];
      own.promise = std::max(own.promise, both.promises[i] + circuit.earlier[i]);
      if (gain <= own.gain) continue;
      own.gain = gain;
      own.size = i;
    }
    const auto now = BreakerScores::steps(circuit.points, begin, end);
    const float own_w = size_of(own.size);
    constexpr float any_w = std::numeric_limits<float>::infinity();
    const bool turns_by_itself = steps_between(0.6f * own_w, 1.6f * own_w, past) > most_alike ||
                                 steps_between(own_w / 4, any_w, now) > most_now;
    if (turns_by_itself) {
      own.gain *= doubt;
      own.promise *= doubt;
    }
  }
  const auto best = std::ranges::max_element(all, {}, &Best::gain);
  if (best == all.end() || best->gain < some_gain) return std::nullopt;
  const auto found = static_cast<std::size_t>(best - all.begin());
  float next = 0;
  for (std::size_t c = 0; c < all.size(); ++c) {
    if (c != found) next = std::max(next, all[c].promise);
  }

  // How well any pattern fits where nobody has switched a lamp.
  const auto length = end - begin;
  const auto& points = circuits_[found].points;
  const auto before = BreakerScores::steps(points, Timestamp{}, first_begin_);
  const float noise_w = BreakerScores::noise(BreakerScores::latest(before));
  float past = 0;
  for (auto until = first_begin_; until > first_begin_ - own_past; until -= length / 2 + 1ms) {
    const auto steps = BreakerScores::steps(points, until - length, until);
    const auto both = BreakerScores::patterns(BreakerScores::latest(steps), noise_w);
    past = std::max(past, std::ranges::max(both.gains));
  }
  const auto tries = static_cast<float>(tries_);
  const float more = 1 + more_a_try * (tries - 1);
  const float step_w = size_of(best->size);
  const bool is_sure = best->gain >= sure_gain * more && step_w >= least_sure_step_w &&
                       step_w >= clear_of_noise * noise_w &&
                       best->gain - next >= sure_ahead * more &&
                       best->gain - tries * past >= sure_ahead * more;
  return Finding{found, {step_w}, is_sure};
}

}  // namespace insight
