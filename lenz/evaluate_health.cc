#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <fstream>
#include <functional>
#include <iostream>
#include <stdexcept>
#include <string_view>

#include "lenz/analysis.h"
#include "lenz/commands.h"
#include "lenz/evaluation/estimated_assets.h"
#include "lenz/evaluation/health.h"
#include "lenz/evaluation/health_acute.h"
#include "lenz/evaluation/health_runs.h"
#include "lenz/evaluation/health_supply.h"

namespace lenz {

namespace {

using namespace evaluation;

using Tell = std::function<void(const std::string&)>;

// Besides the slow changes of what works in cycles, whose faults have names of their own.
struct Part {
  std::string_view word;
  std::vector<HealthRow> (*evaluate)(const DataSet&, std::uint64_t seed, const Tell&);
  void (*print)(std::span<const HealthRow>, std::ostream&);
};
const std::array parts = {
    Part{"acute",
         [](const DataSet& data, std::uint64_t seed, const Tell& tell) {
           return evaluate_acute(data, {.seed = seed}, tell);
         },
         print_acute},
    Part{"runs",
         [](const DataSet& data, std::uint64_t seed, const Tell& tell) {
           return evaluate_runs(data, seed, tell);
         },
         print},
    Part{"supply",
         [](const DataSet&, std::uint64_t seed, const Tell& tell) {
           return evaluate_supply({.seed = 999 + seed}, tell);
         },
         print_supply},
};

bool is_part(std::string_view word) {
  return std::ranges::find(parts, word, &Part::word) != parts.end();
}

// Throws, with what there is, where a fault has no such name.
void check_faults(const std::vector<std::string>& faults) {
  using simulator::TraceFaultRow, simulator::trace_faults;
  for (const auto& fault : faults) {
    if (fault == "all" || is_part(fault) ||
        std::ranges::find(trace_faults, fault, &TraceFaultRow::word) != trace_faults.end()) {
      continue;
    }
    std::string words = "all";
    for (const auto& part : parts) words += fmt::format(", {}", part.word);
    for (const auto& row : trace_faults) words += fmt::format(", {}", row.word);
    throw std::runtime_error(
        fmt::format("--faults {}: there is no such fault; take {}.", fault, words));
  }
}

HealthReport evaluate_cycles(const DataSet& data, const EvaluateHealthOptions& options,
                             const Tell& tell) {
  auto faults = options.faults;
  std::erase_if(faults, is_part);
  const auto assets = assets_of(data);
  std::vector<EstimatedPair> pairs;
  if (auto model = installed_model(tell)) pairs = estimated_pairs(data, std::move(model), assets);
  return evaluation::evaluate_health(assets, pairs,
                                     {.faults = faults,
                                      .severities = options.severities,
                                      .ramps_days = options.ramps_days,
                                      .histories = options.histories,
                                      .seed = options.seed},
                                     tell);
}

}  // namespace

int evaluate_health(const EvaluateHealthOptions& options) {
  check_faults(options.faults);
  const auto tell = [](const std::string& line) { fmt::print(stderr, "{}\n", line); };
  const DataSet data(options.data);
  HealthReport report;
  if (!std::ranges::all_of(options.faults, is_part)) {
    report = evaluate_cycles(data, options, tell);
    print(report, std::cout);
  }
  for (const auto& part : parts) {
    const bool is_asked = std::ranges::any_of(
        options.faults, [&](const auto& word) { return word == "all" || word == part.word; });
    if (!is_asked) continue;
    const auto rows = part.evaluate(data, options.seed, tell);
    part.print(rows, std::cout);
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
