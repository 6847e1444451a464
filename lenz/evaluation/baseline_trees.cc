#include <algorithm>
#include <cmath>
#include <random>
#include <utility>

#include "insight/identification/forest_training.h"
#include "lenz/evaluation/baselines.h"
#include "lenz/evaluation/window_grid.h"

namespace lenz::evaluation {
namespace {

constexpr double examples_of_kind = 12'000;

// A channel of the training and the kinds' powers on it.
struct Lesson {
  const Channel* channel;
  const ChannelTruth* truth;
  WindowGrid grid;
};

class Trees final : public Method {
 public:
  explicit Trees(std::uint64_t seed) : seed_(seed) {}

  std::string name() const override { return "trees"; }

  void fit(CaseList training, const std::set<ApplianceKind>& wanted) override {
    forests_.clear();
    for (const bool of_mains : {false, true}) {
      std::vector<Lesson> lessons;
      for (const auto& one : training) {
        for (std::size_t c = 0; c < one->channels.size(); ++c) {
          if (one->channels[c].facts.is_mains != of_mains) continue;
          lessons.push_back({&one->channels[c], &one->truths[c], WindowGrid(one->channels[c])});
        }
      }
      for (const auto kind : wanted) learn(lessons, kind, of_mains);
    }
  }

  std::vector<ChannelEstimate> estimate(std::span<const Channel> channels,
                                        const std::set<ApplianceKind>& wanted,
                                        Owner&) const override {
    std::vector<ChannelEstimate> made(channels.size());
    for (std::size_t i = 0; i < channels.size(); ++i) {
      const WindowGrid grid(channels[i]);
      std::vector<Asked> live, revised;
      for (const auto kind : wanted) {
        const auto found = forests_.find({channels[i].facts.is_mains, kind});
        if (found == forests_.end()) continue;
        const auto ask = [&](std::vector<Asked>& all, Powers& powers,
                             const insight::Forest& forest) {
          auto& power = powers.kinds[kind];
          power.assign(channels[i].rows(), 0.0F);
          all.push_back({&forest, &power});
        };
        ask(live, made[i].live, found->second.live);
        ask(revised, made[i].revised, found->second.revised);
      }
      estimate(channels[i], grid, WindowGrid::past_inputs, live);
      estimate(channels[i], grid, WindowGrid::inputs, revised);
      fill_rest(channels[i], made[i].live);
      fill_rest(channels[i], made[i].revised);
    }
    return made;
  }

 private:
  struct Pair {
    insight::Forest live, revised;
  };
  // Of one kind, where its powers go, and what was said last.
  struct Asked {
    const insight::Forest* forest;
    std::vector<float>* power;
    float estimate = 0;
  };

  // Power of the kind in a row; NaN: not known.
  static double truth_of(const ChannelTruth& truth, ApplianceKind kind, std::size_t row) {
    double sum = 0;
    for (const auto& meter : truth.meters) {
      if (meter.kind == kind) sum += static_cast<double>(meter.active_power_w[row]);
    }
    return sum;
  }

  // Channels weigh the same. Half of the examples of one are from where the kind is on; weights
  // make that good again.
  void learn(const std::vector<Lesson>& lessons, ApplianceKind kind, bool of_mains) {
    std::vector<const Lesson*> with, without;
    for (const auto& lesson : lessons) {
      const auto& meters = lesson.truth->meters;
      if (std::ranges::find(meters, kind, &TrueMeter::kind) != meters.end()) {
        with.push_back(&lesson);
      } else if (lesson.truth->judges(kind)) {
        without.push_back(&lesson);
      }
    }
    if (with.empty()) return;
    insight::Examples examples{.inputs = WindowGrid::inputs};
    std::mt19937_64 random(seed_ + static_cast<std::uint64_t>(kind));
    const auto half = without.empty() ? examples_of_kind : examples_of_kind / 2;
    for (const auto* group : {&with, &without}) {
      for (const auto* lesson : *group) {
        add(*lesson, kind, half / static_cast<double>(group->size()), random, examples);
      }
    }
    if (examples.count() == 0) return;
    double sum = 0;
    for (const auto weight : examples.weights) sum += static_cast<double>(weight);
    const auto to_mean_1 = static_cast<float>(static_cast<double>(examples.count()) / sum);
    for (auto& weight : examples.weights) weight *= to_mean_1;

    insight::Examples past{
        .inputs = WindowGrid::past_inputs, .labels = examples.labels, .weights = examples.weights};
    for (std::size_t i = 0; i < examples.count(); ++i) {
      const auto row =
          examples.features.begin() + static_cast<std::ptrdiff_t>(i * WindowGrid::inputs);
      past.features.insert(past.features.end(), row,
                           row + static_cast<std::ptrdiff_t>(WindowGrid::past_inputs));
    }
    const insight::TrainingOptions options{.objective = insight::Objective::mean,
                                           .rounds = of_mains ? 60 : 40,
                                           .depth = of_mains ? 5 : 4,
                                           .learning_rate = 0.15,
                                           .least_weight = 5,
                                           .seed = seed_};
    forests_[{of_mains, kind}] = {insight::train(past, options), insight::train(examples, options)};
  }

  void add(const Lesson& lesson, ApplianceKind kind, double count, std::mt19937_64& random,
           insight::Examples& examples) const {
    const auto threshold = static_cast<double>(insight::row(kind).on_from.value);
    std::vector<std::size_t> on, off;
    for (std::size_t row = 0; row < lesson.channel->rows(); ++row) {
      const auto power = truth_of(*lesson.truth, kind, row);
      if (std::isnan(power) || !lesson.grid.point(row)) continue;
      (power >= threshold ? on : off).push_back(row);
    }
    const auto rows = static_cast<double>(on.size() + off.size());
    std::vector<float> inputs(WindowGrid::inputs);
    for (auto* const stratum : {&on, &off}) {
      if (stratum->empty()) continue;
      const bool is_only = on.empty() || off.empty();
      const auto wish = static_cast<std::size_t>(std::max(1.0, is_only ? count : count / 2));
      const auto n = std::min(wish, stratum->size());
      const auto weight = static_cast<double>(stratum->size()) / rows / static_cast<double>(n);
      for (std::size_t i = 0; i < n; ++i) {
        std::swap((*stratum)[i], (*stratum)[i + random() % (stratum->size() - i)]);
        const auto row = (*stratum)[i];
        lesson.grid.fill(*lesson.grid.point(row), inputs);
        examples.add(inputs, static_cast<float>(truth_of(*lesson.truth, kind, row)),
                     static_cast<float>(weight));
      }
    }
  }

  // Months of single appliances: there an estimate stands for ten points while the power is steady.
  static bool stands(const Channel& channel, std::optional<std::size_t> at, std::size_t point,
                     float measured, float estimated_at) {
    constexpr std::size_t longest = 10;
    if (channel.facts.is_mains || !at || point > *at + longest) return false;
    return std::abs(measured - estimated_at) <= std::max(1.0F, 0.03F * estimated_at);
  }

  // All kinds of a channel at once, as they see the same inputs.
  static void estimate(const Channel& channel, const WindowGrid& grid, std::size_t input_count,
                       std::vector<Asked>& all) {
    std::vector<float> inputs(input_count), earlier;
    std::optional<std::size_t> at;
    float estimated_at = 0;
    for (std::size_t row = 0; row < channel.rows(); ++row) {
      const auto measured = channel.active_power_w[row];
      // Of less than 1 W there is nothing to divide.
      if (!(measured >= 1)) continue;
      const auto point = grid.point(row);
      if (point != at && !stands(channel, at, *point, measured, estimated_at)) {
        at = point;
        estimated_at = measured;
        grid.fill(*point, inputs);
        // NaN differs from itself, so gaps are evaluated each time.
        if (inputs != earlier) {
          for (auto& one : all) one.forest->evaluate(inputs, {&one.estimate, 1});
        }
        earlier = inputs;
      }
      for (auto& one : all) (*one.power)[row] = std::clamp(one.estimate, 0.0F, measured);
    }
  }

  std::uint64_t seed_;
  std::map<std::pair<bool, ApplianceKind>, Pair> forests_;
};

}  // namespace

std::unique_ptr<Method> trees(std::uint64_t seed) { return std::make_unique<Trees>(seed); }

}  // namespace lenz::evaluation
