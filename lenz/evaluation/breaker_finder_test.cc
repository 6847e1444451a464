// The breaker finder on recorded appliances: a lamp of 60 W is added to one of 14 busy circuits.

#include "insight/identification/breaker_finder.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <cstdlib>
#include <map>
#include <random>
#include <span>

#include "lenz/evaluation/data_set.h"

namespace lenz::evaluation {
namespace {

using measurement::Timestamp;
using namespace std::chrono_literals;

constexpr std::size_t circuits = 14;
constexpr int before_s = 100, tried_s = 22, window_s = before_s + tried_s;
constexpr float busy_w = 5;

using Seconds = std::vector<float>;  // NaN where nothing was measured.

Seconds by_second(const TraceSamples& samples, double hold_s) {
  Seconds watts;
  std::size_t at = 0;
  for (auto time = samples.times.front(); time < samples.times.back() && watts.size() < 90'000;
       time += 1s) {
    while (samples.times[at + 1] <= time) ++at;
    const std::chrono::duration<double> age = time - samples.times[at];
    watts.push_back(age.count() <= hold_s ? samples.active_power_w[at] : std::nanf(""));
  }
  return watts;
}

// Two days of each device that was read every second; washing machines as well.
std::vector<Seconds> recorded() {
  std::vector<Seconds> all;
  std::map<std::string, int> of_device;
  const DataSet data(std::getenv("LENZ_DATA"));
  for (const auto& trace : data.traces()) {
    if (trace.interval_s > 1.5 || of_device[trace.device] == 2) continue;
    auto watts = by_second(data.samples(trace), trace.hold_s);
    if (watts.size() < 2 * window_s) continue;
    ++of_device[trace.device];
    all.push_back(std::move(watts));
  }
  return all;
}

TEST(BreakerFinder, OnRecordedCircuitsAWrongOneIsHardlyEverShownAsSure) {
  if (!std::getenv("LENZ_DATA")) GTEST_SKIP() << "LENZ_DATA names no recordings.";
  const auto all = recorded();
  std::mt19937 random(11);
  const auto below = [&](std::size_t n) { return random() % n; };
  std::uniform_real_distribution<double> pause(1.4, 2.6);
  std::normal_distribution<float> noise(0, 0.7f);
  constexpr int tries = 60;
  int right = 0, wrong = 0;
  for (int i = 0; i < tries; ++i) {
    std::vector<std::span<const float>> views;
    while (views.size() < circuits) {
      const auto& one = all[below(all.size())];
      const auto view = std::span(one).subspan(below(one.size() - window_s), window_s);
      const bool is_whole = std::ranges::none_of(view, [](float w) { return std::isnan(w); });
      if (is_whole && std::ranges::max(view) >= busy_w) views.push_back(view);
    }
    const auto with_lamp = below(circuits);
    std::vector<double> edges{before_s + pause(random)};
    while (edges.size() < 6) edges.push_back(edges.back() + pause(random));

    insight::BreakerFinder finder(circuits);
    std::optional<insight::BreakerFinder::Finding> found;
    for (int s = 0; s < window_s && !(found && found->is_sure); ++s) {
      const Timestamp time{std::chrono::milliseconds(1000 * s)};
      if (s == before_s) finder.begin(time);
      const auto switched = std::ranges::count_if(edges, [&](double edge) { return edge <= s; });
      for (std::size_t c = 0; c < circuits; ++c) {
        const float lamp = c == with_lamp && switched % 2 == 1 ? 60 : 0;
        const float watts = views[c][static_cast<std::size_t>(s)] + noise(random) + lamp;
        finder.take(c, {.time = time, .active_power = {watts}});
      }
      found = finder.finding();
    }
    const bool is_sure = found && found->is_sure;
    right += is_sure && found->circuit == with_lamp;
    wrong += is_sure && found->circuit != with_lamp;
  }
  RecordProperty("sure_and_right", right);
  RecordProperty("sure_and_wrong", wrong);
  EXPECT_LE(wrong, 1);
  EXPECT_GE(right, tries * 7 / 10);
}

}  // namespace
}  // namespace lenz::evaluation
