// How right the stated ± is after a branch has taken its gain over from the mains: simulated homes
// whose clamps, adapters and loads are drawn, all errors labelled.

#include <fmt/format.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <numbers>
#include <random>
#include <vector>

#include "insight/calibration/branch_sum.h"
#include "insight/calibration/switched_load.h"

namespace insight {
namespace {

constexpr double volts = 230;
constexpr double radians = std::numbers::pi / 180;

struct Chance {
  std::mt19937_64 random;
  double between(double low, double high) {
    return low + (high - low) * static_cast<double>(random() >> 11) * 0x1p-53;
  }
  double limit(double to) { return between(-to, to); }
  double normal() {
    double sum = -6;
    for (int i = 0; i < 12; ++i) sum += between(0, 1);
    return sum;
  }
  bool one_in(double share) { return between(0, 1) < share; }
};

// A clamp of class 1 and what is wrong with it, beside what is stated.
struct DrawnClamp {
  Accuracy stated;
  double gain = 0;                           // Share of the power.
  double lead_degrees = 0;                   // Of current before voltage, the adapter's in it.
  double ratio_growth = 0, lead_growth = 0;  // Of the core, as class 1 lets it grow with less.
  double chip = 0;

  double shown_w(double watts, double vars, double amperes) const {
    const double grown = class_growth(amperes / stated.rated_a) - class_growth(1);
    const double lead = (lead_degrees + lead_growth * grown) * radians;
    return (1 + gain + chip + 0.01 * ratio_growth * grown) *
           (watts * std::cos(lead) - vars * std::sin(lead));
  }
};

DrawnClamp draw_clamp(Chance& chance, double adapter_gain, double adapter_degrees, double rated_a) {
  DrawnClamp clamp{.stated = uncalibrated(1, rated_a)};
  clamp.gain = chance.limit(clamp.stated.gain_limit / 100) + adapter_gain;
  clamp.lead_degrees = chance.limit(clamp.stated.phase_limit) + adapter_degrees;
  clamp.ratio_growth = chance.limit(1);
  clamp.lead_growth = chance.limit(1);
  clamp.chip = chance.limit(0.001);
  return clamp;
}

enum class Mains { by_light, by_wattmeter };

// Mains that are set, and branches that nobody has calibrated.
struct DrawnHome {
  DrawnClamp mains;
  std::vector<DrawnClamp> branches;
};
DrawnHome draw_home(Chance& chance, std::size_t size, Mains set) {
  const double adapter_gain = chance.limit(0.03), adapter_degrees = chance.limit(4);
  DrawnHome home{.mains = draw_clamp(chance, adapter_gain, adapter_degrees, 100)};
  for (std::size_t b = 0; b < size; ++b) {
    home.branches.push_back(draw_clamp(chance, adapter_gain, adapter_degrees, 20));
  }
  auto& mains = home.mains;
  const bool is_by_light = set == Mains::by_light;
  const double amperes = is_by_light ? 15 : 40;
  const double of_reference = is_by_light ? 1 : 0.2;
  mains.stated.gain_limit = of_reference;
  mains.stated.second_gain_limit = 0;
  mains.stated.loads = {{.amperes = amperes}};
  if (!is_by_light) {
    mains.stated.phase_limit = 0.05;
    mains.stated.second_phase_limit = 0;
    mains.lead_degrees =
        -mains.lead_growth * (class_growth(amperes / 100) - class_growth(1)) + chance.limit(0.05);
  }
  // It shows a heater of that current as the reference does.
  mains.gain = 0;
  const double shown = mains.shown_w(amperes * volts, 0, amperes) / (amperes * volts);
  mains.gain = chance.limit(of_reference / 100) + 1 - shown;
  return home;
}

// What a clamp is off by, in percent, and whether the ± that is stated holds it.
struct Counted {
  int all = 0, contained = 0;
  std::vector<double> before, after, stated;

  void count(const DrawnClamp& clamp, const TakenGain& taken, double amperes, double factor) {
    const double watts = amperes * volts * factor;
    const double vars = amperes * volts * std::sqrt(1 - factor * factor);
    const double shown = clamp.shown_w(watts, vars, amperes) / watts;
    const double off = 100 * (shown * taken.factor - 1);
    const double plus_minus =
        plus_minus_percent(by_mains(clamp.stated, taken, 1), volts, amperes, factor);
    ++all;
    if (std::abs(off) <= plus_minus) ++contained;
    before.push_back(100 * std::abs(shown - 1));
    after.push_back(std::abs(off));
    stated.push_back(plus_minus);
  }
  double percent() const { return 100.0 * contained / all; }
  static double share(std::vector<double> values, double at) {
    std::ranges::sort(values);
    return values[static_cast<std::size_t>(at * static_cast<double>(values.size() - 1))];
  }
  void print(const char* name) const {
    fmt::print(
        "{}: n {}, off by {:.2f}, {:.2f} % before and {:.2f}, {:.2f} % after (half, 95 of 100), "
        "stated +-{:.2f} %, contained {:.1f} %\n",
        name, all, share(before, 0.5), share(before, 0.95), share(after, 0.5), share(after, 0.95),
        share(stated, 0.5), percent());
  }
};

double mains_percent(const DrawnHome& home, double amperes, double carried) {
  return std::max(plus_minus_percent(home.mains.stated, volts, amperes, 1),
                  plus_minus_percent(home.mains.stated, volts, carried, 1));
}

// Two days of minutes in which loads switch; every other branch has motors. At the load's own power
// factor, and at 1.
void sum_of_home(Chance& chance, Mains set, Counted& own, Counted& resistive, int& unmeasured,
                 std::vector<double>& wide) {
  constexpr std::size_t size = 6, minutes = 2880;
  const auto home = draw_home(chance, size, set);
  std::vector<double> load(size), factor(size);
  for (std::size_t b = 0; b < size; ++b) {
    load[b] = chance.between(150, 3000);
    factor[b] = b % 2 == 0 ? 1 : chance.between(0.6, 0.95);
  }
  std::vector<double> mains(minutes);
  std::vector<std::vector<double>> branches(size, std::vector<double>(minutes));
  std::vector<bool> runs(size);
  bool lamp = false, fridge = false;
  double no_clamp = 0, carried = 0;
  std::vector<double> watts_of(size), vars_of(size);
  for (std::size_t t = 0; t < minutes; ++t) {
    if (chance.one_in(0.02)) lamp = !lamp;
    if (chance.one_in(0.04)) fridge = !fridge;
    const double others = 60 + (lamp ? 90 : 0) + (fridge ? 110 : 0) + 5 * chance.normal();
    double watts = others, vars = fridge ? 120 : 0;
    no_clamp += others / minutes;
    for (std::size_t b = 0; b < size; ++b) {
      if (chance.one_in(0.03)) runs[b] = chance.one_in(0.4);
      const double own_w = runs[b] ? load[b] * (1 + 0.01 * chance.normal()) : 0;
      const double own_vars = own_w * std::sqrt(1 - factor[b] * factor[b]) / factor[b];
      branches[b][t] =
          home.branches[b].shown_w(own_w, own_vars, std::hypot(own_w, own_vars) / volts) +
          0.3 * chance.normal();
      watts += own_w;
      vars += own_vars;
      watts_of[b] += std::abs(own_w);
      vars_of[b] += std::abs(own_vars);
    }
    mains[t] =
        home.mains.shown_w(watts, vars, std::hypot(watts, vars) / volts) + 3 * chance.normal();
    carried += watts / volts / minutes;
  }
  std::vector<double> priors;
  std::vector<TakenGain> taken(size);
  for (std::size_t b = 0; b < size; ++b) {
    taken[b].amperes = load[b] / volts;
    taken[b].mains_percent = mains_percent(home, taken[b].amperes, carried);
    const double vars_per_watt = watts_of[b] > 0 ? vars_of[b] / watts_of[b] : 0;
    taken[b].phase_percent =
        phase_percent(home.branches[b].stated, home.mains.stated, true, vars_per_watt);
    const double before = plus_minus_percent(home.branches[b].stated, volts, taken[b].amperes, 1);
    priors.push_back(std::hypot(before, taken[b].mains_percent, taken[b].phase_percent) / 1.96);
  }
  const auto fit = fit_branches(mains, branches, priors);
  ASSERT_TRUE(fit) << fit.error();
  for (std::size_t b = 0; b < size; ++b) {
    taken[b].factor = fit->branches[b].factor;
    taken[b].gain_deviation = 100 * fit->branches[b].plus_minus / 1.96;
    const auto after = by_mains(home.branches[b].stated, taken[b], 1);
    // What would not become surer is not set.
    if (plus_minus_percent(after, volts, taken[b].amperes, 1) >=
        plus_minus_percent(home.branches[b].stated, volts, taken[b].amperes, 1)) {
      continue;
    }
    own.count(home.branches[b], taken[b], load[b] / volts / factor[b], factor[b]);
    resistive.count(home.branches[b], taken[b], load[b] / volts, 1);
  }
  const double plus_minus = unmeasured_plus_minus(*fit, home.mains.stated, carried * volts, volts);
  if (std::abs(fit->unmeasured_w - no_clamp) <= plus_minus) ++unmeasured;
  wide.push_back(plus_minus);
}

// A heater of 1 to 3 kW, ten steps, beside a fridge and what else a home does meanwhile.
void switched_in_home(Chance& chance, Mains set, Counted& counted) {
  const auto home = draw_home(chance, 1, set);
  const auto& branch = home.branches[0];
  const double load = chance.between(1000, 3000), base = chance.between(100, 1500);
  std::vector<SwitchedMoment> moments;
  double others = base;
  for (int second = 0; second < 150; ++second) {
    if (chance.one_in(0.01)) others = base + (chance.one_in(0.5) ? 120 : 0);
    const bool is_on = second / 14 % 2 == 1;
    const double own = is_on ? load * (1 + 0.001 * chance.normal()) : 0;
    const double watts = own + others;
    const double vars = 0.2 * others;
    moments.push_back(
        {.time_s = 1.0 * second,
         .branch_w = branch.shown_w(own, 0, own / volts) + 0.5 * chance.normal(),
         .mains_clamps_w = {home.mains.shown_w(watts, vars, watts / volts) + 3 * chance.normal()}});
  }
  const auto steps = steps_in(moments);
  const auto gain = branch_gain(steps);
  if (!gain) return;  // It is said, and done again.
  const double amperes = load / volts;
  const TakenGain taken{.factor = gain->factor,
                        .mains_percent = mains_percent(home, amperes, base / volts),
                        .gain_deviation = gain->gain_deviation,
                        .amperes = amperes};
  counted.count(branch, taken, amperes, 1);
}

TEST(ClosedPanel, TheStatedPlusMinusHoldsAfterALoadThatWasSwitched) {
  for (const auto& [set, name] :
       {std::pair{Mains::by_light, "switched, mains by the light"},
        std::pair{Mains::by_wattmeter, "switched, mains by a wattmeter"}}) {
    Chance chance{std::mt19937_64(5001)};
    Counted counted;
    for (int home = 0; home < 1000; ++home) switched_in_home(chance, set, counted);
    counted.print(name);
    EXPECT_GE(counted.all, 900);
    EXPECT_GE(counted.percent(), 95);
    EXPECT_LT(Counted::share(counted.after, 0.95), 0.5 * Counted::share(counted.before, 0.95));
  }
}

TEST(ClosedPanel, TheStatedPlusMinusHoldsAfterTheSumOfTheBranches) {
  for (const auto& [set, name] : {std::pair{Mains::by_light, "by the light"},
                                  std::pair{Mains::by_wattmeter, "by a wattmeter"}}) {
    Chance chance{std::mt19937_64(6001)};
    Counted own, resistive;
    int unmeasured = 0;
    std::vector<double> wide;
    constexpr int homes = 150;
    for (int home = 0; home < homes; ++home) {
      sum_of_home(chance, set, own, resistive, unmeasured, wide);
    }
    own.print(fmt::format("sum, mains {}, own loads", name).c_str());
    resistive.print(fmt::format("sum, mains {}, heaters", name).c_str());
    fmt::print("what no clamp has: contained in {} of {}, stated +-{:.0f} W\n", unmeasured, homes,
               Counted::share(wide, 0.5));
    EXPECT_GE(unmeasured, 0.95 * homes);
    EXPECT_GE(own.percent(), 95);
    EXPECT_GE(resistive.percent(), 95);
    EXPECT_LT(Counted::share(own.after, 0.95), Counted::share(own.before, 0.95));
  }
}

}  // namespace
}  // namespace insight
