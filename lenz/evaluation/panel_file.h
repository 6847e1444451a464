// What somebody wrote on a panel: DATA/panels/<house>.toml.
//
//   [[circuit]]
//   channel = "refrigerator"     # The column without its suffix.
//   breaker_a = 20               # All three may be missing.
//   poles = 1
//   words = "Fridge, kitchen"

#pragma once

#include <filesystem>
#include <map>
#include <string>

namespace lenz::evaluation {

struct PanelCircuit {
  double breaker_a = 0;  // 0: not said.
  int poles = 1;
  std::string words;
};

// By channel. Throws std::runtime_error with one sentence that names file, line and remedy.
std::map<std::string, PanelCircuit> read_panel(const std::filesystem::path&);

}  // namespace lenz::evaluation
