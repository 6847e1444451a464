#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <charconv>
#include <iostream>
#include <set>
#include <stdexcept>

#include "lenz/analysis.h"
#include "lenz/commands.h"
#include "lenz/evaluation/baselines.h"
#include "lenz/evaluation/identification.h"
#include "lenz/evaluation/lenz_method.h"
#include "lenz/evaluation/lenz_training.h"
#include "lenz/evaluation_files.h"
#include "lenz/process_figures.h"

namespace lenz {
namespace {

using namespace evaluation;

int label_count(const std::string& text) {
  constexpr int most = 100;
  int value = -1;
  const auto* const end = text.data() + text.size();
  const auto [at, error] = std::from_chars(text.data(), end, value);
  if (error != std::errc() || at != end || value < 0 || value > most) {
    throw std::runtime_error(fmt::format(
        "--labels {}: write how many questions are answered, 0 to {}, as 0,1,3,5.", text, most));
  }
  return value;
}

}  // namespace

int evaluate_identification(const EvaluateIdentificationOptions& options) {
  IdentificationPlan plan{.data = options.data,
                          .houses = options.houses,
                          .labels = {},
                          .answers = options.answers,
                          .with_panel = options.prior == "panel",
                          .seed = options.seed};
  if (!options.train.empty()) plan.train = options.train;
  for (const auto& text : options.scenes) plan.scenes.push_back(scene_called(text));
  if (options.answers == 0) {
    for (const auto& text : options.labels) plan.labels.push_back(label_count(text));
  } else {
    plan.labels = {options.answers};
  }
  std::shared_ptr<const insight::Model> shipped;
  if (!plan.train) {
    shipped = std::make_shared<const insight::Model>(
        model_of(options.model.empty() ? installed_model_file() : options.model));
    plan.trained_on = listed(shipped->card, "trained_on: ");
    const auto kinds_of = [&](const std::string& line) {
      std::set<ApplianceKind> kinds;
      for (const auto& word : listed(shipped->card, line)) {
        if (const auto kind = insight::appliance_kind(word)) kinds.insert(*kind);
      }
      return kinds;
    };
    plan.recorded_kinds = kinds_of("kinds: ");
    plan.shipped_kinds = kinds_of("simulated: ");
    plan.shipped_kinds.insert(plan.recorded_kinds.begin(), plan.recorded_kinds.end());
  }
  std::vector<std::unique_ptr<Method>> methods;
  methods.push_back(lenz_method(
      shipped, [seed = plan.seed](CaseList cases, const std::set<ApplianceKind>& kinds) {
        return fit_lenz(cases, kinds, seed);
      }));
  if (plan.train) {
    std::ranges::move(baselines(plan.seed), std::back_inserter(methods));
  } else {
    methods.push_back(zero());
  }

  const auto rows = evaluation::evaluate_identification(
      plan, methods, [](const std::string& line) { fmt::print(stderr, "{}\n", line); });
  print(rows, std::cout);
  if (!options.json.empty()) write_rows(options.json, json_of(rows));
  fmt::print(stderr, "{:.0f} MiB at most\n", figures_of(::getpid()).most_rss_mib);
  return 0;
}

}  // namespace lenz
