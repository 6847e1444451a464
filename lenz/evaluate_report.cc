#include <fmt/format.h>

#include <iostream>
#include <memory>

#include "lenz/analysis.h"
#include "lenz/commands.h"
#include "lenz/evaluation/report.h"
#include "lenz/evaluation_files.h"

namespace lenz {

int evaluate_report(const EvaluateReportOptions& options) {
  evaluation::ReportPlan plan{.data = options.data,
                              .houses = options.houses,
                              .answers = options.answers,
                              .all_identified = options.all_identified,
                              .seed = options.seed};
  if (!options.train.empty()) {
    plan.train = options.train;
  } else {
    auto model = model_of(options.model.empty() ? installed_model_file() : options.model);
    plan.trained_on = listed(model.card, "trained_on: ");
    plan.shipped = std::make_shared<const insight::Model>(std::move(model));
  }
  const auto rows = evaluation::evaluate_report(
      plan, [](const std::string& line) { fmt::print(stderr, "{}\n", line); });
  print(rows, std::cout);
  if (!options.json.empty()) write_rows(options.json, json_of(rows));
  return 0;
}

}  // namespace lenz
