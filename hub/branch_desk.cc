#include "hub/branch_desk.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <set>

#include "hub/history.h"
#include "insight/calibration/meter_light.h"

namespace hub {

using insight::Accuracy;
using measurement::Timestamp;
using namespace std::chrono_literals;

namespace {

constexpr auto longest_break = 60s;       // Between two samples of one rhythm.
constexpr double least_step_share = 0.2;  // Of a clamp that steps, too.
constexpr double draws_w = 20;            // More than that: it is on.

const Circuit* find(const Panel& panel, std::string_view id) {
  const auto found = std::ranges::find(panel.circuits, id, &Circuit::id);
  return found == panel.circuits.end() ? nullptr : &*found;
}

// The worst of a circuit's clamps, at power factor 1.
double plus_minus(const std::vector<CalibrationRecord>& book, const std::vector<ChannelUse>& clamps,
                  double volts, double amperes) {
  double worst = 0;
  for (const auto& clamp : clamps) {
    worst =
        std::max(worst, insight::plus_minus_percent(accuracy_of(book, clamp), volts, amperes, 1));
  }
  return worst;
}

// Of one clamp, or of several together once they have a gain that was found together.
double plus_minus_after(const std::vector<CalibrationRecord>& book, const ChannelUse& clamp,
                        const insight::TakenGain& taken, double volts) {
  const auto after = insight::by_mains(accuracy_of(book, clamp), taken, 1);
  return insight::plus_minus_percent(after, volts, taken.amperes, 1);
}

std::vector<WordsChange> changes_of(const std::vector<ChannelUse>& clamps,
                                    const insight::TakenGain& taken, const std::string& reference) {
  std::vector<WordsChange> changes;
  for (const auto& clamp : clamps) {
    changes.push_back({.clamp = clamp,
                       .reference = reference,
                       .words =
                           [factor = taken.factor](const measurement::ChannelWords& words) {
                             return insight::raised(words, factor);
                           },
                       .accuracy =
                           [taken, count = clamps.size()](const Accuracy& before) {
                             return insight::by_mains(before, taken, count);
                           }});
  }
  return changes;
}

// The mean of what a circuit's clamps turn back and forth, to the watt; 0 where nothing is known.
double vars_per_watt(Store& store, const Circuit& circuit, TimeRange range) {
  double vars = 0, watts = 0;
  for (const auto& use : circuit.channels) {
    const auto power =
        store.read({use.device, measurement::Quantity::active_power, use.channel}, range, 1h);
    const auto reactive =
        store.read({use.device, measurement::Quantity::reactive_power, use.channel}, range, 1h);
    if (!power || !reactive) continue;
    for (std::size_t i = 0; i < std::min(power->mean.size(), reactive->mean.size()); ++i) {
      const auto each = static_cast<double>(reactive->mean[i]);
      if (std::isnan(each) || std::isnan(power->mean[i])) continue;
      vars += std::abs(each);
      watts += std::abs(static_cast<double>(power->mean[i]));
    }
  }
  return watts > 0 ? vars / watts : 0;
}

double phase_percent(const std::vector<CalibrationRecord>& book, const Circuit& branch,
                     const Circuit& mains, double vars_per_watt) {
  return insight::phase_percent(
      accuracy_of(book, branch.channels[0]), accuracy_of(book, mains.channels[0]),
      branch.channels[0].device == mains.channels[0].device, vars_per_watt);
}

}  // namespace

const Circuit* metered_mains(const Panel& panel) {
  const auto found = std::ranges::find_if(panel.circuits, [](const Circuit& circuit) {
    return circuit.kind == CircuitKind::grid && !circuit.channels.empty();
  });
  return found == panel.circuits.end() ? nullptr : &*found;
}

std::vector<const Circuit*> branches_of(const Panel& panel) {
  std::vector<const Circuit*> found;
  for (const auto& circuit : panel.circuits) {
    if (circuit.kind == CircuitKind::grid || circuit.channels.empty()) continue;
    const auto* above = find(panel, circuit.parent);
    while (above && above->kind != CircuitKind::grid && above->channels.empty()) {
      above = find(panel, above->parent);
    }
    if (!above || above->kind == CircuitKind::grid) found.push_back(&circuit);
  }
  return found;
}

// --- One load, switched

std::expected<void, std::string> BranchDesk::begin_switching(const std::string& id, Timestamp now) {
  const auto& panel = panel_at(home_, now);
  const auto* circuit = find(panel, id);
  const auto* mains = metered_mains(panel);
  if (!mains || mains->channels.size() > 3) {
    return std::unexpected("It takes a clamp on each leg of the mains, three at most.");
  }
  if (!circuit || circuit->kind == CircuitKind::grid || circuit->channels.empty()) {
    return std::unexpected("Choose a circuit with a clamp behind the mains.");
  }
  switching_ = Switching{.circuit = id,
                         .clamps = circuit->channels,
                         .mains_clamps = mains->channels,
                         .begin = now,
                         .end = now + longest_switching,
                         .gain = insight::branch_gain({})};
  return {};
}

const BranchDesk::Switching* BranchDesk::switching(Timestamp now) {
  if (!switching_) return nullptr;
  const auto& panel = panel_at(home_, now);
  const auto* mains = metered_mains(panel);
  const auto* branch = find(panel, switching_->circuit);
  const bool is_as_begun = mains && mains->channels == switching_->mains_clamps && branch &&
                           branch->channels == switching_->clamps;
  if (!is_as_begun) {
    switching_.reset();  // Somebody changed the panel.
    return nullptr;
  }
  if (!switching_->is_set) look(*switching_, *mains, *branch, now);
  return &*switching_;
}

void BranchDesk::look(Switching& switching, const Circuit& mains, const Circuit& branch,
                      Timestamp now) {
  const auto book = load_calibrations(book_);
  const TimeRange range{switching.begin, std::min(now, switching.end)};
  if (range.begin >= range.end) return;
  std::vector<insight::SwitchedMoment> all;
  const auto add = [&](const ChannelUse& use, auto to_what) {
    const auto points =
        store_.read({use.device, measurement::Quantity::active_power, use.channel}, range, 1s);
    if (!points) return;
    all.resize(std::max(all.size(), points->mean.size()), {.branch_w = 0});
    for (std::size_t i = 0; i < all.size(); ++i) {
      const double watts = i < points->mean.size() ? static_cast<double>(points->mean[i]) : NAN;
      all[i].time_s =
          static_cast<double>(
              (points->begin + static_cast<std::int64_t>(i) * 1s).time_since_epoch().count()) /
          1000;
      to_what(all[i]) += use.multiplier * watts;
    }
  };
  for (const auto& use : branch.channels) {
    add(use, [](insight::SwitchedMoment& moment) -> double& { return moment.branch_w; });
  }
  for (std::size_t c = 0; c < mains.channels.size(); ++c) {
    add(mains.channels[c],
        [c](insight::SwitchedMoment& moment) -> double& { return moment.mains_clamps_w.at(c); });
  }
  // Seconds without a sample are no break as long as the meter's rhythm is kept.
  std::vector<insight::SwitchedMoment> moments;
  for (const auto& moment : all) {
    const auto& legs = moment.mains_clamps_w;
    if (std::isnan(moment.branch_w + legs[0] + legs[1] + legs[2])) continue;
    const double break_s = std::chrono::duration<double>(longest_break).count();
    if (!moments.empty() && moment.time_s - moments.back().time_s > break_s) moments.clear();
    moments.push_back(moment);
  }
  switching.steps = insight::steps_in(moments);
  switching.gain = insight::branch_gain(switching.steps);
  if (!switching.gain) return;
  switching.wrong_legs = insight::wrong_legs(switching.steps, mains.legs, branch.legs);

  const double volts = home_.nominal_voltage_v;
  const auto count = static_cast<double>(switching.clamps.size());
  auto& taken = switching.taken = {.factor = switching.gain->factor,
                                   .gain_deviation = switching.gain->gain_deviation};
  double step_w = 0;
  for (const auto& step : switching.steps) {
    step_w += std::abs(step.mains_w) / static_cast<double>(switching.steps.size());
  }
  for (std::size_t c = 0; c < mains.channels.size(); ++c) {
    const auto& step = switching.steps.back();
    const double share = step.mains_clamps_w.at(c) / step.mains_w;
    if (share < least_step_share) continue;
    double carried_w = 0;
    for (const auto& moment : moments) {
      carried_w += std::abs(moment.mains_clamps_w.at(c)) / static_cast<double>(moments.size());
    }
    for (const double watts : {step_w * share, carried_w}) {
      taken.mains_percent = std::max(taken.mains_percent,
                                     plus_minus(book, {mains.channels[c]}, volts, watts / volts));
    }
  }
  taken.amperes = step_w / volts / count;
  switching.before_percent = plus_minus(book, switching.clamps, volts, taken.amperes);
  switching.after_percent = plus_minus_after(book, switching.clamps[0], taken, volts);
  if (switching.after_percent >= switching.before_percent) {
    switching.gain = std::unexpected(fmt::format(
        "It would not become surer: it may be off by {:.2g} % now, and the mains by {:.2g} %. Set "
        "the mains first.",
        switching.before_percent, taken.mains_percent));
  }
}

std::expected<std::vector<WordsChange>, std::string> BranchDesk::switching_changes(Timestamp now) {
  const auto* found = switching(now);
  if (!found) return std::unexpected("Nothing is being switched: begin with a circuit.");
  if (found->is_set) return std::unexpected("It is set already: begin again to check it.");
  if (!found->gain) return std::unexpected(found->gain.error());
  return changes_of(
      found->clamps, found->taken,
      fmt::format("One load, switched, against the mains: {} steps", found->gain->steps));
}

void BranchDesk::was_set_by_switching() {
  if (switching_) switching_->is_set = true;
}

// --- The sum of all

BranchDesk::SumLook::SumLook(BranchDesk& desk, Timestamp now) : desk_(&desk), now_(now) {
  desk_->sum_.reset();
}

std::expected<std::vector<double>, std::string> BranchDesk::SumLook::minutes_of(
    const Circuit& circuit) const {
  const HistoryColumns columns{.mean = true, .min = false, .max = false, .total = false};
  const auto found = history(desk_->home_, circuit.id, steps_, desk_->store_, columns);
  if (!found) return std::unexpected(fmt::format("The store: {}.", sentence(found.error())));
  return std::vector<double>(found->mean.begin(), found->mean.end());
}

std::expected<void, std::string> BranchDesk::SumLook::begin() {
  const auto& panel = panel_at(desk_->home_, now_);
  const auto* mains = metered_mains(panel);
  const auto circuits = branches_of(panel);
  if (!mains || circuits.empty()) {
    return std::unexpected("It takes clamps on the mains, and on circuits behind them.");
  }
  mains_ = *mains;
  book_ = load_calibrations(desk_->book_);
  auto begin = std::max(now_ - longest_sum, panel.valid_from);
  begin = std::max(begin, newest_of(book_, mains->channels));
  for (const auto* circuit : circuits) {
    begin = std::max(begin, newest_of(book_, circuit->channels));
    left_.insert(left_.begin(), *circuit);
  }
  // Whole minutes that are over.
  const auto first = (begin.time_since_epoch() + 1min - 1ms) / 1min;
  steps_ = {
      Timestamp(first * 1min), 1min,
      static_cast<std::size_t>(std::max<std::int64_t>(now_.time_since_epoch() / 1min - first, 0))};
  sum_ = {.begin = steps_.begin, .end = steps_.end()};
  auto of_mains = minutes_of(mains_);
  if (!of_mains) return std::unexpected(of_mains.error());
  of_mains_ = std::move(*of_mains);
  for (const double watts : of_mains_) {
    if (std::isnan(watts)) continue;
    mains_w_ += std::abs(watts);
    ++mains_minutes_;
  }
  if (mains_minutes_ < static_cast<double>(least_minutes)) {
    return std::unexpected(fmt::format(
        "A day of minutes is needed since the clamps were set last, and {:.0f} are there.",
        mains_minutes_));
  }
  mains_w_ /= mains_minutes_;
  const double volts = desk_->home_.nominal_voltage_v;
  const double amperes = mains_w_ / volts / static_cast<double>(mains_.channels.size());
  sum_.mains_percent = plus_minus(book_, mains_.channels, volts, amperes);
  return {};
}

std::expected<void, std::string> BranchDesk::SumLook::read_branch(const Circuit& circuit) {
  auto watts = minutes_of(circuit);
  if (!watts) return std::unexpected(watts.error());
  double squares = 0, sizes = 0, all = 0, count = 0;
  for (const double each : *watts) {
    if (std::isnan(each)) continue;
    all += each;
    ++count;
    if (std::abs(each) < draws_w) continue;
    squares += each * each;
    sizes += std::abs(each);
  }
  // A clamp that was not there all the time must not cost the others theirs.
  if (count < mains_minutes_ / 2) return {};
  const double volts = desk_->home_.nominal_voltage_v;
  Branch branch{.circuit = circuit.id, .clamps = circuit.channels, .mean_w = all / count};
  branch.taken.amperes = std::max(sizes > 0 ? squares / sizes : std::abs(branch.mean_w), 1.0) /
                         volts / static_cast<double>(circuit.channels.size());
  branch.before_percent = plus_minus(book_, circuit.channels, volts, branch.taken.amperes);
  branch.taken.phase_percent = phase_percent(
      book_, circuit, mains_, vars_per_watt(desk_->store_, circuit, {steps_.begin, steps_.end()}));
  priors_.push_back(
      std::hypot(branch.before_percent, sum_.mains_percent, branch.taken.phase_percent) / 1.96);
  sum_.branches.push_back(std::move(branch));
  of_branches_.push_back(std::move(*watts));
  return {};
}

void BranchDesk::SumLook::finish(const insight::BranchSum& fit) {
  const double volts = desk_->home_.nominal_voltage_v;
  sum_.minutes = fit.minutes;
  for (std::size_t b = 0; b < sum_.branches.size(); ++b) {
    auto& branch = sum_.branches[b];
    auto& taken = branch.taken;
    taken.factor = fit.branches[b].factor;
    taken.gain_deviation = 100 * fit.branches[b].plus_minus / 1.96;
    taken.mains_percent =
        std::max(sum_.mains_percent, plus_minus(book_, mains_.channels, volts, taken.amperes));
    branch.after_percent = plus_minus_after(book_, branch.clamps[0], taken, volts);
  }
  sum_.unmeasured_w = fit.unmeasured_w;
  sum_.always_w = fit.always_w;
  for (const auto& clamp : mains_.channels) {
    sum_.plus_minus_w =
        std::max(sum_.plus_minus_w,
                 insight::unmeasured_plus_minus(fit, accuracy_of(book_, clamp), mains_w_, volts));
  }
  desk_->sum_ = std::move(sum_);
}

std::optional<std::expected<void, std::string>> BranchDesk::SumLook::step() {
  std::expected<void, std::string> done;
  if (of_mains_.empty()) {
    done = begin();
  } else if (!left_.empty()) {
    done = read_branch(left_.back());
    left_.pop_back();
  } else if (!fitting_) {
    fitting_.emplace(of_mains_, of_branches_, priors_);
  } else if (const auto fit = fitting_->step()) {
    if (!*fit) return std::unexpected(fit->error());
    finish(**fit);
    return done;
  }
  if (!done) return done;
  return std::nullopt;
}

std::expected<void, std::string> BranchDesk::look_at_sum(Timestamp now) {
  SumLook look(*this, now);
  while (true) {
    if (auto done = look.step()) return *std::move(done);
  }
}

std::expected<std::vector<WordsChange>, std::string> BranchDesk::sum_changes(
    const std::vector<std::string>& circuits) const {
  if (!sum_) return std::unexpected("The sum was not looked at: look at it first.");
  if (sum_->is_set)
    return std::unexpected("It is set already: the next days tell how right it is.");
  std::vector<WordsChange> changes;
  for (const auto& branch : sum_->branches) {
    if (std::ranges::find(circuits, branch.circuit) == circuits.end()) continue;
    if (!branch.is_better()) {
      return std::unexpected(fmt::format("{} would not become surer by the sum.", branch.circuit));
    }
    const auto reference = fmt::format("Sum of branches against mains, {} minutes", sum_->minutes);
    for (auto& change : changes_of(branch.clamps, branch.taken, reference)) {
      changes.push_back(std::move(change));
    }
  }
  if (changes.empty()) return std::unexpected("No circuit was chosen that becomes surer by it.");
  return changes;
}

void BranchDesk::was_set_by_sum() {
  if (sum_) sum_->is_set = true;
}

}  // namespace hub
