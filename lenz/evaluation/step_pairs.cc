#include "lenz/evaluation/step_pairs.h"

#include <algorithm>
#include <chrono>
#include <cmath>
#include <random>
#include <utility>

namespace lenz::evaluation {
namespace {

using measurement::Timestamp;

double seconds(Timestamp begin, Timestamp end) {
  return std::chrono::duration<double>(end - begin).count();
}

constexpr double log_size_step = 0.05, least_log_size = 3.4;       // From 30 W to 26 kW.
constexpr double log_duration_step = 0.5, least_log_duration = 0;  // From 1 s to 2 days.

// Each cell to its neighbours, as a bell of this width.
template <class Get>
std::vector<double> smoothed(std::size_t cells, double width, Get get) {
  std::vector<double> made(cells, 0.0);
  const auto reach = static_cast<std::ptrdiff_t>(3 * width + 1);
  double sum = 0;
  for (auto d = -reach; d <= reach; ++d) {
    sum += std::exp(-0.5 * static_cast<double>(d * d) / (width * width));
  }
  for (std::size_t i = 0; i < cells; ++i) {
    const double value = get(i);
    if (value <= 0) continue;
    for (auto d = -reach; d <= reach; ++d) {
      const auto to = std::clamp<std::ptrdiff_t>(static_cast<std::ptrdiff_t>(i) + d, 0,
                                                 static_cast<std::ptrdiff_t>(cells) - 1);
      made[static_cast<std::size_t>(to)] +=
          value * std::exp(-0.5 * static_cast<double>(d * d) / (width * width)) / sum;
    }
  }
  return made;
}

}  // namespace

std::vector<StepPair> pair_steps(std::span<const Timestamp> times, std::span<const float> power,
                                 std::span<const float> held_s) {
  constexpr double most_off = 0.125, least_off_w = 25;
  constexpr double longest_s = 24 * 3600;
  std::vector<StepPair> pairs;
  std::vector<std::size_t> open;  // Among pairs.
  std::size_t row = 0;
  const auto close_all = [&](std::size_t at) {
    for (const auto i : open) pairs[i].off = at;
    open.clear();
  };
  for (const auto& step : steps(times, power, held_s)) {
    for (; row < step.row; ++row) {
      const bool is_gap = std::isnan(power[row]) || seconds(times[row], times[row + 1]) >
                                                        static_cast<double>(held_s[row]) + 1e-3;
      if (is_gap && !open.empty()) close_all(row + (std::isnan(power[row]) ? 0 : 1));
    }
    if (step.size_w > 0) {
      open.push_back(pairs.size());
      pairs.push_back({step.row, power.size(), step.size_w});
      continue;
    }
    std::erase_if(open, [&](std::size_t i) {
      return seconds(times[pairs[i].on], times[step.row]) >= longest_s;
    });
    const auto size = -step.size_w;
    std::optional<std::size_t> best;
    double best_distance = 1;
    for (std::size_t i = 0; i < open.size(); ++i) {
      const auto& pair = pairs[open[i]];
      const auto distance =
          std::abs(pair.size_w - size) / std::max(most_off * pair.size_w, least_off_w);
      if (distance <= best_distance) {
        best = i;
        best_distance = distance;
      }
    }
    if (!best) continue;
    pairs[open[*best]].off = step.row;
    pairs[open[*best]].is_closed = true;
    open.erase(open.begin() + static_cast<std::ptrdiff_t>(*best));
  }
  return pairs;
}

std::size_t StepDensities::size_cell(double size_w) {
  const auto at = (std::log(std::max(size_w, 1.0)) - least_log_size) / log_size_step;
  return static_cast<std::size_t>(std::clamp(at, 0.0, static_cast<double>(sizes - 1)));
}

std::size_t StepDensities::duration_cell(double duration_s) {
  const auto at = (std::log(std::max(duration_s, 1.0)) - least_log_duration) / log_duration_step;
  return static_cast<std::size_t>(std::clamp(at, 0.0, static_cast<double>(durations - 1)));
}

void StepDensities::fit(CaseList training, std::uint64_t seed) {
  kinds_.clear();
  constexpr std::size_t most_of_meter = 400;
  std::mt19937_64 random(seed);
  std::map<ApplianceKind, std::vector<double>> durations_of;
  std::map<ApplianceKind, double> meters_of;
  for (const auto& one : training) {
    for (std::size_t c = 0; c < one->channels.size(); ++c) {
      const auto held = one->channels[c].held_s();
      const std::span<const Timestamp> times = *one->channels[c].times;
      for (const auto& meter : one->truths[c].meters) {
        double hours = 0;
        for (std::size_t row = 0; row < held.size(); ++row) {
          if (std::isfinite(meter.active_power_w[row])) {
            hours += static_cast<double>(held[row]) / 3600;
          }
        }
        if (hours <= 0) continue;
        meters_of[meter.kind] += 1;
        auto pairs = pair_steps(times, meter.active_power_w, held);
        std::erase_if(pairs, [](const auto& pair) { return !pair.is_closed; });
        const auto weight = static_cast<double>(pairs.size()) / hours;
        if (pairs.size() > most_of_meter) {
          for (std::size_t i = 0; i < most_of_meter; ++i) {
            std::swap(pairs[i], pairs[i + random() % (pairs.size() - i)]);
          }
          pairs.resize(most_of_meter);
        }
        auto& table = kinds_[meter.kind].per_hour;
        for (const auto& pair : pairs) {
          const auto duration = seconds(times[pair.on], times[pair.off]);
          table[size_cell(pair.size_w)][duration_cell(duration)] +=
              static_cast<float>(weight / static_cast<double>(pairs.size()));
          durations_of[meter.kind].push_back(duration);
        }
      }
    }
  }
  for (auto& [kind, of_kind] : kinds_) {
    auto& table = of_kind.per_hour;
    const auto meters = meters_of[kind];
    for (std::size_t d = 0; d < durations; ++d) {
      const auto column = smoothed(
          sizes, 1.5, [&](std::size_t s) { return static_cast<double>(table[s][d]) / meters; });
      for (std::size_t s = 0; s < sizes; ++s) table[s][d] = static_cast<float>(column[s]);
    }
    for (auto& row : table) {
      const auto line =
          smoothed(durations, 0.8, [&](std::size_t d) { return static_cast<double>(row[d]); });
      for (std::size_t d = 0; d < durations; ++d) row[d] = static_cast<float>(line[d]);
    }
    for (std::size_t s = 0; s < sizes; ++s) {
      for (const auto value : table[s]) of_kind.by_size[s] += value;
    }
    auto& all = durations_of[kind];
    if (all.empty()) continue;
    std::ranges::sort(all);
    of_kind.longest_s = all[all.size() * 95 / 100];
  }
}

std::optional<StepDensities::Guess> StepDensities::guess(double size_w, double duration_s) const {
  const auto s = size_cell(size_w);
  const bool with_duration = by_duration_ && duration_s > 0;
  const auto d = duration_cell(duration_s);
  // Pairs of this size that no known appliance makes: one in ten days.
  constexpr double of_none = 1.0 / 240;
  double sum = with_duration ? of_none / 10 : of_none;
  std::optional<Guess> best;
  for (const auto& [kind, of_kind] : kinds_) {
    const auto often =
        static_cast<double>(with_duration ? of_kind.per_hour[s][d] : of_kind.by_size[s]);
    sum += often;
    if (often > 0 && (!best || often > best->probability)) best = {kind, often};
  }
  if (best) best->probability /= sum;
  return best;
}

double StepDensities::longest_s(ApplianceKind kind) const {
  const auto found = kinds_.find(kind);
  return found == kinds_.end() ? 0 : found->second.longest_s;
}

Limits choose_limits(
    CaseList training,
    const std::function<std::vector<Proposal>(const Channel&, std::span<const float> held_s)>&
        propose) {
  constexpr std::array candidates = {0.0, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9};
  std::map<ApplianceKind, std::array<double, candidates.size()>> changes;
  for (const auto& one : training) {
    for (std::size_t c = 0; c < one->channels.size(); ++c) {
      const auto& channel = one->channels[c];
      if (!channel.facts.is_mains) continue;
      std::map<ApplianceKind, std::vector<float>> truth;
      for (const auto& meter : one->truths[c].meters) {
        auto& sum = truth[meter.kind];
        sum.resize(channel.rows(), 0.0F);
        for (std::size_t row = 0; row < sum.size(); ++row) sum[row] += meter.active_power_w[row];
      }
      const auto held = channel.held_s();
      const std::chrono::duration<double> span = channel.times->back() - channel.times->front();
      for (const auto& proposal : propose(channel, held)) {
        const auto found = truth.find(proposal.kind);
        if (found == truth.end()) continue;
        double change = 0;
        for (auto row = proposal.on; row < proposal.off; ++row) {
          const auto y = static_cast<double>(found->second[row]);
          if (std::isnan(y)) continue;
          change += (std::abs(proposal.size_w - y) - std::abs(y)) * static_cast<double>(held[row]);
        }
        auto& sums = changes[proposal.kind];
        for (std::size_t i = 0; i < candidates.size(); ++i) {
          if (proposal.probability >= candidates[i]) sums[i] += change / (span.count() + 1);
        }
      }
    }
  }
  Limits limits;
  for (const auto& [kind, sums] : changes) {
    const auto best = std::ranges::min_element(sums);
    if (*best < 0) limits[kind] = candidates[static_cast<std::size_t>(best - sums.begin())];
  }
  return limits;
}

bool passes(const Proposal& proposal, const Channel& channel, const Limits& limits) {
  if (!channel.facts.is_mains) return true;
  const auto found = limits.find(proposal.kind);
  return found != limits.end() && proposal.probability >= found->second;
}

void put(const Channel& channel, std::span<const Proposal> proposals, Powers& powers,
         std::vector<NamedSpan>& spans, std::span<const float> held_s) {
  for (const auto& proposal : proposals) {
    auto& power = powers.kinds[proposal.kind];
    power.resize(channel.rows(), 0.0F);
    double energy_wh = 0;
    for (auto row = proposal.on; row < proposal.off; ++row) {
      const auto measured = channel.active_power_w[row];
      if (std::isnan(measured)) continue;
      const auto most = std::max(0.0F, measured - power[row]);
      const auto added = std::min(static_cast<float>(proposal.size_w), most);
      power[row] += added;
      energy_wh += static_cast<double>(added) * static_cast<double>(held_s[row]) / 3600;
    }
    const auto end =
        proposal.off < channel.rows() ? (*channel.times)[proposal.off] : channel.times->back();
    spans.push_back({.begin = (*channel.times)[proposal.on],
                     .end = end,
                     .energy_wh = energy_wh,
                     .kind = proposal.kind,
                     .probability = proposal.probability});
  }
  fill_rest(channel, powers);
}

}  // namespace lenz::evaluation
