// Where on the mains a clamp is, and how much of the current it sees: of all that its shares could
// be, what they are by far most likely.

#pragma once

#include <span>
#include <vector>

#include "insight/wiring/shares.h"

namespace insight::wiring {

// What a clamp's shares are held against.
struct Entry {
  std::vector<int> legs{};             // Of the circuit; empty: not entered.
  int own_leg = 0;                     // Of the clamp; 0: one for several legs.
  std::vector<double> type_factors{};  // Of other types than the one set; without it any.
};

struct Placement {
  std::vector<int> legs{};  // In which its steps are found; none of them is a place too.
  double factor = 1;        // What flows, over what is said.
  double misfit = 0;        // -log of the likelihood of its shares.
  double cost = 0;          // That, and of how rarely it is so.
  double evidence = 0;      // Log odds of it against shares that chance has made.
  bool is_proven = false;   // The legs, against all others.
  bool is_sized = false;    // The factor, against all others at these legs.
};

// `scales`: what each leg's clamp says of what flows; 0: it is not measured. `turn`: rotations are
// told apart by it (radians).
Placement place(const Entry&, std::span<const Share>, std::span<const double> scales, double turn);

}  // namespace insight::wiring
