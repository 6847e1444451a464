#include <fmt/format.h>

#include <algorithm>
#include <fstream>
#include <functional>
#include <iostream>
#include <stdexcept>

#include "lenz/analysis.h"
#include "lenz/commands.h"
#include "lenz/evaluation/estimated_machines.h"
#include "lenz/evaluation/health.h"
#include "lenz/evaluation/health_acute.h"
#include "lenz/evaluation/health_runs.h"

namespace lenz {

namespace {

constexpr std::string_view acute = "acute", runs = "runs";

// Throws, with what there is, where a fault has no such name.
void check_faults(const std::vector<std::string>& faults) {
  using simulator::TraceFaultRow, simulator::trace_faults;
  for (const auto& fault : faults) {
    if (fault == "all" || fault == acute || fault == runs ||
        std::ranges::find(trace_faults, fault, &TraceFaultRow::word) != trace_faults.end()) {
      continue;
    }
    auto words = fmt::format("all, {}, {}", acute, runs);
    for (const auto& row : trace_faults) words += fmt::format(", {}", row.word);
    throw std::runtime_error(
        fmt::format("--faults {}: there is no such fault; take {}.", fault, words));
  }
}

evaluation::HealthReport evaluate_cycles(const evaluation::DataSet& data,
                                         const EvaluateHealthOptions& options,
                                         const std::function<void(const std::string&)>& tell) {
  using namespace evaluation;
  auto faults = options.faults;
  std::erase(faults, acute);
  std::erase(faults, runs);
  const auto machines = machines_of(data);
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
  const DataSet data(options.data);
  const auto asks_for = [&](std::string_view part) {
    return std::ranges::any_of(options.faults,
                               [&](const auto& f) { return f == "all" || f == part; });
  };
  const bool only_parts = std::ranges::all_of(
      options.faults, [](const auto& fault) { return fault == acute || fault == runs; });
  HealthReport report;
  if (!only_parts) {
    report = evaluate_cycles(data, options, tell);
    print(report, std::cout);
  }
  const auto add = [&](const std::vector<HealthRow>& rows) {
    report.rows.insert(report.rows.end(), rows.begin(), rows.end());
  };
  if (asks_for(acute)) {
    const auto rows = evaluate_acute(data, {.seed = options.seed}, tell);
    print_acute(rows, std::cout);
    add(rows);
  }
  if (asks_for(runs)) {
    const auto rows = evaluate_runs(data, options.seed, tell);
    print(rows, std::cout);
    add(rows);
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
