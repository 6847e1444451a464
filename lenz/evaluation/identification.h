// Estimates of all methods, fold by fold, against the truth.

#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "lenz/evaluation/data_set.h"
#include "lenz/evaluation/method.h"
#include "lenz/evaluation/rows.h"

namespace lenz::evaluation {

struct IdentificationPlan {
  std::filesystem::path data;
  std::optional<std::filesystem::path> train;  // Absent: methods come as they are.
  std::vector<std::string> houses;             // And devices; empty: all.
  std::vector<Scene> scenes;
  std::vector<int> labels = {0};  // Questions answered about each appliance, each a table.
  int answers = 0;                // In each house, as a hub asks, in place of `labels`; 0: not so.
  bool with_panel = false;
  // Without training: recordings that the methods have seen already, and kinds that they know.
  std::set<std::string> trained_on;
  std::set<ApplianceKind> shipped_kinds;   // Empty: all.
  std::set<ApplianceKind> recorded_kinds;  // Of these, the ones that were not only simulated.
  std::uint64_t seed = 1;
};

// `methods` are fitted where there is something to train on; the first is who asks the questions.
// `tell` gets progress, a line each. Throws std::runtime_error with one sentence.
std::vector<Row> evaluate_identification(const IdentificationPlan&,
                                         const std::vector<std::unique_ptr<Method>>& methods,
                                         const std::function<void(const std::string&)>& tell);

}  // namespace lenz::evaluation
