#include "insight/wiring/measured_panel.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <limits>
#include <numbers>
#include <tuple>
#include <utility>

namespace insight::wiring {
namespace {

using Complex = std::complex<double>;
using measurement::channels_per_chip;

constexpr float unmeasured = std::numeric_limits<float>::quiet_NaN();
constexpr float register_amperes = 65.535F;
constexpr float level_va = 25;  // Below it an angle is that of offsets.
constexpr std::size_t least_levels = 15;
// The first finds all shares at once, the others each beside what the others are by then.
constexpr std::size_t sweeps = 3;

// Of shares.
constexpr double least_share = 0.12;
// Channels whose steps are the same to within what clamps differ by.
constexpr double same_steps = 0.85, similar_size = 0.2, same_levels = 0.985, same_size = 0.06;
// Of poles of one circuit: its legs' volts differ, and the surges that chips see of a start.
constexpr double pole_steps = 0.7, pole_levels = 0.9;
constexpr double any_size = 2;  // Logarithm: more than types of clamps differ by.
// Sizes of shares that are one.
constexpr double agreeing_sizes = 0.045;
// Of a share, how far it may be from what it should be.
constexpr double agreeing = 0.08;
// Types whose gains differ by less are one.
constexpr double same_type = 0.04;
// Logarithms of how rarely a mains' clamp is of another type, or reads wrong.
constexpr double other_type = 7, other_scale = 2;
// And that any is the wrong way round.
constexpr double reversed = 3;

// The vendor's.
constexpr std::array types = {
    ClampType{"SCT-006", 11143, 26},     ClampType{"SCT-013-030", 8650, 21},
    ClampType{"SCT-013-050", 15420, 36}, ClampType{"SCT-013-000", 27518, 65},
    ClampType{"SCT-010", 41660, 98},     ClampType{"SCT-016", 41787, 98},
    ClampType{"SCT-024", 55036, 131},
};
constexpr double clips_at = 1.2 / 0.72;  // Peak amperes over those: where the converter ends.

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

double size_of(const Recorder::Point& point) {
  return static_cast<double>(std::hypot(point.watts, point.vars));
}

Complex va_of(const Recorder::Point& point) {
  return {static_cast<double>(point.watts), static_cast<double>(point.vars)};
}

}  // namespace

std::span<const ClampType> clamp_types() { return types; }

double turned(double radians) { return std::remainder(radians, 2 * std::numbers::pi); }

bool Clamped::is_found_in(int leg) const {
  return std::ranges::find(follows, leg) != follows.end();
}

bool Feeder::is_seen() const {
  return std::ranges::all_of(scales, [](double scale) { return scale > 0; });
}

bool Feeder::is_whole() const { return std::ranges::count(legs, none) == 0; }

MeasuredPanel::MeasuredPanel(Panel panel, const Recorder& recorder,
                             std::span<const std::size_t> apart)
    : panel_(std::move(panel)), apart_(apart.begin(), apart.end()), recorder_(recorder) {}

bool MeasuredPanel::measure() {
  switch (next_) {
    case Next::levels:
      measure_levels();
      next_ = Next::likes;
      break;
    case Next::likes:
      find_likes();
      find_feeders();
      next_ = feeders_.empty() ? Next::nothing : Next::steps;
      break;
    case Next::steps:
      steps_ = find_steps(recorder_, channels_under(feeders_[feeder_], false));
      leg_ = sweep_ = 0;
      next_ = Next::shares;
      break;
    case Next::shares: {
      auto& feeder = feeders_[feeder_];
      find_shares(feeder, leg_);
      if (++leg_ < feeder.legs.size()) break;
      share_likes();
      follow(feeder);
      leg_ = 0;
      if (++sweep_ == sweeps) next_ = Next::turns;
      // What an exchanged clamp does is looked for beside what is known of all others.
      if (sweep_ == 1 && !apart_.empty()) {
        steps_ = find_steps(recorder_, channels_under(feeder, true));
      }
      break;
    }
    case Next::turns: {
      auto& feeder = feeders_[feeder_];
      turn_feeder(feeder);
      turn_circuits(feeder);
      next_ = ++feeder_ == feeders_.size() ? Next::nothing : Next::steps;
      break;
    }
    case Next::nothing:
      break;
  }
  return next_ == Next::nothing;
}

void MeasuredPanel::measure_levels() {
  average_volts();
  collect();
  for (auto& one : clamps_) {
    average_level(one);
    if (one.is_measured) look_at_end(one);
  }
}

bool MeasuredPanel::is_apart(const Clamped& one) const {
  return std::ranges::find(apart_, one.channel) != apart_.end();
}

bool MeasuredPanel::has_production() const {
  return std::ranges::any_of(panel_.circuits, [](const Circuit& circuit) {
    return circuit.kind == CircuitKind::production || circuit.kind == CircuitKind::storage;
  });
}

double MeasuredPanel::class_angle(int turn) const {
  return 2 * std::numbers::pi * turn / classes();
}

int MeasuredPanel::class_of(double radians) const {
  const auto n = classes();
  const auto turn = static_cast<int>(std::lround(turned(radians) * n / (2 * std::numbers::pi)));
  return ((turn % n) + n) % n;
}

double MeasuredPanel::leg_angle(int leg) const {
  return -2 * std::numbers::pi * (leg - 1) / std::max(1, panel_.phases);
}

std::size_t MeasuredPanel::find(std::size_t channel) const {
  const auto found = std::ranges::find(clamps_, channel, &Clamped::channel);
  return found == clamps_.end() ? Feeder::none : static_cast<std::size_t>(found - clamps_.begin());
}

double MeasuredPanel::greatest_va(const Clamped& one) const {
  double most = 0;
  for (std::size_t at = 0; at < recorder_.size(); ++at) {
    const auto size = size_of(recorder_.point(at, one.channel));
    if (size > most) most = size;
  }
  return most;
}

void MeasuredPanel::average_volts() {
  volts_.assign(recorder_.chips(), unmeasured);
  for (std::size_t chip = 0; chip < recorder_.chips(); ++chip) {
    double sum = 0;
    std::size_t measured = 0;
    for (std::size_t at = 0; at < recorder_.size(); ++at) {
      if (!(recorder_.volts(at, chip) >= 0)) continue;
      sum += static_cast<double>(recorder_.volts(at, chip));
      ++measured;
    }
    if (measured * 20 > recorder_.size()) {
      volts_[chip] = static_cast<float>(sum / static_cast<double>(measured));
    }
  }
}

// What hangs on a chip that does not answer, or has no voltage, is not measured.
void MeasuredPanel::collect() {
  for (std::size_t i = 0; i < panel_.circuits.size(); ++i) {
    const auto& circuit = panel_.circuits[i];
    for (std::size_t c = 0; c < circuit.clamps.size(); ++c) {
      const auto channel = circuit.clamps[c].channel;
      if (channel >= recorder_.chips() * channels_per_chip) continue;
      if (find(channel) != Feeder::none) continue;  // Of a circuit above this one.
      auto& one = clamps_.emplace_back();
      one.channel = channel;
      one.circuit = i;
      one.clamp = c;
      one.is_measured = volts_[measurement::chip_of(channel)] >= no_volts;
      if (circuit.clamps.size() == circuit.legs.size()) one.own_leg = circuit.legs[c];
    }
  }
}

void MeasuredPanel::average_level(Clamped& one) const {
  Complex sum;
  double weight = 0;
  std::size_t measured = 0, loud = 0;
  for (std::size_t at = 0; at < recorder_.size(); ++at) {
    const auto va = va_of(recorder_.point(at, one.channel));
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

// Whether the current ends before the power does.
void MeasuredPanel::look_at_end(Clamped& one) const {
  const auto& clamp = clamp_of(one);
  const auto limit = register_amperes * static_cast<float>(std::max(1, clamp.hardware_multiplier));
  float most = 0, peak = 0;  // NaN stays out.
  for (std::size_t at = 0; at < recorder_.size(); ++at) {
    const auto& point = recorder_.point(at, one.channel);
    most = std::max(most, point.amperes);
    peak = std::max(peak, point.peak_amperes);
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
  const bool is_at_end = at_peak >= 5 && std::ranges::any_of(types, [&](const ClampType& type) {
                           const double end = clips_at * type.greatest;
                           return std::abs(clamp.current_gain / type.gain - 1) < 0.03 &&
                                  static_cast<double>(peak) > end &&
                                  static_cast<double>(peak) < 1.03 * end;
                         });
  if (at_limit >= 3 && most < limit + 0.01F) {
    one.current_end = CurrentEnd::in_register;
    one.end_amperes = static_cast<double>(limit);
  } else if (is_at_end || (most > 10 && high >= 3 && flat * 10 > high * 8)) {
    one.current_end = CurrentEnd::at_input;
    one.end_amperes = static_cast<double>(most);
  }
}

MeasuredPanel::Likeness MeasuredPanel::step_likeness(const Steps& steps, std::size_t a,
                                                     std::size_t b) const {
  Complex product;
  double of_a = 0, of_b = 0;
  for (std::size_t row = 0; row < steps.rows.size(); ++row) {
    const Complex step_a(steps.at(row, a)), step_b(steps.at(row, b));
    product += std::conj(step_a) * step_b;
    of_a += std::norm(step_a);
    of_b += std::norm(step_b);
  }
  return {product / std::sqrt(of_a * of_b), std::sqrt(of_b / of_a)};
}

MeasuredPanel::Likeness MeasuredPanel::level_likeness(std::size_t channel,
                                                      std::size_t other) const {
  Complex sum_a, sum_b, product;
  double of_a = 0, of_b = 0, n = 0;
  for (std::size_t at = 0; at < recorder_.size(); ++at) {
    const auto a = va_of(recorder_.point(at, channel)), b = va_of(recorder_.point(at, other));
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
  return {product / std::sqrt(of_a * of_b), std::sqrt(of_b / of_a)};
}

// Poles of one circuit are alike whatever their clamps are; else one could be any part of the
// other.
void MeasuredPanel::find_likes() {
  std::vector<std::size_t> channels;
  for (const auto& one : clamps_) {
    if (one.is_measured && !is_of_grid(one) && !is_apart(one)) channels.push_back(one.channel);
  }
  const auto steps = find_steps(recorder_, channels);
  for (const auto channel : steps.channels) clamps_[find(channel)].changes = true;
  const auto is_like = [](const Likeness& likeness, double least, double size) {
    return std::abs(likeness.correlation) >= least && std::abs(std::log(likeness.size)) <= size;
  };
  for (std::size_t b = 1; b < steps.channels.size(); ++b) {
    auto& one = clamps_[find(steps.channels[b])];
    for (std::size_t a = 0; a < b; ++a) {
      const auto other = find(steps.channels[a]);
      const bool are_poles = one.circuit == clamps_[other].circuit;
      if (circuit_of(one).parent == clamps_[other].circuit) continue;
      if (circuit_of(clamps_[other]).parent == one.circuit) continue;
      const auto changes = step_likeness(steps, a, b);
      if (!is_like(changes, are_poles ? pole_steps : same_steps,
                   are_poles ? any_size : similar_size)) {
        continue;
      }
      const auto levels = level_likeness(steps.channels[a], steps.channels[b]);
      if (!is_like(levels, are_poles ? pole_levels : same_levels,
                   are_poles ? any_size : same_size)) {
        continue;
      }
      one.like = other;
      one.likeness = levels.ratio();
      break;
    }
  }
}

void MeasuredPanel::find_feeders() {
  for (std::size_t i = 0; i < panel_.circuits.size(); ++i) {
    const auto& circuit = panel_.circuits[i];
    const bool feeds = circuit.kind == CircuitKind::grid ||
                       std::ranges::any_of(panel_.circuits,
                                           [&](const Circuit& other) { return other.parent == i; });
    if (!feeds || circuit.clamps.empty()) continue;
    Feeder feeder{.circuit = i};
    const auto legs = static_cast<std::size_t>(std::max(1, panel_.phases));
    feeder.legs.assign(legs, Feeder::none);
    feeder.turns.assign(legs, std::nullopt);
    feeder.odds.assign(legs, 0);
    feeder.scales.assign(legs, 0);
    feeder.are_silent.assign(legs, false);
    for (std::size_t a = 0; a < clamps_.size(); ++a) {
      const auto& one = clamps_[a];
      const int leg = panel_.phases == 1 ? 1 : one.own_leg;
      if (one.circuit == i && leg > 0 && one.is_measured) {
        feeder.legs[static_cast<std::size_t>(leg) - 1] = a;
      }
    }
    feeders_.push_back(std::move(feeder));
  }
}

std::vector<std::size_t> MeasuredPanel::channels_under(const Feeder& feeder,
                                                       bool with_apart) const {
  std::vector<std::size_t> channels;
  for (const auto& one : clamps_) {
    if (!one.is_measured || one.like || (is_apart(one) && !with_apart)) continue;
    if (one.circuit == feeder.circuit || is_of_grid(one)) continue;
    // The next circuit above it with clamps.
    auto above = circuit_of(one).parent;
    while (above && panel_.circuits[*above].clamps.empty()) above = panel_.circuits[*above].parent;
    const bool is_grid = panel_.circuits[feeder.circuit].kind == CircuitKind::grid;
    if (above ? *above == feeder.circuit : is_grid) channels.push_back(one.channel);
  }
  return channels;
}

// What a clamp of another type than the one of this gain sees, over what it says. Empty: not known.
std::vector<double> type_factors(double gain) {
  std::vector<double> factors;
  if (gain <= 0) return factors;
  for (const auto& type : types) {
    const double factor = type.gain / gain;
    const auto is_same = [&](double other) {
      return std::abs(std::log(factor / other)) < same_type;
    };
    if (!is_same(1) && std::ranges::none_of(factors, is_same)) factors.push_back(factor);
  }
  return factors;
}

// What does the same has the same share, of what it says.
void MeasuredPanel::share_likes() {
  for (auto& one : clamps_) {
    if (!one.like || !is_under_now(clamps_[*one.like])) continue;
    one.feeder = feeder_;
    one.shares = clamps_[*one.like].shares;
    for (auto& share : one.shares) {
      share.value /= one.likeness;
      share.error /= std::abs(one.likeness);
      share.greatest_va *= std::abs(one.likeness);
    }
  }
}

// Which legs of a feeder each of the circuits under it changes, by its shares.
void MeasuredPanel::follow(Feeder& feeder) {
  scale(feeder);
  for (auto& one : clamps_) {
    if (!is_under_now(one)) continue;
    one.placement = placed(one, feeder.scales);
    const bool is_proven = one.placement.is_proven;
    one.follows = is_proven ? one.placement.legs : std::vector<int>{};
    one.is_placed = !one.follows.empty();
    one.follows_none =
        is_proven && !one.is_placed && feeder.is_whole() && !may_be_missed(feeder, one);
  }
}

// The samples in which a clamp's current is cut.
std::vector<bool> MeasuredPanel::where_cut(const Clamped& one) const {
  std::vector<bool> cut(recorder_.size());
  if (!one.is_cut()) return cut;
  float peak = 0;
  for (std::size_t at = 0; at < recorder_.size(); ++at) {
    peak = std::max(peak, recorder_.point(at, one.channel).peak_amperes);
  }
  for (std::size_t at = 0; at < recorder_.size(); ++at) {
    const auto& point = recorder_.point(at, one.channel);
    cut[at] = point.peak_amperes > 0.96F * peak ||
              point.amperes > 0.97F * static_cast<float>(one.end_amperes);
  }
  return cut;
}

void MeasuredPanel::find_shares(Feeder& feeder, std::size_t leg) {
  if (feeder.legs[leg] == Feeder::none) return;
  const auto& mains = clamps_[feeder.legs[leg]];
  const std::array own{mains.channel};
  feeder.are_silent[leg] = find_steps(recorder_, own).channels.empty();
  std::vector<Share> shares;
  if (sweep_ == 0) {
    shares = shares_in(recorder_, steps_, mains.channel, where_cut(mains));
    feeder.scales[leg] = shares.empty() ? 0 : 1;
  } else {
    std::vector<Complex> known;
    for (const auto channel : steps_.channels) {
      known.push_back(known_share(clamps_[find(channel)], feeder, leg));
    }
    shares = shares_beside(recorder_, steps_, mains.channel, where_cut(mains), known);
  }
  for (std::size_t i = 0; i < shares.size(); ++i) {
    auto& one = clamps_[find(steps_.channels[i])];
    one.feeder = feeder_;
    one.shares.resize(feeder.legs.size(), Share{.error = 1});
    one.shares[leg] = shares[i];
  }
}

// By where it likeliest is; how clamps differ from each other is known from what was measured.
Complex MeasuredPanel::known_share(const Clamped& one, const Feeder& feeder,
                                   std::size_t leg) const {
  if (one.shares.empty()) return 0;
  const auto& [legs, factor] = std::tie(one.placement.legs, one.placement.factor);
  if (std::ranges::find(legs, static_cast<int>(leg) + 1) == legs.end()) return 0;
  const auto measured = one.shares[leg].value;
  const auto expected =
      std::polar(factor * feeder.scales[leg], class_angle(class_of(std::arg(measured))));
  return std::abs(measured - expected) < agreeing * std::abs(expected) ? measured : expected;
}

Placement MeasuredPanel::placed(const Clamped& one, const std::vector<double>& scales) const {
  const Entry entry{.legs = circuit_of(one).legs,
                    .own_leg = one.own_leg,
                    .type_factors = one.is_cut() ? std::vector<double>{}
                                                 : type_factors(clamp_of(one).current_gain)};
  return place(entry, one.shares, scales, class_angle(1));
}

bool MeasuredPanel::may_be_missed(const Feeder& feeder, const Clamped& one) const {
  const auto& legs = circuit_of(one).legs;
  for (std::size_t leg = 0; leg < feeder.legs.size(); ++leg) {
    const bool is_own =
        legs.empty() || std::ranges::find(legs, static_cast<int>(leg) + 1) != legs.end();
    const auto mains = feeder.legs[leg];
    if (mains != Feeder::none && clamps_[mains].is_cut()) return true;
    if (is_own && feeder.are_silent[leg]) return true;
  }
  return false;
}

// Sizes of what is found in a leg of a feeder.
std::vector<double> MeasuredPanel::share_sizes(std::size_t leg) const {
  std::vector<double> sizes;
  for (const auto channel : steps_.channels) {
    const auto& one = clamps_[find(channel)];
    if (one.shares.empty() || one.is_cut()) continue;
    const double size = std::abs(one.shares[leg].value);
    if (size > least_share && one.shares[leg].error < factor_error * size) sizes.push_back(size);
  }
  return sizes;
}

// -log of how likely what is found of its circuits is.
double MeasuredPanel::cost_of(const std::vector<double>& scales) const {
  double cost = 0;
  for (const auto channel : steps_.channels) {
    const auto& one = clamps_[find(channel)];
    if (!one.shares.empty()) cost += placed(one, scales).cost;
  }
  return cost;
}

// What the feeder's clamps say of what flows: of all types they could be, what makes their circuits
// most likely; the clamp first that explains most.
void MeasuredPanel::scale(Feeder& feeder) const {
  for (auto& scale : feeder.scales) scale = scale > 0 ? 1 : 0;
  double least = cost_of(feeder.scales), set = 0;
  for (std::size_t others = 0; others < feeder.legs.size(); ++others) {
    auto best = feeder.scales;
    double of_best = 0;
    for (std::size_t leg = 0; leg < feeder.legs.size(); ++leg) {
      if (feeder.scales[leg] != 1) continue;
      const auto consider = [&](double scale, double rarity) {
        auto scales = feeder.scales;
        scales[leg] = scale;
        const double cost = cost_of(scales) + set + rarity;
        if (cost >= least) return;
        least = cost;
        best = std::move(scales);
        of_best = rarity;
      };
      if (const auto common = common_size(share_sizes(leg))) consider(*common, other_scale);
      for (const double factor : type_factors(clamp_of(clamps_[feeder.legs[leg]]).current_gain)) {
        consider(1 / factor, other_type);
      }
    }
    if (best == feeder.scales) break;
    feeder.scales = std::move(best);
    set += of_best;
  }
}

// How likely each turn of a feeder's clamp is, by what flows behind it.
std::vector<double> MeasuredPanel::turn_scores(const Feeder& feeder, std::size_t leg) const {
  const auto n = classes();
  const auto& mains = clamps_[feeder.legs[leg]];
  std::vector<double> scores(static_cast<std::size_t>(n));
  const auto is_reversed = [&](int turn, const Clamped& one) {
    return (std::abs(turn) % 2 == 1) != (clamp_of(one).multiplier < 0);
  };
  for (int turn = 0; turn < n; ++turn) {
    auto& score = scores[static_cast<std::size_t>(turn)];
    if (is_reversed(turn, mains)) score -= reversed;
    // Another phase's volts and a clamp turned round together are rare.
    if (n == 6) score -= turn % 2 == 1 && turn != 3 ? 2.5 : turn != 0 ? 0.3 : 0;
    if (mains.level != Complex()) {
      score += std::log(likelihood(has_production() ? CircuitKind::storage : CircuitKind::load,
                                   std::arg(mains.level) - class_angle(turn)));
    }
    for (const auto& one : clamps_) {
      if (!one.is_found_in(static_cast<int>(leg) + 1)) continue;
      if (one.level == Complex() || one.like || !is_under_now(one)) continue;
      const int own = turn - class_of(std::arg(one.shares[leg].value));
      if (is_reversed(own, one)) score -= reversed;
      const double lies = class_angle(own);
      score += std::log(likelihood(circuit_of(one).kind, std::arg(one.level) - lies));
    }
  }
  return scores;
}

// How the feeder's clamps lie to the volts.
void MeasuredPanel::turn_feeder(Feeder& feeder) {
  for (std::size_t leg = 0; leg < feeder.legs.size(); ++leg) {
    if (feeder.legs[leg] == Feeder::none) continue;
    auto& mains = clamps_[feeder.legs[leg]];
    auto scores = turn_scores(feeder, leg);
    const auto best = std::ranges::max_element(scores);
    const auto turn = static_cast<int>(best - scores.begin());
    const double most = std::exchange(*best, -1e9);
    feeder.odds[leg] = most - std::ranges::max(scores);
    if (feeder.odds[leg] < least_odds) continue;
    feeder.turns[leg] = mains.turn = turn;
    mains.odds = feeder.odds[leg];
    mains.follows = {static_cast<int>(leg) + 1};
  }
}

// How the clamps under it lie to the volts.
void MeasuredPanel::turn_circuits(const Feeder& feeder) {
  const auto n = classes();
  for (auto& one : clamps_) {
    if (one.follows.empty() || !is_under_now(one)) continue;
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
}

}  // namespace insight::wiring
