#include <fmt/format.h>

#include <fstream>
#include <iostream>
#include <stdexcept>

#include "lenz/commands.h"
#include "lenz/evaluation/advice.h"

namespace lenz {

int evaluate_advice(const EvaluateAdviceOptions& options) {
  const auto report = evaluation::evaluate_advice(
      {.households = options.households, .changes = options.changes, .seed = options.seed},
      [](const std::string& line) { fmt::print(stderr, "{}\n", line); });
  print(report, std::cout);
  if (options.json.empty()) return 0;
  if (options.json == "-") {
    std::cout << json_of(report);
    return 0;
  }
  std::ofstream out(options.json, std::ios::binary);
  out << json_of(report);
  out.close();
  if (!out) {
    throw std::runtime_error(fmt::format(
        "{}: this file cannot be written; check its folder and its rights.", options.json));
  }
  return 0;
}

}  // namespace lenz
