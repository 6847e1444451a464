// The wiring doctor against simulated panels with mistakes that are known, and the guard of the
// second voltage adapter against boards whose jumpers are not cut.

#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <iosfwd>
#include <string>
#include <vector>

#include "insight/wiring/examination.h"
#include "simulator/panels.h"

namespace lenz::evaluation {

// A mistake shows when the circuit it is on changed by so much while it was examined.
inline constexpr double visible_w = 100;
// As the command does, unless it is told otherwise.
inline constexpr int examined_minutes = 30;

struct MistakeScore {
  std::size_t made = 0;
  std::size_t visible = 0;
  std::size_t named = 0;         // Of those that show, with the right fix.
  std::size_t named_unseen = 0;  // Of the others.
};

struct WiringScore {
  std::size_t panels = 0;
  std::array<MistakeScore, simulator::mistakes> by_mistake{};
  std::size_t statements = 0;
  std::size_t false_statements = 0;
  std::vector<std::string> lies;  // In words, with the seed of the panel.
  std::vector<std::string> misses;
};

// Panels of seeds `seed` x 1,000,000 and so on, with 0 to 3 mistakes each, in turn.
WiringScore evaluate_wiring(std::uint64_t seed, std::size_t panels);

struct AdapterScore {
  std::size_t boards = 0, uncut = 0, stopped = 0;
  std::size_t cut = 0, passed = 0;
};
AdapterScore evaluate_adapters(std::uint64_t seed, std::size_t boards);

void print(const WiringScore&, std::ostream&);
void print(const AdapterScore&, std::ostream&);

// As the wiring doctor takes it.
insight::wiring::Panel entered_panel(const simulator::WiredPanel&);

}  // namespace lenz::evaluation
