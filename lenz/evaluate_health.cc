#include <fmt/format.h>

#include <algorithm>
#include <fstream>
#include <functional>
#include <iostream>
#include <stdexcept>
#include <string_view>

#include "lenz/analysis.h"
#include "lenz/commands.h"
#include "lenz/evaluation/estimated_assets.h"
#include "lenz/evaluation/health.h"
#include "lenz/evaluation/health_supply.h"

namespace lenz {

namespace {

constexpr std::string_view supply = "supply";

// Throws, with what there is, where a fault has no such name.
void check_faults(const std::vector<std::string>& faults) {
  using simulator::TraceFaultRow, simulator::trace_faults;
  for (const auto& fault : faults) {
    if (fault == "all" || fault == supply ||
        std::ranges::find(trace_faults, fault, &TraceFaultRow::word) != trace_faults.end()) {
      continue;
    }
    auto words = fmt::format("all, {}", supply);
    for (const auto& row : trace_faults) words += fmt::format(", {}", row.word);
    throw std::runtime_error(
        fmt::format("--faults {}: there is no such fault; take {}.", fault, words));
  }
}

evaluation::HealthReport evaluate_cycles(const EvaluateHealthOptions& options,
                                         const std::function<void(const std::string&)>& tell) {
  using namespace evaluation;
  auto faults = options.faults;
  std::erase(faults, supply);
  const DataSet data(options.data);
  const auto machines = assets_of(data);
  std::vector<EstimatedPair> pairs;
  if (auto model = installed_model(tell)) pairs = estimated_pairs(data, std::move(model), machines);
  return evaluation::evaluate_health(machines, pairs,
                                     {.faults = faults,
                                      .severities = options.severities,
                                      .ramps_days = options.ramps_days,
                                      .histories = options.histories,
                                      .seed = options.seed},
                                     tell);
}

}  // namespace

int evaluate_health(const EvaluateHealthOptions& options) {
  using namespace evaluation;
  check_faults(options.faults);
  const auto tell = [](const std::string& line) { fmt::print(stderr, "{}\n", line); };
  const auto asks_for = [&](std::string_view part) {
    return std::ranges::any_of(options.faults,
                               [&](const auto& f) { return f == "all" || f == part; });
  };
  HealthReport report;
  if (std::ranges::any_of(options.faults, [](const auto& fault) { return fault != supply; })) {
    report = evaluate_cycles(options, tell);
    print(report, std::cout);
  }
  if (asks_for(supply)) {
    const auto rows = evaluate_supply({.seed = 999 + options.seed}, tell);
    print_supply(rows, std::cout);
    report.rows.insert(report.rows.end(), rows.begin(), rows.end());
  }
  if (options.json.empty()) return 0;
  if (options.json == "-") {
    std::cout << json_of(report.rows);
    return 0;
  }
  std::ofstream out(options.json, std::ios::binary);
  out << json_of(report.rows);
  out.close();
  if (!out) {
    throw std::runtime_error(fmt::format(
        "{}: this file cannot be written; check its folder and its rights.", options.json));
  }
  return 0;
}

}  // namespace lenz
