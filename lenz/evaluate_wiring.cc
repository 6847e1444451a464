#include <fmt/format.h>

#include <iostream>

#include "lenz/commands.h"
#include "lenz/evaluation/wiring.h"

namespace lenz {

int evaluate_wiring(const EvaluateWiringOptions& options) {
  const auto score = evaluation::evaluate_wiring(options.seed, options.panels);
  print(score, std::cout);
  print(evaluation::evaluate_adapters(options.seed, options.panels), std::cout);
  if (!options.all) return 0;
  for (const auto& lie : score.lies) fmt::print("false  {}\n", lie);
  for (const auto& miss : score.misses) fmt::print("missed {}\n", miss);
  return 0;
}

}  // namespace lenz
