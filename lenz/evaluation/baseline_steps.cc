// The two baselines that live on steps: delta_p and hart.

#include <algorithm>
#include <chrono>
#include <cmath>
#include <utility>

#include "lenz/evaluation/baselines.h"
#include "lenz/evaluation/step_pairs.h"

namespace lenz::evaluation {
namespace {

using measurement::Timestamp;

double duration_s(const Channel& channel, const StepPair& pair) {
  const auto last = std::min(pair.off, channel.rows() - 1);
  return std::chrono::duration<double>((*channel.times)[last] - (*channel.times)[pair.on]).count();
}

// The row by which a step up of this kind is given up when none down follows.
std::size_t given_up(const Channel& channel, const StepPair& pair, double longest_s) {
  const auto until =
      (*channel.times)[pair.on] + std::chrono::milliseconds(std::llround(longest_s * 1000));
  const auto at = std::ranges::lower_bound(*channel.times, until) - channel.times->begin();
  return std::clamp(static_cast<std::size_t>(at), pair.on + 1, std::max(pair.off, pair.on + 1));
}

class StepMethod : public Method {
 public:
  StepMethod(bool by_duration, std::uint64_t seed) : densities_(by_duration), seed_(seed) {}

  void fit(CaseList training, const std::set<ApplianceKind>&) override {
    densities_.fit(training, seed_);
    limits_ = choose_limits(training, [&](const Channel& channel, std::span<const float> held) {
      return revised(channel, pair_steps(*channel.times, channel.active_power_w, held));
    });
  }

  std::vector<ChannelEstimate> estimate(std::span<const Channel> channels,
                                        const std::set<ApplianceKind>&, Owner&) const override {
    std::vector<ChannelEstimate> made(channels.size());
    for (std::size_t i = 0; i < channels.size(); ++i) {
      const auto& channel = channels[i];
      const auto held = channel.held_s();
      const auto pairs = pair_steps(*channel.times, channel.active_power_w, held);
      const auto take = [&](std::vector<Proposal> proposals, Powers& powers,
                            std::vector<NamedSpan>& spans) {
        std::erase_if(proposals, [&](const auto& one) { return !passes(one, channel, limits_); });
        put(channel, proposals, powers, spans, held);
      };
      take(known_late(channel, live(channel, pairs)), made[i].live, made[i].live_spans);
      take(revised(channel, pairs), made[i].revised, made[i].revised_spans);
    }
    return made;
  }

 protected:
  virtual std::vector<Proposal> live(const Channel&, const std::vector<StepPair>&) const = 0;
  virtual std::vector<Proposal> revised(const Channel&, const std::vector<StepPair>&) const = 0;

  // A pair is on until its step down, or until it is given up.
  void propose(const Channel& channel, const StepPair& pair,
               const std::optional<StepDensities::Guess>& guess,
               std::vector<Proposal>& into) const {
    if (!guess) return;
    const auto off = given_up(channel, pair, densities_.longest_s(guess->kind));
    into.push_back({pair.on, off, pair.size_w, guess->kind, guess->probability});
  }

  StepDensities densities_;

 private:
  // That a step lasts is known a row later.
  static std::vector<Proposal> known_late(const Channel& channel, std::vector<Proposal> proposals) {
    for (auto& one : proposals) {
      one.on = std::min(one.on + 1, channel.rows() - 1);
      one.off = std::min(one.off + 1, channel.rows());
    }
    return proposals;
  }

  Limits limits_;
  std::uint64_t seed_;
};

class DeltaP final : public StepMethod {
 public:
  explicit DeltaP(std::uint64_t seed) : StepMethod(false, seed) {}

  std::string name() const override { return "delta_p"; }

 protected:
  std::vector<Proposal> live(const Channel& channel,
                             const std::vector<StepPair>& pairs) const override {
    std::vector<Proposal> made;
    for (const auto& pair : pairs) {
      propose(channel, pair, densities_.guess(pair.size_w, 0), made);
    }
    return made;
  }

  std::vector<Proposal> revised(const Channel&, const std::vector<StepPair>& pairs) const override {
    std::vector<Proposal> made;
    for (const auto& pair : pairs) {
      const auto guess = densities_.guess(pair.size_w, 0);
      if (!pair.is_closed || !guess) continue;
      made.push_back({pair.on, pair.off, pair.size_w, guess->kind, guess->probability});
    }
    return made;
  }
};

// Sizes that are alike, and how long they are on.
struct Cluster {
  double log_size = 0, log_duration = 0, count = 0;

  void add(double size_w, double seconds) {
    count += 1;
    log_size += (std::log(size_w) - log_size) / count;
    log_duration += (std::log(std::max(seconds, 1.0)) - log_duration) / count;
  }
};

class Hart final : public StepMethod {
 public:
  explicit Hart(std::uint64_t seed) : StepMethod(true, seed) {}

  std::string name() const override { return "hart"; }

 protected:
  // With the clusters as they were at each step up.
  std::vector<Proposal> live(const Channel& channel,
                             const std::vector<StepPair>& pairs) const override {
    std::vector<std::size_t> by_off(pairs.size());
    for (std::size_t i = 0; i < pairs.size(); ++i) by_off[i] = i;
    std::ranges::stable_sort(by_off, {}, [&](auto i) { return pairs[i].off; });
    std::vector<Cluster> clusters;
    std::vector<Proposal> made;
    std::size_t closed = 0;
    for (const auto& pair : pairs) {
      for (; closed < by_off.size() && pairs[by_off[closed]].off <= pair.on; ++closed) {
        add(channel, pairs[by_off[closed]], clusters);
      }
      propose(channel, pair, guess(clusters, pair.size_w), made);
    }
    return made;
  }

  std::vector<Proposal> revised(const Channel& channel,
                                const std::vector<StepPair>& pairs) const override {
    std::vector<Cluster> clusters;
    for (const auto& pair : pairs) add(channel, pair, clusters);
    std::vector<Proposal> made;
    for (const auto& pair : pairs) {
      const auto found = guess(clusters, pair.size_w);
      if (!pair.is_closed || !found) continue;
      made.push_back({pair.on, pair.off, pair.size_w, found->kind, found->probability});
    }
    return made;
  }

 private:
  // Absent: none is of that size.
  static std::optional<std::size_t> nearest(const std::vector<Cluster>& clusters, double size_w) {
    double least = 0.1;
    std::optional<std::size_t> best;
    for (std::size_t i = 0; i < clusters.size(); ++i) {
      const auto distance = std::abs(clusters[i].log_size - std::log(size_w));
      if (distance > least) continue;
      least = distance;
      best = i;
    }
    return best;
  }

  static void add(const Channel& channel, const StepPair& pair, std::vector<Cluster>& clusters) {
    if (!pair.is_closed) return;
    auto at = nearest(clusters, pair.size_w).value_or(clusters.size());
    if (at == clusters.size()) clusters.emplace_back();
    clusters[at].add(pair.size_w, duration_s(channel, pair));
  }

  std::optional<StepDensities::Guess> guess(const std::vector<Cluster>& clusters,
                                            double size_w) const {
    const auto at = nearest(clusters, size_w);
    if (!at) return densities_.guess(size_w, 0);
    return densities_.guess(std::exp(clusters[*at].log_size), std::exp(clusters[*at].log_duration));
  }
};

}  // namespace

std::unique_ptr<Method> delta_p(std::uint64_t seed) { return std::make_unique<DeltaP>(seed); }
std::unique_ptr<Method> hart(std::uint64_t seed) { return std::make_unique<Hart>(seed); }

}  // namespace lenz::evaluation
