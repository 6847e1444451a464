#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <charconv>
#include <fstream>
#include <iostream>
#include <iterator>
#include <set>
#include <sstream>
#include <stdexcept>

#include "lenz/analysis.h"
#include "lenz/commands.h"
#include "lenz/evaluation/baselines.h"
#include "lenz/evaluation/identification.h"
#include "lenz/evaluation/lenz_method.h"
#include "lenz/evaluation/lenz_training.h"
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

insight::Model read(const std::string& file) {
  std::ifstream in(file, std::ios::binary);
  const std::string bytes{std::istreambuf_iterator<char>(in), {}};
  if (!in) {
    throw std::runtime_error(fmt::format(
        "{}: there is no such model; name one with --model, or a folder to train on with --train.",
        file));
  }
  auto model = insight::read_model(bytes);
  if (!model) throw std::runtime_error(fmt::format("{}: {}", file, model.error()));
  return std::move(*model);
}

// "a, b" of the card's line that begins so.
std::set<std::string> listed(const std::string& card, const std::string& word) {
  std::set<std::string> names;
  std::istringstream lines(card);
  for (std::string line; std::getline(lines, line);) {
    if (!line.starts_with(word)) continue;
    std::istringstream list(line.substr(word.size()));
    for (std::string name; std::getline(list >> std::ws, name, ',');) names.insert(name);
  }
  return names;
}

void write(const std::string& file, const std::string& text) {
  if (file == "-") {
    std::cout << text;
    return;
  }
  std::ofstream out(file, std::ios::binary);
  out << text;
  out.close();
  if (!out) {
    throw std::runtime_error(
        fmt::format("{}: this file cannot be written; check its folder and its rights.", file));
  }
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
        read(options.model.empty() ? installed_model_file() : options.model));
    plan.trained_on = listed(shipped->card, "trained_on: ");
    for (const auto* line : {"kinds: ", "simulated: "}) {
      for (const auto& word : listed(shipped->card, line)) {
        if (const auto kind = insight::appliance_kind(word)) plan.shipped_kinds.insert(*kind);
      }
    }
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
  if (!options.json.empty()) write(options.json, json_of(rows));
  fmt::print(stderr, "{:.0f} MiB at most\n", figures_of(::getpid()).most_rss_mib);
  return 0;
}

}  // namespace lenz
