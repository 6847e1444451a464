#include <fmt/format.h>

#include <algorithm>
#include <fstream>
#include <iostream>
#include <stdexcept>

#include "lenz/analysis.h"
#include "lenz/commands.h"
#include "lenz/evaluation/estimated_machines.h"
#include "lenz/evaluation/health.h"

namespace lenz {

int evaluate_health(const EvaluateHealthOptions& options) {
  using namespace evaluation;
  for (const auto& fault : options.faults) {
    const bool is_known = fault == "all" || std::ranges::find(simulator::trace_faults, fault,
                                                              &simulator::TraceFaultRow::word) !=
                                                simulator::trace_faults.end();
    if (is_known) continue;
    std::string words = "all";
    for (const auto& row : simulator::trace_faults) words += fmt::format(", {}", row.word);
    throw std::runtime_error(
        fmt::format("--faults {}: there is no such fault; take {}.", fault, words));
  }
  const auto tell = [](const std::string& line) { fmt::print(stderr, "{}\n", line); };
  const DataSet data(options.data);
  const auto machines = machines_of(data);
  std::vector<EstimatedPair> pairs;
  if (auto model = installed_model(tell)) pairs = estimated_pairs(data, std::move(model), machines);
  const auto report = evaluation::evaluate_health(machines, pairs,
                                                  {.faults = options.faults,
                                                   .severities = options.severities,
                                                   .ramps_days = options.ramps_days,
                                                   .histories = options.histories,
                                                   .seed = options.seed},
                                                  tell);
  print(report, std::cout);
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
