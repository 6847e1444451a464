#include "lenz/evaluation/identification.h"

#include <fmt/format.h>

#include <algorithm>
#include <chrono>
#include <ctime>
#include <stdexcept>
#include <utility>

#include "lenz/evaluation/scoring.h"
#include "lenz/evaluation/truthful_owner.h"

namespace lenz::evaluation {
namespace {

using measurement::Timestamp;

// Nobody is at home.
class Nobody final : public Owner {
  std::optional<ApplianceKind> answer(std::size_t, Timestamp, Timestamp) override {
    return std::nullopt;
  }
};

// Scores of one method, for each number of labels, live and revised.
struct MethodScores {
  std::vector<std::vector<CaseScore>> live, revised;
  double cpu_s = 0, days = 0;
};

class SceneEvaluation {
 public:
  SceneEvaluation(const IdentificationPlan& plan, const DataSet& data, const DataSet* train,
                  Scene scene, const std::vector<std::unique_ptr<Method>>& methods,
                  const std::function<void(const std::string&)>& tell)
      : plan_(plan),
        scene_(scene),
        methods_(methods),
        tell_(tell),
        scenes_(data, scene, {plan.with_panel, plan.houses, plan.seed}),
        scores_(methods.size()) {
    if (train) training_.emplace(*train, scene, plan.seed);
    for (auto& of_method : scores_) {
      of_method.live.resize(plan.labels.size());
      of_method.revised.resize(plan.labels.size());
    }
  }

  std::vector<Row> rows() {
    for (std::size_t fold = 0; fold < scenes_.folds(); ++fold) evaluate_fold(fold);
    if (scores_.front().live.front().empty()) {
      throw std::runtime_error(fmt::format(
          "No recording has what the scene {} shows{}; name other houses or another scene.",
          scene_.text(), plan_.with_panel ? " and a panel file" : ""));
    }
    std::vector<Row> all;
    for (std::size_t m = 0; m < methods_.size(); ++m) {
      const auto& of_method = scores_[m];
      for (std::size_t l = 0; l < plan_.labels.size(); ++l) {
        for (const bool is_live : {true, false}) {
          const Heading heading{.scene = scene_.text(),
                                .labels = plan_.labels[l],
                                .prior = plan_.with_panel ? "panel" : "none",
                                .mode = is_live ? "live" : "revised",
                                .method = methods_[m]->name(),
                                .shows_names = methods_[m]->shows_names()};
          std::ranges::move(rows_of(heading, (is_live ? of_method.live : of_method.revised)[l],
                                    plan_.seed, recorded_),
                            std::back_inserter(all));
        }
      }
      tell_(fmt::format("{}, {}: {:.2f} s of CPU for a day of a home", scene_.text(),
                        methods_[m]->name(), of_method.cpu_s / of_method.days));
    }
    return all;
  }

 private:
  void evaluate_fold(std::size_t fold) {
    std::vector<std::size_t> entries;
    std::set<std::string> households;
    for (std::size_t i = 0; i < scenes_.entries().size(); ++i) {
      const auto& entry = scenes_.entries()[i];
      if (entry.fold != fold) continue;
      entries.push_back(i);
      households.insert(entry.households.begin(), entry.households.end());
    }
    std::vector<Case> loaded;  // All of a fold of houses, to know which kinds are asked for.
    if (!scene_.is_of_traces()) {
      for (const auto i : entries) {
        if (auto one = scenes_.load(i)) loaded.push_back(std::move(*one));
      }
      if (loaded.empty()) return;
    }
    if (entries.empty()) return;

    learnt_.clear();
    wanted_.clear();
    if (training_) {
      const auto cases = training_->without(households);
      for (const auto& one : cases) learnt_.merge(one->kinds());
      std::erase_if(learnt_, [](auto kind) { return !is_nameable(kind); });
      recorded_.insert(learnt_.begin(), learnt_.end());
      if (learnt_.empty()) {
        throw std::runtime_error(fmt::format(
            "{}: without the households of fold {} nothing is left to train on; name a folder "
            "with more recordings.",
            plan_.train->string(), fold + 1));
      }
      wanted_ = learnt_;
      if (scene_.word == Scene::Word::mains && scene_.count == 0) {
        std::erase_if(wanted_, [&](auto kind) {
          return std::ranges::none_of(loaded,
                                      [&](const Case& one) { return one.kinds().contains(kind); });
        });
      }
      for (const auto& method : methods_) {
        tell_(fmt::format("{}, fold {} of {}: training {}", scene_.text(), fold + 1,
                          scenes_.folds(), method->name()));
        method->fit(cases, wanted_);
      }
    } else {
      for (const auto& row : insight::appliance_kinds) {
        const bool is_known = plan_.shipped_kinds.empty() || plan_.shipped_kinds.contains(row.id);
        if (is_known && is_nameable(row.id)) learnt_.insert(row.id);
      }
      wanted_ = learnt_;
      recorded_ = plan_.recorded_kinds;
    }
    for (const auto& one : loaded) evaluate(one);
    if (!scene_.is_of_traces()) return;
    for (const auto i : entries) {
      if (const auto one = scenes_.load(i)) evaluate(*one);
    }
  }

  void evaluate(const Case& one) {
    tell_(fmt::format("{}: {}", scene_.text(), one.name));
    std::vector<std::vector<Answered>> answered(plan_.labels.size());
    for (std::size_t m = 0; m < methods_.size(); ++m) {
      const auto& method = *methods_[m];
      const auto began = std::clock();
      std::vector<ChannelEstimate> estimates;
      for (std::size_t l = 0; l < plan_.labels.size(); ++l) {
        if (m == 0) {
          TruthfulOwner owner(one, plan_.labels[l], plan_.answers > 0);
          estimates = method.estimate(one.channels, wanted_, owner);
          answered[l] = owner.answered();
          check(one, estimates, method.name());
        } else if (l == 0) {
          Nobody nobody;
          estimates = method.estimate(one.channels, wanted_, nobody);
          check(one, estimates, method.name());
        }
        add_scores(one, estimates, m, l, answered[l]);
      }
      scores_[m].cpu_s += static_cast<double>(std::clock() - began) / CLOCKS_PER_SEC;
      scores_[m].days += std::max(1e-9, scores_[m].revised.front().back().hours / 24 /
                                            static_cast<double>(one.channels.size()));
    }
  }

  static void check(const Case& one, std::span<const ChannelEstimate> estimates,
                    const std::string& method) {
    for (std::size_t c = 0; c < one.channels.size(); ++c) {
      const auto who = fmt::format("{}: {} on channel {}", one.name, method, c + 1);
      require_conservation(one.channels[c], estimates[c].live, who);
      require_conservation(one.channels[c], estimates[c].revised, who);
    }
  }

  void add_scores(const Case& one, std::span<const ChannelEstimate> estimates, std::size_t m,
                  std::size_t l, const std::vector<Answered>& answered) {
    ScoringOptions options{
        .of_types = scene_.word == Scene::Word::circuits || scene_.word == Scene::Word::single,
        .learnt = learnt_,
        .answered = answered};
    for (const bool is_live : {true, false}) {
      options.is_live = is_live;
      auto made = score(one, estimates, options);
      made.is_apart = scene_.word == Scene::Word::mains && one.is_short();
      made.is_seen = std::ranges::any_of(
          one.recordings, [&](const auto& name) { return plan_.trained_on.contains(name); });
      (is_live ? scores_[m].live : scores_[m].revised)[l].push_back(std::move(made));
    }
  }

  const IdentificationPlan& plan_;
  Scene scene_;
  const std::vector<std::unique_ptr<Method>>& methods_;
  const std::function<void(const std::string&)>& tell_;
  Scenes scenes_;
  std::optional<TrainingSet> training_;
  std::set<ApplianceKind> learnt_, wanted_;  // Of this fold.
  std::set<ApplianceKind> recorded_;         // Of any fold.
  std::vector<MethodScores> scores_;
};

}  // namespace

std::vector<Row> evaluate_identification(const IdentificationPlan& plan,
                                         const std::vector<std::unique_ptr<Method>>& methods,
                                         const std::function<void(const std::string&)>& tell) {
  const DataSet data(plan.data);
  std::optional<DataSet> train;
  if (plan.train) train.emplace(*plan.train);
  std::vector<Row> rows;
  for (const auto& scene : plan.scenes) {
    SceneEvaluation evaluation(plan, data, train ? &*train : nullptr, scene, methods, tell);
    std::ranges::move(evaluation.rows(), std::back_inserter(rows));
  }
  return rows;
}

}  // namespace lenz::evaluation
