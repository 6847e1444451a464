#include <fmt/format.h>
#include <unistd.h>

#include <charconv>
#include <fstream>
#include <iostream>
#include <stdexcept>

#include "lenz/commands.h"
#include "lenz/evaluation/baselines.h"
#include "lenz/evaluation/identification.h"
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
                          .with_panel = options.prior == "panel",
                          .seed = options.seed};
  if (!options.train.empty()) plan.train = options.train;
  for (const auto& text : options.scenes) plan.scenes.push_back(scene_called(text));
  for (const auto& text : options.labels) plan.labels.push_back(label_count(text));
  std::vector<std::unique_ptr<Method>> methods;
  if (plan.train) {
    methods = baselines(plan.seed);
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
