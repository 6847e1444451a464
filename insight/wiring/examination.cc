#include "insight/wiring/examination.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <functional>
#include <limits>
#include <span>
#include <utility>

#include "insight/wiring/exchange.h"
#include "insight/wiring/measured_panel.h"
#include "insight/wiring/wiring_words.h"

namespace insight::wiring {
namespace {

using measurement::channels_per_chip;
using measurement::Quantity;

constexpr float unmeasured = std::numeric_limits<float>::quiet_NaN();
constexpr std::size_t most_apart = 2;  // Exchanged clamps, beyond which no more are looked for.
// Another type of clamp.
constexpr double least_factor = 0.09, type_tolerance = 0.05;

// What is wrong, of all that was measured.
class Examination {
 public:
  // `exchanged`: clamps that the panel has where they belong.
  Examination(Panel panel, const Recorder& recorder, std::span<const std::size_t> exchanged)
      : measured_(std::move(panel), recorder, exchanged) {}

  // A piece of measuring all, which is before anything else. True: it is over.
  bool measure();
  // Looks for clamps that are exchanged with the mains', a pair at a time. True: it is over.
  bool look_for_exchange();
  // The clamps that surely are: then all is to be examined as if they were where they belong.
  const std::optional<Channels>& exchange() const { return exchange_; }
  Finding swapped() const;
  const MeasuredPanel& measured() const { return measured_; }
  // Else.
  Report judged();

 private:
  const Panel& panel() const { return measured_.panel(); }
  const Circuit& circuit_of(const Clamped& one) const { return measured_.circuit_of(one); }
  const Clamp& clamp_of(const Clamped& one) const { return measured_.clamp_of(one); }
  bool is_of_grid(const Clamped& one) const { return measured_.is_of_grid(one); }
  bool is_misplaced(const Clamped& one) const { return wiring::is_misplaced(measured_, one); }
  bool is_reversed(const Clamped&) const;
  int real_leg(const Clamped&) const;
  std::optional<int> chip_leg(std::size_t chip) const;
  Clamped* lonely_beside(const Clamped&);
  bool is_seen(const Circuit&) const;

  void judge_chips();
  void judge_limits();
  void leave_doubtful_legs();
  void leave_leg_of(const Channels&);
  void judge_likes();
  void leave_likes();
  void judge_swaps();
  void judge_legs();
  void judge_voltages();
  void judge_directions();
  void judge_sizes(const Feeder&);
  void judge_size(Clamped&, double factor);
  void judge_feeding();
  void judge_sum();
  double drawn_of(const Feeder&) const;
  std::string evidence(const Finding&) const;
  Finding& add(Fault, std::vector<Clamped*>, double confidence);

  MeasuredPanel measured_;
  std::vector<Clamped>& all_ = measured_.clamps();
  bool is_measured_ = false;
  std::size_t feeder_ = 0;
  std::optional<ExchangeSearch> search_;  // Of that one.
  std::optional<Channels> exchange_, doubtful_;
  Report report_;
};

bool Examination::is_reversed(const Clamped& one) const {
  if (!one.turn) return false;
  const bool is_turned = clamp_of(one).multiplier < 0;
  if (panel().phases != 3) return (*one.turn == 1) != is_turned;
  return (*one.turn == 3 || *one.turn == 1 || *one.turn == 5) != is_turned;
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

void Examination::judge_chips() {
  for (std::size_t chip = 0; chip < measured_.volts().size(); ++chip) {
    const float volts = measured_.volts()[chip];
    if (volts >= no_volts) continue;
    auto& finding = add(std::isnan(volts) ? Fault::dead_chip : Fault::no_voltage, {}, 0.99);
    finding.chip = chip;
    finding.factor = static_cast<double>(volts);
  }
}

void Examination::judge_limits() {
  for (auto& one : all_) {
    if (one.current_end == CurrentEnd::none || one.is_explained) continue;
    const bool is_of_register = one.current_end == CurrentEnd::in_register;
    add(is_of_register ? Fault::current_limit : Fault::clipped, {&one},
        is_of_register ? 0.99 : 0.95)
        .factor = one.end_amperes;
  }
}

// Another clamp of the same circuit that does something else.
Clamped* Examination::lonely_beside(const Clamped& same) {
  const auto found = std::ranges::find_if(all_, [&](const Clamped& beside) {
    return beside.circuit == same.circuit && &beside != &same && beside.changes &&
           beside.follows.size() == 1;
  });
  return found == all_.end() ? nullptr : &*found;
}

// Whether its legs of the mains tell what changes in them.
bool Examination::is_seen(const Circuit& circuit) const {
  return std::ranges::all_of(measured_.feeders(), [&](const Feeder& feeder) {
    return std::ranges::all_of(circuit.legs, [&](int leg) {
      const auto at = static_cast<std::size_t>(leg) - 1;
      return at >= feeder.legs.size() || (feeder.scales[at] > 0 && !feeder.are_silent[at]);
    });
  });
}

void Examination::judge_likes() {
  for (auto& one : all_) {
    if (!one.like) continue;
    auto& other = all_[*one.like];
    if (one.circuit == other.circuit || one.is_explained || other.is_explained) continue;
    if (!one.is_placed) continue;
    const bool are_single = circuit_of(one).legs.size() == 1 && circuit_of(other).legs.size() == 1;
    if (one.follows.size() == 1 && are_single && is_seen(circuit_of(one)) &&
        is_seen(circuit_of(other))) {
      add(Fault::doubled, {&other, &one}, 0.95).leg = one.follows[0];
      continue;
    }
    // One of the two has its place, beside a clamp that should be like it and is not: that clamp
    // and the other one are exchanged.
    if (auto* exchanged = lonely_beside(other)) {
      add(Fault::swapped, {exchanged, &one}, 0.9);
    } else if (auto* exchanged_2 = lonely_beside(one)) {
      add(Fault::swapped, {exchanged_2, &other}, 0.9);
    } else if (are_single && one.follows.size() > 1) {
      add(Fault::two_pole_pair, {&other, &one}, 0.95);
    }
  }
}

// Where a mains' clamp may be exchanged with another one nothing is known of its leg.
void Examination::leave_leg_of(const Channels& channels) {
  const int leg = all_[measured_.find(channels[0])].own_leg;
  for (auto& one : all_) {
    const bool is_of_leg = panel().phases == 1 || one.own_leg == leg || one.own_leg == 0;
    one.is_explained |=
        is_of_leg || one.is_found_in(leg) || one.follows_none || one.channel == channels[1];
  }
}

// Where most of a leg's circuits do not fit, something else is wrong than each of them.
void Examination::leave_doubtful_legs() {
  for (int leg = 1; leg <= std::max(1, panel().phases); ++leg) {
    std::size_t fit = 0, strange = 0;
    const auto is_of_leg = [&](const Clamped& one) {
      return !is_of_grid(one) && !one.shares.empty() && (one.own_leg == leg || panel().phases == 1);
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
    if (one.is_explained || is_of_grid(one) || !is_misplaced(one)) continue;
    std::vector<Clamped*> partners;
    for (std::size_t b = a + 1; b < all_.size(); ++b) {
      auto& other = all_[b];
      if (other.is_explained || is_of_grid(other)) continue;
      if (other.circuit == one.circuit || !is_misplaced(other)) continue;
      if (fits(measured_, one, other) && fits(measured_, other, one)) partners.push_back(&other);
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
    if (one.is_explained || is_of_grid(one) || !one.is_placed) continue;
    const auto& circuit = circuit_of(one);
    if (circuit.legs.size() == 1 && one.follows.size() == 1 && one.follows[0] != circuit.legs[0]) {
      auto& finding = add(Fault::wrong_leg, {&one}, 0.93);
      finding.leg = one.follows[0];
      for (const auto& other : all_) {
        if (is_of_grid(other) || other.is_placed) continue;
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
  if (chip < panel().chips.size() && panel().chips[chip].leg > 0) return panel().chips[chip].leg;
  std::array<double, 3> votes{};
  for (const auto& one : all_) {
    if (measurement::chip_of(one.channel) != chip || !one.turn || real_leg(one) == 0) continue;
    for (int leg = 1; leg <= 3; ++leg) {
      const int turn =
          measured_.class_of(measured_.leg_angle(leg) - measured_.leg_angle(real_leg(one)));
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
  if (panel().phases != 3) return;
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
      // On the other pole of a breaker it would read so too.
      const bool is_seen = panel().phases != 2 || is_of_grid(one) ||
                           std::ranges::all_of(measured_.feeders(), &Feeder::is_seen);
      if (!is_reversed(one) || !is_seen) continue;
      add(Fault::reversed, {&one}, std::min(0.97, 1 - std::exp(-one.odds)));
      continue;
    }
    // Its own angle alone: enough of a load, and far enough from what any load has.
    if (circuit_of(one).kind != CircuitKind::load || panel().phases == 3) continue;
    if (panel().phases > 1 && !measured_.feeders().empty()) continue;
    if (!one.shares.empty() || std::abs(one.level) < 100) continue;
    const double sign = clamp_of(one).multiplier < 0 ? -1 : 1;
    if (std::abs(std::arg(sign * one.level)) < 140 * degree) continue;
    add(Fault::reversed, {&one}, 0.7);
  }
}

std::vector<std::string> types_near(double gain) {
  std::vector<std::string> names;
  for (const auto& type : clamp_types()) {
    if (std::abs(std::log(type.gain / gain)) < type_tolerance) names.emplace_back(type.name);
  }
  return names;
}

void Examination::judge_size(Clamped& one, double factor) {
  const double gain = clamp_of(one).current_gain;
  if (one.is_cut() || one.is_explained || std::abs(std::log(factor)) < least_factor) return;
  auto types = gain > 0 ? types_near(gain * factor) : std::vector<std::string>{};
  if (types.empty()) return;
  auto& finding = add(Fault::wrong_type, {&one}, 0.9);
  finding.factor = factor;
  finding.types = std::move(types);
  one.is_explained = false;
}

// Clamps of another type than the one that was set: they see more or less than the others do of the
// same current.
void Examination::judge_sizes(const Feeder& feeder) {
  const auto right_beside = [&](int leg, const Clamped* except) {
    return std::ranges::count_if(all_, [&](const Clamped& one) {
      return &one != except && !is_of_grid(one) && one.is_found_in(leg) && !one.shares.empty() &&
             one.placement.factor == 1;
    });
  };
  const auto is_cut = [&](int leg) {
    const auto mains = feeder.legs[static_cast<std::size_t>(leg) - 1];
    return mains != Feeder::none && all_[mains].is_cut();
  };
  for (std::size_t leg = 0; leg < feeder.legs.size(); ++leg) {
    if (is_cut(static_cast<int>(leg) + 1)) continue;
    if (feeder.scales[leg] == 0 || right_beside(static_cast<int>(leg) + 1, nullptr) < 2) continue;
    judge_size(all_[feeder.legs[leg]], 1 / feeder.scales[leg]);
  }
  for (auto& one : all_) {
    if (one.shares.size() != feeder.legs.size() || !one.placement.is_sized) continue;
    if (std::ranges::any_of(one.follows, is_cut)) continue;
    // Else it may as well be the mains' clamp.
    const bool is_certain =
        std::ranges::any_of(one.follows, [&](int leg) { return right_beside(leg, &one) > 0; });
    if (is_certain) judge_size(one, one.placement.factor);
  }
}

// Circuits that change nothing of the mains, where others do.
void Examination::judge_feeding() {
  const auto following = std::ranges::count_if(
      all_, [](const Clamped& one) { return !one.shares.empty() && !one.follows.empty(); });
  if (following < 2) return;
  if (!std::ranges::all_of(measured_.feeders(), &Feeder::is_whole)) return;
  for (auto& one : all_) {
    // Its other poles are tapped where it is.
    const bool is_found = std::ranges::any_of(all_, [&](const Clamped& other) {
      return other.circuit == one.circuit && !other.follows.empty();
    });
    if (!one.is_explained && one.follows_none && !is_found) {
      add(Fault::before_mains, {&one}, 0.9);
    }
  }
}

// How many times what comes in the circuits draw. 0: not known.
double Examination::drawn_of(const Feeder& feeder) const {
  const auto& recorder = measured_.recorder();
  double in_w = 0, out_w = 0;
  std::size_t times = 0;
  for (std::size_t at = 0; at < recorder.size(); ++at) {
    double in = 0, out = 0;
    for (const auto& one : all_) {
      const auto& circuit = circuit_of(one);
      const double watts =
          clamp_of(one).multiplier * static_cast<double>(recorder.point(at, one.channel).watts);
      if (one.circuit == feeder.circuit) in += watts;
      const bool is_under = !circuit.parent || *circuit.parent == feeder.circuit;
      if (circuit.kind == CircuitKind::load && is_under) out += watts;
    }
    if (!std::isfinite(in) || !std::isfinite(out)) continue;
    in_w += in;
    out_w += out;
    ++times;
  }
  if (times * 2 < recorder.size()) return 0;
  const auto n = static_cast<double>(times);
  return out_w < 1.15 * in_w + 100 * n ? 0 : out_w / std::max(n, in_w);
}

// Where each clamp by itself looks right, but more flows in the circuits than comes in. What is
// produced and not measured brings in more than the mains say.
void Examination::judge_sum() {
  if (panel().phases == 3 || measured_.has_production()) return;
  if (std::ranges::any_of(report_.findings, [](const Finding& f) { return !f.channels.empty(); }))
    return;
  for (const auto& feeder : measured_.feeders()) {
    const auto& circuit = panel().circuits[feeder.circuit];
    if (circuit.kind != CircuitKind::grid || !feeder.is_whole()) continue;
    const double drawn = drawn_of(feeder);
    if (drawn == 0) continue;
    auto& finding = add(Fault::more_than_mains, {}, 0.8);
    finding.factor = drawn;
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
    const auto at = measured_.find(channel);
    if (at == Feeder::none) continue;
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

bool Examination::measure() {
  if (is_measured_) return true;
  is_measured_ = measured_.measure();
  if (!is_measured_) return false;
  for (const auto channel : measured_.apart()) {
    all_[measured_.find(channel)].is_explained = true;
  }
  return true;
}

bool Examination::look_for_exchange() {
  const auto& feeders = measured_.feeders();
  if (search_) {
    if (!search_->step()) return false;
    const auto found = search_->found();
    search_.reset();
    ++feeder_;
    if (found) (found->is_sure ? exchange_ : doubtful_) = found->channels;
    if (exchange_) return true;
  }
  for (; feeder_ < feeders.size(); ++feeder_) {
    const bool is_of_grid = panel().circuits[feeders[feeder_].circuit].kind == CircuitKind::grid;
    if (measured_.apart().size() > most_apart || !is_of_grid) continue;
    search_.emplace(measured_, feeders[feeder_]);
    return false;
  }
  return true;
}

Finding Examination::swapped() const {
  Finding finding;
  finding.fault = Fault::swapped;
  finding.channels.assign(exchange_->begin(), exchange_->end());
  finding.confidence = 0.9F;
  finding.evidence = fmt::format("What the circuits change is found in CT{} instead of CT{}.",
                                 (*exchange_)[1] + 1, (*exchange_)[0] + 1);
  put_words(finding, panel());
  return finding;
}

Report Examination::judged() {
  judge_chips();
  judge_limits();
  if (doubtful_) leave_leg_of(*doubtful_);
  leave_doubtful_legs();
  judge_likes();
  leave_likes();
  judge_swaps();
  judge_legs();
  judge_voltages();
  judge_directions();
  for (const auto& feeder : measured_.feeders()) judge_sizes(feeder);
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
    put_words(finding, panel());
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

struct Examining::Work {
  Panel panel;
  const Recorder recorder;
  std::vector<std::size_t> apart{};  // Of exchanges that the panel has put right.
  std::vector<Finding> exchanges{};  // These.
  std::optional<Examination> now{};
};

Examining::Examining(Panel panel, Recorder recorder)
    : work_(new Work{std::move(panel), std::move(recorder)}) {}
Examining::~Examining() = default;
Examining::Examining(Examining&&) noexcept = default;
Examining& Examining::operator=(Examining&&) noexcept = default;

std::optional<Report> Examining::step() {
  auto& [panel, recorder, apart, exchanges, now] = *work_;
  std::chrono::milliseconds length{};
  if (recorder.size() >= 2) length = recorder.time(recorder.size() - 1) - recorder.time(0);
  if (length < shortest_examination) return Report{.length = length};
  if (!now) now.emplace(panel, recorder, apart);
  if (!now->measure() || !now->look_for_exchange()) return std::nullopt;
  if (const auto& channels = now->exchange()) {
    exchanges.push_back(now->swapped());
    apart.insert(apart.end(), channels->begin(), channels->end());
    panel = exchanged(now->measured(), *channels);
    now.reset();
    return std::nullopt;
  }
  auto report = now->judged();
  report.findings.insert(report.findings.end(), exchanges.rbegin(), exchanges.rend());
  report.length = length;
  return report;
}

Report examine(Panel panel, Recorder recorder) {
  Examining examining(std::move(panel), std::move(recorder));
  while (true) {
    if (auto report = examining.step()) return std::move(*report);
  }
}

}  // namespace insight::wiring
