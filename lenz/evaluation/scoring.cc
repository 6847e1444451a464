#include "lenz/evaluation/scoring.h"

#include <algorithm>
#include <chrono>
#include <cmath>
#include <limits>

namespace lenz::evaluation {
namespace {

using measurement::Timestamp;

constexpr float missing = std::numeric_limits<float>::quiet_NaN();

double seconds(Timestamp begin, Timestamp end) {
  return std::chrono::duration<double>(end - begin).count();
}

// One channel of a case, with what is not scored taken out.
class ChannelScoring {
 public:
  ChannelScoring(const Channel& channel, const ChannelTruth& truth, const ChannelEstimate& estimate,
                 const ScoringOptions& options, std::span<const Answered> answered)
      : channel_(channel),
        truth_(truth),
        options_(options),
        powers_(options.is_live ? estimate.live : estimate.revised),
        spans_(options.is_live ? estimate.live_spans : estimate.revised_spans),
        live_spans_(estimate.live_spans),
        held_(channel.held_s()),
        times_(*channel.times) {
    is_out_.assign(channel.rows(), false);
    for (std::size_t row = 0; row < channel.rows(); ++row) {
      is_out_[row] = std::isnan(channel.active_power_w[row]);
    }
    for (const auto& span : answered) {
      for (auto row = row_of(span.begin); row < row_of(span.end); ++row) is_out_[row] = true;
      answered_.push_back(span);
    }
  }

  void add_to(CaseScore& score) const {
    for (std::size_t row = 0; row < channel_.rows(); ++row) {
      if (is_out_[row]) continue;
      const auto hours = static_cast<double>(held_[row]) / 3600;
      score.hours += hours;
      score.measured_wh += std::abs(static_cast<double>(channel_.active_power_w[row])) * hours;
      score.unexplained_wh += std::abs(static_cast<double>(powers_.rest[row])) * hours;
    }
    std::set<ApplianceKind> kinds;
    for (const auto& meter : truth_.meters) kinds.insert(meter.kind);
    for (const auto& [kind, power] : powers_.kinds) kinds.insert(kind);
    for (const auto kind : kinds) {
      if (is_nameable(kind) && truth_.judges(kind)) add_kind(kind, score.kinds);
    }
    add_names(score);
    if (options_.of_types && truth_.is_whole && truth_.meters.size() == 1) add_types(score);
  }

 private:
  std::size_t row_of(Timestamp time) const {
    return static_cast<std::size_t>(std::ranges::lower_bound(times_, time) - times_.begin());
  }

  std::vector<float> scored(std::vector<float> power) const {
    power.resize(channel_.rows(), 0.0F);  // A kind that was left out draws nothing.
    for (std::size_t row = 0; row < power.size(); ++row) {
      if (is_out_[row]) power[row] = missing;
    }
    return power;
  }

  bool was_answered(Timestamp begin, Timestamp end) const {
    return std::ranges::any_of(
        answered_, [&](const Answered& span) { return span.begin < end && begin < span.end; });
  }

  std::vector<float> estimated(ApplianceKind kind) const {
    const auto found = powers_.kinds.find(kind);
    return scored(found == powers_.kinds.end() ? std::vector<float>() : found->second);
  }

  // Months of channels where nothing else runs: a kind that neither is nor is said has no score.
  bool is_said(ApplianceKind kind) const {
    const auto found = powers_.kinds.find(kind);
    if (found == powers_.kinds.end()) return false;
    return std::ranges::any_of(found->second, [](float w) { return w > 0 || w < 0; });
  }

  void add_kind(ApplianceKind kind, std::map<ApplianceKind, KindScore>& scores) const {
    std::vector<const TrueMeter*> meters;
    for (const auto& meter : truth_.meters) {
      if (meter.kind == kind) meters.push_back(&meter);
    }
    if (meters.empty() && !is_said(kind)) return;
    auto& score = scores[kind];
    const auto guess = estimated(kind);
    std::vector<float> truth = scored({});
    std::vector<Step> true_steps;
    for (const auto* meter : meters) {
      score.is_present = true;
      const auto power = scored(meter->active_power_w);
      for (std::size_t row = 0; row < truth.size(); ++row) truth[row] += power[row];
      std::ranges::copy(steps(times_, power, held_), std::back_inserter(true_steps));
      const auto runs = activations(times_, power, held_, kind);
      score.activations += static_cast<double>(runs.size());
      add_latencies(kind, runs, score);
    }
    std::ranges::stable_sort(true_steps, {}, &Step::row);
    const auto true_runs = activations(times_, truth, held_, kind);
    const auto guessed_runs = activations(times_, guess, held_, kind);

    score.power += power_errors(times_, held_, truth, guess);
    score.steps += match_steps(times_, true_steps, steps(times_, guess, held_),
                               std::max(10.0, channel_.interval_s));
    score.activation_hits += match_activations(times_, true_runs, guessed_runs);
    score.status_hours += status(true_runs, guessed_runs);
  }

  Hits status(std::span<const Activation> truth, std::span<const Activation> guess) const {
    if (truth.empty() && guess.empty()) return {};
    std::vector<std::uint8_t> on(channel_.rows(), 0);
    for (const auto& run : truth)
      std::fill(on.begin() + at(run.begin), on.begin() + at(run.end), 1);
    for (const auto& run : guess) {
      for (auto row = run.begin; row < run.end; ++row) on[row] |= 2;
    }
    Hits hours;
    for (std::size_t row = 0; row < on.size(); ++row) {
      const auto h = static_cast<double>(held_[row]) / 3600;
      if (on[row] == 3) hours.right += h;
      if (on[row] == 2) hours.wrong += h;
      if (on[row] == 1) hours.missed += h;
    }
    return hours;
  }

  static std::ptrdiff_t at(std::size_t row) { return static_cast<std::ptrdiff_t>(row); }

  Timestamp end_of(const Activation& run) const {
    return run.end < times_.size() ? times_[run.end] : times_.back();
  }

  void add_latencies(ApplianceKind kind, std::span<const Activation> runs, KindScore& score) const {
    std::vector<const NamedSpan*> named;
    for (const auto& span : live_spans_) {
      if (span.kind == kind && span.named_at) named.push_back(&span);
    }
    std::ranges::stable_sort(named, {}, &NamedSpan::begin);
    std::size_t next = 0;
    for (const auto& run : runs) {
      while (next < named.size() && named[next]->end < times_[run.begin]) ++next;
      if (next == named.size()) return;
      const auto& first = *named[next];
      if (first.begin > end_of(run)) continue;
      score.latencies_s.push_back(std::max(0.0, seconds(times_[run.begin], *first.named_at)));
    }
  }

  // Energy of a meter in a span of time.
  double energy_wh(const std::vector<float>& power, Timestamp begin, Timestamp end) const {
    double sum = 0;
    for (auto row = row_of(begin); row < channel_.rows() && times_[row] < end; ++row) {
      if (std::isnan(power[row])) continue;
      sum += static_cast<double>(power[row]) * static_cast<double>(held_[row]) / 3600;
    }
    return sum;
  }

  void add_names(CaseScore& score) const {
    // Of which meter most of each appliance's spans are.
    std::map<std::uint32_t, std::map<std::size_t, double>> votes;
    std::vector<std::size_t> meter_of(spans_.size(), truth_.meters.size());
    for (std::size_t i = 0; i < spans_.size(); ++i) {
      double most = 0;
      for (std::size_t m = 0; m < truth_.meters.size(); ++m) {
        const auto wh = energy_wh(truth_.meters[m].active_power_w, spans_[i].begin, spans_[i].end);
        if (wh > most) {
          most = wh;
          meter_of[i] = m;
        }
      }
      votes[spans_[i].appliance][meter_of[i]] += 1;
    }
    for (std::size_t i = 0; i < spans_.size(); ++i) {
      const auto& span = spans_[i];
      if (!span.kind || !is_nameable(*span.kind) || was_answered(span.begin, span.end)) continue;
      if (span.is_shown) score.shown_wh += span.energy_wh;
      if (!truth_.judges(*span.kind)) continue;
      double wh = 0;
      for (const auto& meter : truth_.meters) {
        if (meter.kind == *span.kind) wh += energy_wh(meter.active_power_w, span.begin, span.end);
      }
      const bool is_right = wh > 0 && wh >= 0.5 * span.energy_wh;
      if (!std::isnan(span.probability)) score.guesses.emplace_back(span.probability, is_right);
      if (!span.is_shown) continue;
      auto& kind = score.kinds[*span.kind];
      (is_right ? kind.shown.right : kind.shown.wrong) += 1;
      if (is_right) kind.shown_right_wh += std::min(span.energy_wh, wh);
      const auto& of_appliance = votes[span.appliance];
      const auto majority =
          std::ranges::max_element(of_appliance, {}, [](const auto& vote) { return vote.second; });
      const bool is_same = meter_of[i] < truth_.meters.size() && meter_of[i] == majority->first;
      (is_same ? score.as_appliance.right : score.as_appliance.wrong) += 1;
    }
  }

  // Activations; those longer than a day are cut into days. A channel without any: its days.
  std::vector<Activation> units(ApplianceKind kind) const {
    const auto power = scored(truth_.meters.front().active_power_w);
    auto runs = activations(times_, power, held_, kind);
    if (runs.empty() && channel_.rows() > 0) runs.push_back({0, channel_.rows()});
    std::vector<Activation> cut;
    for (auto run : runs) {
      while (seconds(times_[run.begin], times_[run.end - 1]) > 24 * 3600) {
        const auto middle = row_of(times_[run.begin] + std::chrono::days(1));
        cut.push_back({run.begin, middle});
        run.begin = middle;
      }
      cut.push_back(run);
    }
    std::erase_if(cut, [&](const Activation& unit) {
      return was_answered(times_[unit.begin], end_of(unit)) ||
             energy_wh(power, times_[unit.begin], end_of(unit)) <= 0;
    });
    return cut;
  }

  // The kind with most of what was estimated there; absent: most of it is unexplained.
  std::optional<ApplianceKind> guess(const Activation& unit) const {
    const auto sum = [&](const std::vector<float>& power) {
      double all = 0;
      for (auto row = unit.begin; row < unit.end; ++row) {
        if (!is_out_[row]) all += static_cast<double>(power[row] * held_[row]);
      }
      return all;
    };
    std::optional<ApplianceKind> best;
    double most = 0, explained = 0;
    for (const auto& [kind, power] : powers_.kinds) {
      const auto part = sum(power);
      explained += part;
      if (part <= most) continue;
      best = kind;
      most = part;
    }
    if (explained < sum(powers_.rest) || !best || !is_nameable(*best)) return std::nullopt;
    return best;
  }

  void add_types(CaseScore& score) const {
    const auto kind = truth_.meters.front().kind;
    const auto all = units(kind);
    if (all.empty()) return;
    auto& channels = score.kinds[kind].channels;
    (guess({0, channel_.rows()}) == kind ? channels.right : channels.missed) += 1;
    const auto weight = 1 / static_cast<double>(all.size());
    if (options_.learnt.contains(kind)) {
      for (const auto& unit : all) score.types[{kind, guess(unit)}] += weight;
      return;
    }
    score.unseen += 1;
    for (const auto& unit : all) {
      const bool is_named = std::ranges::any_of(spans_, [&](const NamedSpan& span) {
        return span.is_shown && span.kind && is_nameable(*span.kind) && span.begin < end_of(unit) &&
               span.end > times_[unit.begin];
      });
      if (!is_named) score.unseen_unknown += weight;
    }
  }

  const Channel& channel_;
  const ChannelTruth& truth_;
  const ScoringOptions& options_;
  const Powers& powers_;
  const std::vector<NamedSpan>&spans_, &live_spans_;
  std::vector<float> held_;
  std::span<const Timestamp> times_;
  std::vector<bool> is_out_;
  std::vector<Answered> answered_;
};

}  // namespace

CaseScore score(const Case& one, std::span<const ChannelEstimate> estimates,
                const ScoringOptions& options) {
  CaseScore made{.name = one.name};
  made.unit = one.households.size() == 1 ? *one.households.begin() : one.name;
  for (std::size_t i = 0; i < one.channels.size(); ++i) {
    // Of a circuit with unknown appliances there is nothing to say.
    if (one.truths[i].meters.empty() && one.truths[i].moved.empty()) continue;
    std::vector<Answered> answered;
    for (const auto& span : options.answered) {
      if (span.channel == i) answered.push_back(span);
    }
    ChannelScoring(one.channels[i], one.truths[i], estimates[i], options, answered).add_to(made);
  }
  return made;
}

}  // namespace lenz::evaluation
