#include "insight/wiring/examination.h"

#include <fmt/format.h>

#include <algorithm>
#include <cassert>
#include <cmath>
#include <numbers>
#include <set>
#include <utility>

#include "insight/wiring/shares.h"
#include "insight/wiring/wiring_words.h"

namespace insight::wiring {
namespace {

using Complex = std::complex<double>;
using measurement::channels_per_chip;
using measurement::Quantity;

constexpr double degree = std::numbers::pi / 180;
constexpr float unmeasured = std::numeric_limits<float>::quiet_NaN();

constexpr float no_volts = 2;  // Below it no adapter is connected.
constexpr float register_amperes = 65.535F;
constexpr float level_va = 25;  // Below it an angle is that of offsets.
constexpr std::size_t least_levels = 15;

// Of shares: what counts as followed, and as not.
constexpr double least_share = 0.12, sure_errors = 4;
constexpr std::size_t least_times = 3;
constexpr double few_times_share = 0.15, few_times_turn = 6 * degree;
constexpr double no_share = 0.18;
// Channels whose steps are the same to within what clamps differ by.
constexpr double same_steps = 0.85, similar_size = 0.2, same_levels = 0.985, same_size = 0.06;
constexpr double least_odds = 3;  // Of logarithms of likelihoods.
// Sizes of shares that are one.
constexpr double agreeing_sizes = 0.045;
// Another type of clamp.
constexpr double least_factor = 0.09, factor_error = 0.03, type_tolerance = 0.05;

struct ClampType {
  std::string_view name;
  double gain;
  double greatest;  // Amperes that keep the pin below 720 mV.
};
// The vendor's gains of current at PGA 1 and a burden of 22 ohm.
constexpr std::array clamp_types = {
    ClampType{"SCT-006", 11143, 26},     ClampType{"SCT-013-030", 8650, 21},
    ClampType{"SCT-013-050", 15420, 36}, ClampType{"SCT-013-000", 27518, 65},
    ClampType{"SCT-010", 41660, 98},     ClampType{"SCT-016", 41787, 98},
    ClampType{"SCT-024", 55036, 131},
};
constexpr double clips_at = 1.2 / 0.72;  // Peak amperes over those: where the converter ends.

double turned(double radians) { return std::remainder(radians, 2 * std::numbers::pi); }

// How likely a load's angle is: resistors mostly, small power supplies before, motors behind.
double load_likelihood(double radians) {
  const double angle = turned(radians) / degree;
  return std::exp(-angle * angle / 450) + (angle > -47 && angle < 47 ? 0.3 : 0) +
         (angle > -60 && angle < 60 ? 0.04 : 0) + 0.02;
}

double likelihood(CircuitKind kind, double radians) {
  switch (kind) {
    case CircuitKind::load:
    case CircuitKind::grid:
      return load_likelihood(radians);
    case CircuitKind::production:
      return load_likelihood(radians - std::numbers::pi);
    case CircuitKind::storage:
      return std::max(load_likelihood(radians), load_likelihood(radians - std::numbers::pi));
  }
  return 1;
}

// A channel of the panel and what is found about it.
struct Clamped {
  std::size_t channel = 0;
  std::size_t circuit = 0;  // Index.
  std::size_t clamp = 0;    // Index among the circuit's.
  int own_leg = 0;          // As entered; 0: one clamp for several.
  bool is_measured = true;
  bool is_limited = false;            // By the register or the converter.
  Complex level;                      // Typical complex power as it is said; 0: too little.
  std::optional<std::size_t> like{};  // Another one with the same steps.
  bool changes = false;
  std::vector<Share> shares{};  // In each leg of its feeder; empty: none.
  std::vector<int> follows{};   // Legs.
  bool follows_none = false;    // Surely.
  bool is_placed = false;       // All legs were asked.
  std::optional<int> turn{};    // Class of rotation of what is said against what is.
  double odds = 0;
  bool is_explained = false;  // By a finding.
};

// What is small and rare may be missed in the mains by chance.
bool is_loud(const Clamped& one) { return one.shares[0].times > 1 || std::abs(one.level) > 300; }

bool is_gain_of_a_type(double gain) {
  return std::ranges::any_of(
      clamp_types, [&](const ClampType& type) { return std::abs(gain / type.gain - 1) < 0.025; });
}

// The size that most of some shares of one feeder have: how much the feeder's own clamp says of
// what flows. Absent where no two agree.
std::optional<double> common_size(const std::vector<double>& sizes) {
  double common = 1;
  std::size_t most = 0;
  for (const double candidate : sizes) {
    double sum = 0;
    std::size_t agree = 0;
    for (const double size : sizes) {
      if (std::abs(std::log(size / candidate)) >= agreeing_sizes) continue;
      sum += std::log(size);
      ++agree;
    }
    const double mean = std::exp(sum / static_cast<double>(std::max<std::size_t>(1, agree)));
    if (agree < most || (agree == most && std::abs(std::log(mean)) > std::abs(std::log(common)))) {
      continue;
    }
    most = agree;
    common = mean;
  }
  if (most < 2) return std::nullopt;
  return common;
}

// The legs in which what a channel changes is found again; `scales`: what each leg's clamp says of
// what flows. Of few changes another load may have made one at the same time: then the share must
// be that of a clamp as it should be.
std::vector<int> followed(const std::vector<Share>& shares, const std::vector<double>& scales,
                          double gain, double turn) {
  double most = 0;
  for (std::size_t leg = 0; leg < shares.size(); ++leg) {
    const double size = std::abs(shares[leg].value);
    if (size > sure_errors * shares[leg].error) most = std::max(most, size / scales[leg]);
  }
  std::vector<int> legs;
  if (most < least_share) return legs;
  for (std::size_t leg = 0; leg < shares.size(); ++leg) {
    const auto& share = shares[leg];
    const double size = std::abs(share.value) / scales[leg], error = share.error / scales[leg];
    if (size < 0.25 * most) continue;
    if (size < sure_errors * error || size < 0.6 * most) return {};
    const bool is_proven = share.times >= least_times || (share.times > 1 && error < 0.02 * size);
    const bool is_of_a_type =
        error < 0.01 * size && is_gain_of_a_type(gain * size) &&
        std::abs(std::remainder(std::arg(share.value), turn)) < few_times_turn;
    if (!is_proven && !is_of_a_type && std::abs(size - 1) > few_times_share) return {};
    legs.push_back(static_cast<int>(leg) + 1);
  }
  return legs;
}

class Examination {
 public:
  Examination(const Panel& panel, const Recorder& recorder) : panel_(panel), recorder_(recorder) {}

  Report report();

 private:
  struct Feeder {
    std::size_t circuit = 0;
    std::vector<std::size_t> legs{};          // Index of its clamp in all_, by leg - 1; or none.
    std::vector<std::optional<int>> turns{};  // Of them.
    std::vector<double> odds{};
    std::vector<double> scales{};  // What each clamp says of what flows.
    bool has_silent_leg = false;   // Where nothing flows that would tell a circuit's leg.
  };
  static constexpr std::size_t none = static_cast<std::size_t>(-1);

  const Circuit& circuit_of(const Clamped& one) const { return panel_.circuits[one.circuit]; }
  const Clamp& clamp_of(const Clamped& one) const { return circuit_of(one).clamps[one.clamp]; }
  int classes() const { return panel_.phases == 3 ? 6 : 2; }
  double class_angle(int turn) const { return 2 * std::numbers::pi * turn / classes(); }
  int class_of(double radians) const;
  // Of a voltage against the first leg's.
  double leg_angle(int leg) const {
    return -2 * std::numbers::pi * (leg - 1) / std::max(1, panel_.phases);
  }
  bool is_reversed(const Clamped&) const;
  std::size_t find(std::size_t channel) const;

  void look_at_chips();
  void collect();
  void look_at_limits();
  void follow(Feeder&);
  void turn(Feeder&);
  std::optional<std::array<std::size_t, 2>> exchanged_with_mains(const Feeder&);
  Panel exchanged(std::array<std::size_t, 2> channels) const;
  Report report_exchanged(std::array<std::size_t, 2> channels) const;
  double badness() const;
  bool is_overdrawn(const Feeder&, std::size_t leg) const;
  double greatest_va(const Clamped&) const;
  void prepare();
  struct Likeness {
    double correlation = 0;  // Of two channels' complex powers, less their means.
    double size = 1;         // The second's changes over the first's.
  };
  Likeness level_likeness(std::size_t channel, std::size_t other) const;
  void find_likes();
  void judge_likes();
  void leave_likes();
  void leave_silent_legs();
  void leave_doubtful_legs();
  void judge_swaps();
  void judge_legs();
  void judge_directions();
  void judge_voltages();
  void judge_sizes(const Feeder&);
  void judge_feeding();
  void judge_sum();
  std::string evidence(const Finding&) const;
  bool fits(const Clamped&, const Clamped& entry) const;
  bool is_misplaced(const Clamped& one) const { return !fits(one, one); }
  bool produces(const Clamped&) const;
  std::optional<int> chip_leg(std::size_t chip) const;
  int real_leg(const Clamped&) const;
  Finding& add(Fault, std::vector<Clamped*>, double confidence);

  const Panel panel_;
  const Recorder& recorder_;
  std::vector<Clamped> all_;
  std::vector<Feeder> feeders_;
  Report report_;
  std::optional<std::array<std::size_t, 2>> exchanged_;  // Put where they belong.
};

int Examination::class_of(double radians) const {
  const auto n = classes();
  const auto turn = static_cast<int>(std::lround(turned(radians) * n / (2 * std::numbers::pi)));
  return ((turn % n) + n) % n;
}

std::size_t Examination::find(std::size_t channel) const {
  const auto found = std::ranges::find(all_, channel, &Clamped::channel);
  return found == all_.end() ? none : static_cast<std::size_t>(found - all_.begin());
}

Finding& Examination::add(Fault fault, std::vector<Clamped*> clamps, double confidence) {
  auto& finding = report_.findings.emplace_back();
  finding.fault = fault;
  finding.confidence = static_cast<float>(confidence);
  for (auto* one : clamps) {
    finding.channels.push_back(one->channel);
    one->is_explained = true;
  }
  return finding;
}

// Chips that do not answer, and those without a voltage: what hangs on them is not judged.
void Examination::look_at_chips() {
  std::vector<float> volts(recorder_.chips(), unmeasured);
  for (std::size_t chip = 0; chip < recorder_.chips(); ++chip) {
    double sum = 0;
    std::size_t measured = 0;
    for (std::size_t at = 0; at < recorder_.size(); ++at) {
      if (!(recorder_.volts(at, chip) >= 0)) continue;
      sum += static_cast<double>(recorder_.volts(at, chip));
      ++measured;
    }
    if (measured * 20 > recorder_.size()) {
      volts[chip] = static_cast<float>(sum / static_cast<double>(measured));
    }
  }
  for (std::size_t chip = 0; chip < volts.size(); ++chip) {
    if (volts[chip] >= no_volts) continue;
    auto& finding = add(std::isnan(volts[chip]) ? Fault::dead_chip : Fault::no_voltage, {}, 0.99);
    finding.chip = chip;
    finding.factor = static_cast<double>(volts[chip]);
    for (auto& one : all_) one.is_measured &= measurement::chip_of(one.channel) != chip;
  }
}

void Examination::collect() {
  for (std::size_t i = 0; i < panel_.circuits.size(); ++i) {
    const auto& circuit = panel_.circuits[i];
    for (std::size_t c = 0; c < circuit.clamps.size(); ++c) {
      if (circuit.clamps[c].channel >= recorder_.chips() * channels_per_chip) continue;
      if (find(circuit.clamps[c].channel) != none) continue;  // Of a circuit above this one.
      auto& one = all_.emplace_back();
      one.channel = circuit.clamps[c].channel;
      one.circuit = i;
      one.clamp = c;
      if (circuit.clamps.size() == circuit.legs.size()) one.own_leg = circuit.legs[c];
      one.is_explained =
          exchanged_ && std::ranges::find(*exchanged_, one.channel) != exchanged_->end();
    }
  }
  look_at_chips();
  for (auto& one : all_) {
    Complex sum;
    double weight = 0;
    std::size_t measured = 0, loud = 0;
    for (std::size_t at = 0; at < recorder_.size(); ++at) {
      const auto& point = recorder_.point(at, one.channel);
      const Complex va(static_cast<double>(point.watts), static_cast<double>(point.vars));
      const double size = std::abs(va);
      if (!(size >= 0)) continue;
      ++measured;
      if (size < static_cast<double>(level_va)) continue;
      ++loud;
      sum += va * size;
      weight += size;
    }
    if (measured * 2 < recorder_.size()) one.is_measured = false;
    if (loud >= least_levels) one.level = sum / weight;
  }
}

// Whether the current ends before the power does.
void Examination::look_at_limits() {
  for (auto& one : all_) {
    if (!one.is_measured || one.is_explained) continue;
    const auto limit =
        register_amperes * static_cast<float>(std::max(1, clamp_of(one).hardware_multiplier));
    float most = 0;
    for (std::size_t at = 0; at < recorder_.size(); ++at) {
      const auto amperes = recorder_.point(at, one.channel).amperes;
      if (amperes > most) most = amperes;
    }
    float peak = 0;
    for (std::size_t at = 0; at < recorder_.size(); ++at) {
      peak = std::max(peak, recorder_.point(at, one.channel).peak_amperes);  // NaN stays out.
    }
    std::size_t at_limit = 0, high = 0, flat = 0, at_peak = 0;
    for (std::size_t at = 0; at < recorder_.size(); ++at) {
      const auto& point = recorder_.point(at, one.channel);
      if (point.amperes > limit - 0.01F) ++at_limit;
      if (point.peak_amperes > 0.98F * peak) ++at_peak;
      if (!(point.amperes > 0.93F * most) || !(point.peak_amperes > 0)) continue;
      ++high;
      // A sine's is 1.414; what distorts a current by itself makes it higher.
      if (point.peak_amperes < 1.37F * point.amperes) ++flat;
    }
    const double gain = clamp_of(one).current_gain;
    const bool is_at_end =
        at_peak >= 5 && std::ranges::any_of(clamp_types, [&](const ClampType& type) {
          return std::abs(gain / type.gain - 1) < 0.03 &&
                 static_cast<double>(peak) > clips_at * type.greatest &&
                 static_cast<double>(peak) < 1.03 * clips_at * type.greatest;
        });
    if (at_limit >= 3 && most < limit + 0.01F) {
      one.is_limited = true;
      add(Fault::current_limit, {&one}, 0.99).factor = static_cast<double>(limit);
    } else if (is_at_end || (most > 10 && high >= 3 && flat * 10 > high * 8)) {
      one.is_limited = true;
      add(Fault::clipped, {&one}, 0.95).factor = static_cast<double>(most);
    }
  }
}

Examination::Likeness Examination::level_likeness(std::size_t channel, std::size_t other) const {
  Complex sum_a, sum_b, product;
  double of_a = 0, of_b = 0, n = 0;
  for (std::size_t at = 0; at < recorder_.size(); ++at) {
    const auto& point = recorder_.point(at, channel);
    const auto& point_2 = recorder_.point(at, other);
    const Complex a(static_cast<double>(point.watts), static_cast<double>(point.vars));
    const Complex b(static_cast<double>(point_2.watts), static_cast<double>(point_2.vars));
    if (!(std::abs(a) >= 0) || !(std::abs(b) >= 0)) continue;
    sum_a += a;
    sum_b += b;
    product += std::conj(a) * b;
    of_a += std::norm(a);
    of_b += std::norm(b);
    ++n;
  }
  if (n == 0) return {};
  of_a -= std::norm(sum_a) / n;
  of_b -= std::norm(sum_b) / n;
  if (of_a <= 0 || of_b <= 0) return {};
  product -= std::conj(sum_a) * sum_b / n;
  return {std::abs(product) / std::sqrt(of_a * of_b), std::sqrt(of_b / of_a)};
}

void Examination::find_likes() {
  std::vector<std::size_t> channels;
  for (const auto& one : all_) {
    if (one.is_measured && circuit_of(one).kind != CircuitKind::grid)
      channels.push_back(one.channel);
  }
  const auto steps = find_steps(recorder_, channels);
  const auto n = steps.channels.size();
  for (const auto channel : steps.channels) all_[find(channel)].changes = true;
  for (std::size_t b = 1; b < n; ++b) {
    for (std::size_t a = 0; a < b; ++a) {
      Complex product;
      double of_a = 0, of_b = 0;
      for (std::size_t row = 0; row < steps.rows.size(); ++row) {
        const Complex step_a(steps.at(row, a)), step_b(steps.at(row, b));
        product += std::conj(step_a) * step_b;
        of_a += std::norm(step_a);
        of_b += std::norm(step_b);
      }
      if (std::abs(product) < same_steps * std::sqrt(of_a * of_b)) continue;
      if (std::abs(std::log(std::sqrt(of_b / of_a))) > similar_size) continue;
      const auto likeness = level_likeness(steps.channels[a], steps.channels[b]);
      if (std::abs(likeness.correlation) < same_levels) continue;
      if (std::abs(std::log(likeness.size)) > same_size) continue;
      auto& one = all_[find(steps.channels[b])];
      const auto other = find(steps.channels[a]);
      const auto& circuit = circuit_of(one);
      const auto& circuit_2 = circuit_of(all_[other]);
      if (circuit.parent == all_[other].circuit || circuit_2.parent == one.circuit) continue;
      one.like = other;
      break;
    }
  }
}

// Which legs of a feeder each of the circuits under it changes.
void Examination::follow(Feeder& feeder) {
  std::vector<std::size_t> channels;
  for (auto& one : all_) {
    if (!one.is_measured || one.circuit == feeder.circuit || one.like) continue;
    if (circuit_of(one).kind == CircuitKind::grid) continue;
    // The next circuit above it with clamps.
    auto above = circuit_of(one).parent;
    while (above && panel_.circuits[*above].clamps.empty()) above = panel_.circuits[*above].parent;
    const bool is_grid = panel_.circuits[feeder.circuit].kind == CircuitKind::grid;
    if (above ? *above == feeder.circuit : is_grid) channels.push_back(one.channel);
  }
  const auto steps = find_steps(recorder_, channels);
  for (const auto leg : feeder.legs) {
    if (leg == none) continue;
    const std::array own{all_[leg].channel};
    if (find_steps(recorder_, own).channels.empty() || all_[leg].is_limited) {
      feeder.has_silent_leg = true;
    }
  }
  for (std::size_t leg = 0; leg < feeder.legs.size(); ++leg) {
    if (feeder.legs[leg] == none) continue;
    const auto shares = shares_in(recorder_, steps, all_[feeder.legs[leg]].channel);
    for (std::size_t i = 0; i < shares.size(); ++i) {
      auto& one = all_[find(steps.channels[i])];
      one.shares.resize(feeder.legs.size(), Share{.error = 1});
      one.shares[leg] = shares[i];
    }
  }
  feeder.scales.assign(feeder.legs.size(), 1);
  for (std::size_t leg = 0; leg < feeder.legs.size(); ++leg) {
    std::vector<double> sizes;
    for (const auto channel : steps.channels) {
      const auto& one = all_[find(channel)];
      if (one.shares.empty() || one.is_limited) continue;
      const double size = std::abs(one.shares[leg].value);
      if (size > least_share && one.shares[leg].error < factor_error * size) sizes.push_back(size);
    }
    feeder.scales[leg] = common_size(sizes).value_or(1);
  }
  const bool is_whole = std::ranges::count(feeder.legs, none) == 0;
  for (const auto channel : steps.channels) {
    auto& one = all_[find(channel)];
    if (one.shares.empty()) continue;
    one.follows = followed(one.shares, feeder.scales, clamp_of(one).current_gain, class_angle(1));
    one.is_placed = is_whole && !one.follows.empty();
    one.follows_none =
        is_whole && is_loud(one) && std::ranges::all_of(one.shares, [](const Share& share) {
          return std::abs(share.value) + 2 * share.error < no_share;
        });
  }
  turn(feeder);
}

// How the feeder's clamps lie to the volts, by what flows behind them; and with them all others.
void Examination::turn(Feeder& feeder) {
  const auto n = classes();
  feeder.turns.assign(feeder.legs.size(), std::nullopt);
  feeder.odds.assign(feeder.legs.size(), 0);
  const bool has_production = std::ranges::any_of(panel_.circuits, [](const Circuit& circuit) {
    return circuit.kind == CircuitKind::production || circuit.kind == CircuitKind::storage;
  });
  for (std::size_t leg = 0; leg < feeder.legs.size(); ++leg) {
    if (feeder.legs[leg] == none) continue;
    auto& mains = all_[feeder.legs[leg]];
    std::vector<double> scores(static_cast<std::size_t>(n));
    for (int turn = 0; turn < n; ++turn) {
      auto& score = scores[static_cast<std::size_t>(turn)];
      // Another phase's volts and a clamp turned round together are rare.
      if (n == 6) score -= turn % 2 == 1 && turn != 3 ? 2.5 : turn != 0 ? 0.3 : 0;
      if (mains.level != Complex()) {
        score += std::log(likelihood(has_production ? CircuitKind::storage : CircuitKind::load,
                                     std::arg(mains.level) - class_angle(turn)));
      }
      for (const auto& one : all_) {
        if (std::ranges::find(one.follows, static_cast<int>(leg) + 1) == one.follows.end())
          continue;
        if (one.level == Complex() || one.shares.size() != feeder.legs.size()) continue;
        const double lies = class_angle(turn - class_of(std::arg(one.shares[leg].value)));
        score += std::log(likelihood(circuit_of(one).kind, std::arg(one.level) - lies));
      }
    }
    const auto best = std::ranges::max_element(scores) - scores.begin();
    double second = -1e9;
    for (int turn = 0; turn < n; ++turn) {
      if (turn != best) second = std::max(second, scores[static_cast<std::size_t>(turn)]);
    }
    feeder.odds[leg] = scores[static_cast<std::size_t>(best)] - second;
    if (feeder.odds[leg] < least_odds) continue;
    feeder.turns[leg] = static_cast<int>(best);
    mains.turn = static_cast<int>(best);
    mains.odds = feeder.odds[leg];
    mains.follows = {static_cast<int>(leg) + 1};
  }
  for (auto& one : all_) {
    if (one.follows.empty() || one.shares.size() != feeder.legs.size()) continue;
    std::optional<int> turn;
    bool agrees = true;
    for (const int leg : one.follows) {
      const auto at = static_cast<std::size_t>(leg) - 1;
      if (!feeder.turns[at]) continue;
      const int own = ((*feeder.turns[at] - class_of(std::arg(one.shares[at].value))) % n + n) % n;
      // A load on several legs flows in each of them: its angle is to the one that the clamp is on.
      if (turn && *turn != own && n == 2) agrees = false;
      if (turn && n == 6 && one.own_leg != leg) continue;
      turn = own;
      one.odds = feeder.odds[at];
    }
    if (turn && agrees) one.turn = turn;
  }
  for (auto& one : all_) {
    if (!one.like || !one.follows.empty()) continue;
    const auto& other = all_[*one.like];
    one.follows = other.follows;
    one.follows_none = other.follows_none;
    one.is_placed = other.is_placed;
    if (!other.turn) continue;
    Complex product;
    const std::array both{other.channel, one.channel};
    const auto steps = find_steps(recorder_, both);
    if (steps.channels.size() != 2) continue;
    for (std::size_t row = 0; row < steps.rows.size(); ++row) {
      product += std::conj(Complex(steps.at(row, 0))) * Complex(steps.at(row, 1));
    }
    one.turn = (*other.turn + class_of(std::arg(product))) % n;
    one.odds = other.odds;
  }
}

// How much does not fit of what changes.
double Examination::badness() const {
  double bad = 0;
  for (const auto& one : all_) {
    if (circuit_of(one).kind == CircuitKind::grid || one.shares.empty()) continue;
    if (one.follows_none || is_misplaced(one)) bad += 1;
    if (!one.follows_none && !one.turn) bad += 0.5;
  }
  for (const auto& feeder : feeders_) {
    for (std::size_t leg = 0; leg < feeder.legs.size(); ++leg) {
      if (feeder.legs[leg] != none && is_overdrawn(feeder, leg)) bad += 1;
    }
  }
  return bad;
}

// Whether a leg's circuits take more than its clamp sees, most of the time; where nothing is
// produced.
bool Examination::is_overdrawn(const Feeder& feeder, std::size_t leg) const {
  const bool has_production = std::ranges::any_of(panel_.circuits, [](const Circuit& circuit) {
    return circuit.kind == CircuitKind::production || circuit.kind == CircuitKind::storage;
  });
  if (has_production || panel_.circuits[feeder.circuit].kind != CircuitKind::grid) return false;
  const auto size_at = [&](std::size_t at, std::size_t channel) {
    const auto& point = recorder_.point(at, channel);
    return static_cast<double>(std::hypot(point.watts, point.vars));
  };
  std::size_t measured = 0, over = 0;
  for (std::size_t at = 0; at < recorder_.size(); ++at) {
    const double in = size_at(at, all_[feeder.legs[leg]].channel);
    if (!(in >= 0)) continue;
    double out = 0;
    for (const auto& one : all_) {
      if (!one.is_measured || one.like || one.own_leg != static_cast<int>(leg) + 1) continue;
      if (circuit_of(one).kind != CircuitKind::load) continue;
      if (const auto parent = circuit_of(one).parent; parent && *parent != feeder.circuit) continue;
      const double size = size_at(at, one.channel);
      if (size >= 0) out += size;
    }
    ++measured;
    if (out > 1.25 * in + 60) ++over;
  }
  return measured > 0 && over * 2 > measured;
}

// A mains' clamp and another one that are exchanged: what does not fit does once they are where
// they belong.
std::optional<std::array<std::size_t, 2>> Examination::exchanged_with_mains(const Feeder& feeder) {
  const double bad = badness();
  if (bad < 1) return std::nullopt;
  std::optional<std::array<std::size_t, 2>> best;
  double least = std::min(bad - 1.5, 0.45 * bad);
  for (std::size_t leg = 0; leg < feeder.legs.size(); ++leg) {
    if (feeder.legs[leg] == none) continue;
    // Whatever is on the mains' wire carries at least what each of the leg's circuits does.
    double most = 0;
    for (const auto& one : all_) {
      if (one.own_leg == static_cast<int>(leg) + 1 && circuit_of(one).kind != CircuitKind::grid) {
        most = std::max(most, greatest_va(one));
      }
    }
    for (const auto& candidate : all_) {
      if (!candidate.is_measured || circuit_of(candidate).kind == CircuitKind::grid) continue;
      if (greatest_va(candidate) < 0.9 * most) continue;
      const std::array channels{all_[feeder.legs[leg]].channel, candidate.channel};
      Examination again(exchanged(channels), recorder_);
      again.exchanged_ = channels;
      again.prepare();
      if (again.badness() > least) continue;
      least = again.badness() - 0.01;
      best = channels;
    }
  }
  return best;
}

double Examination::greatest_va(const Clamped& one) const {
  float most = 0;
  for (std::size_t at = 0; at < recorder_.size(); ++at) {
    const auto& point = recorder_.point(at, one.channel);
    const auto size = std::hypot(point.watts, point.vars);
    if (size > most) most = size;
  }
  return static_cast<double>(most);
}

// The panel if the two were where they belong.
Panel Examination::exchanged(std::array<std::size_t, 2> channels) const {
  auto panel = panel_;
  for (auto& circuit : panel.circuits) {
    for (auto& clamp : circuit.clamps) {
      const auto at = std::ranges::find(channels, clamp.channel);
      if (at == channels.end()) continue;
      const auto& other = clamp_of(all_[find(channels[at == channels.begin() ? 1 : 0])]);
      clamp.channel = other.channel;
      clamp.current_gain = other.current_gain;
      clamp.hardware_multiplier = other.hardware_multiplier;
    }
  }
  return panel;
}

Report Examination::report_exchanged(std::array<std::size_t, 2> channels) const {
  Examination again(exchanged(channels), recorder_);
  again.exchanged_ = channels;
  auto report = again.report();
  auto& finding = report.findings.emplace_back();
  finding.fault = Fault::swapped;
  finding.channels.assign(channels.begin(), channels.end());
  finding.confidence = 0.9F;
  finding.evidence = fmt::format("What the circuits change is found in CT{} instead of CT{}.",
                                 channels[1] + 1, channels[0] + 1);
  put_words(finding, panel_);
  return report;
}

bool Examination::is_reversed(const Clamped& one) const {
  if (!one.turn) return false;
  const bool is_turned = clamp_of(one).multiplier < 0;
  if (panel_.phases != 3) return (*one.turn == 1) != is_turned;
  return (*one.turn == 3 || *one.turn == 1 || *one.turn == 5) != is_turned;
}

bool Examination::produces(const Clamped& one) const {
  if (!one.turn || one.level == Complex()) return false;
  return std::abs(turned(std::arg(one.level) - class_angle(*one.turn))) > 130 * degree;
}

// Whether what one clamp sees could be what another's circuit is entered as.
bool Examination::fits(const Clamped& one, const Clamped& entry) const {
  const auto& circuit = circuit_of(entry);
  if (!one.is_placed || circuit.legs.empty()) return true;
  if (circuit.kind == CircuitKind::production && !produces(one) && one.turn &&
      std::abs(one.level) > 60) {
    return false;
  }
  if (circuit.kind == CircuitKind::load && produces(one) && std::abs(one.level) > 60) return false;
  if (circuit.legs.size() > 1 && one.follows.size() > 1) return true;
  if (one.follows.size() > 1) return false;
  return entry.own_leg == one.follows[0];
}

void Examination::judge_likes() {
  for (auto& one : all_) {
    if (!one.like) continue;
    auto& other = all_[*one.like];
    if (one.circuit == other.circuit || one.is_explained || other.is_explained) continue;
    if (!one.is_placed) continue;
    if (one.follows.size() == 1) {
      add(Fault::doubled, {&other, &one}, 0.95).leg = one.follows[0];
      continue;
    }
    // One of the two has its place, beside a clamp that should be like it and is not: that clamp
    // and the other one are exchanged.
    const auto lonely = [&](const Clamped& same) -> Clamped* {
      for (auto& beside : all_) {
        if (beside.circuit == same.circuit && &beside != &same && beside.changes &&
            beside.follows.size() == 1) {
          return &beside;
        }
      }
      return nullptr;
    };
    if (auto* exchanged = lonely(other)) {
      add(Fault::swapped, {exchanged, &one}, 0.9);
    } else if (auto* exchanged_2 = lonely(one)) {
      add(Fault::swapped, {exchanged_2, &other}, 0.9);
    } else if (circuit_of(one).legs.size() == 1 && circuit_of(other).legs.size() == 1) {
      add(Fault::two_pole_pair, {&other, &one}, 0.95);
    }
  }
}

// Where most of a leg's circuits do not fit, something else is wrong than each of them.
void Examination::leave_doubtful_legs() {
  for (int leg = 1; leg <= std::max(1, panel_.phases); ++leg) {
    std::size_t fit = 0, strange = 0;
    const auto is_of_leg = [&](const Clamped& one) {
      return circuit_of(one).kind != CircuitKind::grid && !one.shares.empty() &&
             (one.own_leg == leg || panel_.phases == 1);
    };
    for (const auto& one : all_) {
      if (!is_of_leg(one)) continue;
      if (one.follows_none || is_misplaced(one)) {
        ++strange;
      } else if (!one.follows.empty()) {
        ++fit;
      }
    }
    if (strange < 3 || strange <= fit) continue;
    for (auto& one : all_) one.is_explained |= is_of_leg(one);
  }
}

// Where a leg of the mains says nothing, what is not found in the others may be there; where its
// current is cut, no share of it is true.
void Examination::leave_silent_legs() {
  if (std::ranges::none_of(feeders_, &Feeder::has_silent_leg)) return;
  for (auto& one : all_) one.is_placed = one.follows_none = false;
  for (const auto& feeder : feeders_) {
    for (const auto leg : feeder.legs) {
      if (leg == none || !all_[leg].is_limited) continue;
      for (auto& one : all_) one.is_explained |= one.shares.size() == feeder.legs.size();
    }
  }
}

// Two circuits that do the same, and nobody knows why: nothing else is said of them.
void Examination::leave_likes() {
  for (auto& one : all_) {
    if (!one.like || one.circuit == all_[*one.like].circuit) continue;
    one.is_explained = all_[*one.like].is_explained = true;
  }
}

void Examination::judge_swaps() {
  for (std::size_t a = 0; a < all_.size(); ++a) {
    auto& one = all_[a];
    if (one.is_explained || circuit_of(one).kind == CircuitKind::grid || !is_misplaced(one))
      continue;
    std::vector<Clamped*> partners;
    for (std::size_t b = a + 1; b < all_.size(); ++b) {
      auto& other = all_[b];
      if (other.is_explained || circuit_of(other).kind == CircuitKind::grid) continue;
      if (other.circuit == one.circuit || !is_misplaced(other)) continue;
      if (fits(one, other) && fits(other, one)) partners.push_back(&other);
    }
    if (partners.size() == 1) add(Fault::swapped, {&one, partners[0]}, 0.9);
    if (partners.size() < 2) continue;
    // Who is exchanged with whom, nobody knows.
    one.is_explained = true;
    for (auto* other : partners) other->is_explained = true;
  }
}

void Examination::judge_legs() {
  for (auto& one : all_) {
    if (one.is_explained || circuit_of(one).kind == CircuitKind::grid || !one.is_placed) continue;
    const auto& circuit = circuit_of(one);
    if (circuit.legs.size() == 1 && one.follows.size() == 1 && one.follows[0] != circuit.legs[0]) {
      auto& finding = add(Fault::wrong_leg, {&one}, 0.93);
      finding.leg = one.follows[0];
      for (const auto& other : all_) {
        if (circuit_of(other).kind == CircuitKind::grid || other.is_placed) continue;
        if (other.own_leg == one.follows[0]) finding.perhaps.push_back(other.channel);
      }
    } else if (one.follows.size() > 1 && circuit.clamps.size() == 1 && circuit.legs.size() > 1 &&
               std::abs(std::abs(clamp_of(one).multiplier) - 1) < 0.01) {
      auto& finding = add(Fault::half_counted, {&one}, 0.93);
      finding.factor = static_cast<double>(circuit.legs.size());
      // It may lie the wrong way round as well.
      one.is_explained = false;
    }
  }
}

// Where a clamp's wire hangs: by what it follows, else as it was entered.
int Examination::real_leg(const Clamped& one) const {
  if (one.follows.size() == 1) return one.follows[0];
  return one.own_leg;
}

// The leg of a chip's voltage, of three: what its clamps' angles say, by majority.
std::optional<int> Examination::chip_leg(std::size_t chip) const {
  if (chip < panel_.chips.size() && panel_.chips[chip].leg > 0) return panel_.chips[chip].leg;
  std::array<double, 3> votes{};
  for (const auto& one : all_) {
    if (measurement::chip_of(one.channel) != chip || !one.turn || real_leg(one) == 0) continue;
    for (int leg = 1; leg <= 3; ++leg) {
      const int turn = class_of(leg_angle(leg) - leg_angle(real_leg(one)));
      if ((turn - *one.turn) % 3 == 0) votes[static_cast<std::size_t>(leg) - 1] += one.odds;
    }
  }
  const auto best = std::ranges::max_element(votes);
  const double all = votes[0] + votes[1] + votes[2];
  if (*best < least_odds || *best < 0.7 * all) return std::nullopt;
  return static_cast<int>(best - votes.begin()) + 1;
}

// Of three phases: clamps whose volts are not those of their own wire.
void Examination::judge_voltages() {
  if (panel_.phases != 3) return;
  std::vector<Clamped*> strangers;
  double odds = 1e9;
  for (auto& one : all_) {
    const auto leg = chip_leg(measurement::chip_of(one.channel));
    const int own = one.own_leg;
    if (!leg || own == 0 || own == *leg || !one.is_measured || one.is_explained) continue;
    if (one.follows.size() == 1 && one.follows[0] != own) continue;
    strangers.push_back(&one);
    odds = std::min(odds, one.turn ? one.odds : least_odds);
  }
  if (strangers.empty()) return;
  add(Fault::no_own_voltage, strangers, 0.97);
  for (auto* one : strangers) one->is_explained = false;
}

void Examination::judge_directions() {
  for (auto& one : all_) {
    if (one.is_explained || !one.is_measured || std::abs(one.level) < 1 || is_misplaced(one))
      continue;
    if (one.turn) {
      if (!is_reversed(one)) continue;
      add(Fault::reversed, {&one}, std::min(0.97, 1 - std::exp(-one.odds)));
      continue;
    }
    // Its own angle alone: enough of a load, and far enough from what any load has.
    if (circuit_of(one).kind != CircuitKind::load || panel_.phases == 3) continue;
    if (panel_.phases > 1 && !feeders_.empty()) continue;
    if (one.follows_none || std::abs(one.level) < 100) continue;
    const double sign = clamp_of(one).multiplier < 0 ? -1 : 1;
    if (std::abs(std::arg(sign * one.level)) < 140 * degree) continue;
    add(Fault::reversed, {&one}, 0.7);
  }
}

// Clamps of another type than the one that was set: they see more or less than the others do of the
// same current.
void Examination::judge_sizes(const Feeder& feeder) {
  const auto types_near = [](double gain) {
    std::vector<std::string> names;
    for (const auto& type : clamp_types) {
      if (std::abs(std::log(type.gain / gain)) < type_tolerance) names.emplace_back(type.name);
    }
    return names;
  };
  const auto judge = [&](Clamped& one, double factor) {
    const double gain = clamp_of(one).current_gain;
    if (one.is_limited || one.is_explained || std::abs(std::log(factor)) < least_factor) return;
    auto types = gain > 0 ? types_near(gain * factor) : std::vector<std::string>{};
    if (types.empty()) return;
    auto& finding = add(Fault::wrong_type, {&one}, 0.9);
    finding.factor = factor;
    finding.types = std::move(types);
    one.is_explained = false;
  };
  for (std::size_t leg = 0; leg < feeder.legs.size(); ++leg) {
    if (feeder.legs[leg] == none) continue;
    auto& mains = all_[feeder.legs[leg]];
    judge(mains, 1 / feeder.scales[leg]);
    for (auto& one : all_) {
      if (std::ranges::find(one.follows, static_cast<int>(leg) + 1) == one.follows.end()) continue;
      if (one.shares.size() != feeder.legs.size()) continue;
      const auto& share = one.shares[leg];
      const double size = std::abs(share.value) / feeder.scales[leg];
      if (share.error > factor_error * size) continue;
      if (std::abs(std::remainder(std::arg(share.value), class_angle(1))) > 8 * degree) continue;
      const bool was_judged = std::ranges::any_of(report_.findings, [&](const Finding& finding) {
        return finding.fault == Fault::wrong_type && finding.channels[0] == one.channel;
      });
      if (!was_judged) judge(one, size);
    }
  }
}

// Circuits that change nothing of the mains, where others do.
void Examination::judge_feeding() {
  const auto following = std::ranges::count_if(
      all_, [](const Clamped& one) { return !one.shares.empty() && !one.follows.empty(); });
  if (following < 2) return;
  for (auto& one : all_) {
    if (one.is_explained || !one.follows_none) continue;
    const bool is_complete = std::ranges::all_of(feeders_, [&](const Feeder& feeder) {
      return std::ranges::count(feeder.legs, none) == 0 &&
             feeder.legs.size() == static_cast<std::size_t>(panel_.phases);
    });
    if (is_complete) add(Fault::before_mains, {&one}, 0.9);
  }
}

// Where each clamp by itself looks right, but more flows in the circuits than comes in.
void Examination::judge_sum() {
  if (std::ranges::any_of(report_.findings, [](const Finding& f) { return !f.channels.empty(); }))
    return;
  for (const auto& feeder : feeders_) {
    if (panel_.circuits[feeder.circuit].kind != CircuitKind::grid || feeder.has_silent_leg)
      continue;
    if (std::ranges::count(feeder.legs, none) > 0) continue;
    double in_w = 0, out_w = 0;
    std::size_t measured = 0;
    // What is produced and not measured brings in more than the mains say.
    const bool is_certain = std::ranges::none_of(panel_.circuits, [](const Circuit& circuit) {
      return circuit.kind == CircuitKind::production || circuit.kind == CircuitKind::storage;
    });
    for (std::size_t at = 0; at < recorder_.size(); ++at) {
      double in = 0, out = 0;
      for (const auto& one : all_) {
        const auto kind = circuit_of(one).kind;
        const double watts =
            clamp_of(one).multiplier * static_cast<double>(recorder_.point(at, one.channel).watts);
        if (one.circuit == feeder.circuit) in += watts;
        const auto parent = circuit_of(one).parent;
        if (kind == CircuitKind::load && (!parent || *parent == feeder.circuit)) out += watts;
      }
      if (!std::isfinite(in) || !std::isfinite(out)) continue;
      in_w += in;
      out_w += out;
      ++measured;
    }
    if (!is_certain || panel_.phases == 3 || measured * 2 < recorder_.size()) continue;
    in_w /= static_cast<double>(measured);
    out_w /= static_cast<double>(measured);
    if (out_w < 1.15 * in_w + 100) continue;
    auto& finding = report_.findings.emplace_back();
    finding.fault = Fault::more_than_mains;
    finding.confidence = 0.8F;
    finding.factor = out_w / std::max(1., in_w);
    for (const auto leg : feeder.legs) finding.channels.push_back(all_[leg].channel);
  }
}

// The numbers that a finding rests on.
std::string Examination::evidence(const Finding& finding) const {
  if (finding.fault == Fault::more_than_mains) {
    return fmt::format("The circuits draw {:.2f} times what comes in.", finding.factor);
  }
  std::string all;
  for (const auto channel : finding.channels) {
    const auto at = find(channel);
    if (at == none) continue;
    const auto& one = all_[at];
    if (!all.empty()) all += " ";
    all += fmt::format("CT{} reads {:.0f} W, {:.0f} var", channel + 1, one.level.real(),
                       one.level.imag());
    for (std::size_t leg = 0; leg < one.shares.size(); ++leg) {
      const auto& share = one.shares[leg];
      if (share.error > 0.2) continue;
      all +=
          fmt::format("; leg {} changes by {:.2f} of it at {:.0f} degrees (\u00b1{:.2f})", leg + 1,
                      std::abs(share.value), std::arg(share.value) / degree, share.error);
    }
    if (one.like) all += fmt::format("; the same as CT{}", all_[*one.like].channel + 1);
    all += ".";
  }
  if (finding.fault == Fault::current_limit) {
    all += fmt::format(" Its current ends at {:.3f} A.", finding.factor);
  }
  if (finding.fault == Fault::clipped) {
    all += fmt::format(" At {:.1f} A its crest is below 1.37 times its RMS.", finding.factor);
  }
  if (finding.fault == Fault::wrong_type) {
    all += fmt::format(" {:.2f} times as much flows as it says.", finding.factor);
  }
  return all;
}

// All that is measured, before anything is judged.
void Examination::prepare() {
  collect();
  look_at_limits();
  find_likes();
  for (std::size_t i = 0; i < panel_.circuits.size(); ++i) {
    const auto& circuit = panel_.circuits[i];
    const bool feeds = circuit.kind == CircuitKind::grid ||
                       std::ranges::any_of(panel_.circuits,
                                           [&](const Circuit& other) { return other.parent == i; });
    if (!feeds || circuit.clamps.empty()) continue;
    Feeder feeder{.circuit = i};
    feeder.legs.assign(static_cast<std::size_t>(std::max(1, panel_.phases)), none);
    for (std::size_t a = 0; a < all_.size(); ++a) {
      const auto& one = all_[a];
      const int leg = panel_.phases == 1 ? 1 : one.own_leg;
      if (one.circuit == i && leg > 0 && one.is_measured) {
        feeder.legs[static_cast<std::size_t>(leg) - 1] = a;
      }
    }
    feeders_.push_back(std::move(feeder));
  }
  for (auto& feeder : feeders_) follow(feeder);
}

Report Examination::report() {
  if (recorder_.size() >= 2) {
    report_.length = recorder_.time(recorder_.size() - 1) - recorder_.time(0);
  }
  if (report_.length < shortest_examination) return report_;
  prepare();
  for (const auto& feeder : feeders_) {
    if (exchanged_ || panel_.circuits[feeder.circuit].kind != CircuitKind::grid) continue;
    if (const auto channels = exchanged_with_mains(feeder)) return report_exchanged(*channels);
  }
  leave_silent_legs();
  leave_doubtful_legs();
  judge_likes();
  leave_likes();
  judge_swaps();
  judge_legs();
  judge_voltages();
  judge_directions();
  for (const auto& feeder : feeders_) judge_sizes(feeder);
  judge_feeding();
  judge_sum();
  for (const auto& one : all_) {
    if (one.is_measured && !one.turn && std::abs(one.level) < 100) {
      report_.silent.push_back(one.channel);
    }
  }
  std::ranges::sort(report_.silent);
  for (auto& finding : report_.findings) {
    finding.evidence = evidence(finding);
    put_words(finding, panel_);
  }
  std::ranges::stable_sort(report_.findings, std::greater(), &Finding::confidence);
  return std::move(report_);
}

}  // namespace

Recorder::Recorder(std::size_t chips) : chips_(chips) {}

void Recorder::take(measurement::Timestamp time, const measurement::Sample& sample) {
  const auto number = [](auto value) { return value ? value->value : unmeasured; };
  if (times_.size() == most_examined) {
    times_.erase(times_.begin());
    points_.erase(points_.begin(),
                  points_.begin() + static_cast<std::ptrdiff_t>(chips_ * channels_per_chip));
    volts_.erase(volts_.begin(), volts_.begin() + static_cast<std::ptrdiff_t>(chips_));
  }
  times_.push_back(time);
  for (std::size_t chip = 0; chip < chips_; ++chip) {
    const bool is_there = chip < sample.chips();
    volts_.push_back(is_there ? number(sample.get<Quantity::voltage>(chip)) : unmeasured);
    for (std::size_t i = 0; i < channels_per_chip; ++i) {
      const auto channel = chip * channels_per_chip + i;
      if (!is_there) {
        points_.push_back({unmeasured, unmeasured, unmeasured, unmeasured});
        continue;
      }
      points_.push_back({number(sample.get<Quantity::active_power>(channel)),
                         number(sample.get<Quantity::reactive_power>(channel)),
                         number(sample.get<Quantity::current>(channel)),
                         number(sample.get<Quantity::peak_current>(channel))});
    }
  }
}

Report examine(const Panel& panel, const Recorder& recorder) {
  return Examination(panel, recorder).report();
}

}  // namespace insight::wiring
