// Learns the signatures of a channel again from nothing but runs that somebody spoke of, and holds
// them against those that were learnt as it went, with guesses among them: each such run is left
// out in turn, and both are asked whose it is.

#pragma once

#include <cstddef>
#include <span>
#include <vector>

#include "insight/identification/signatures.h"

namespace insight {

// An appliance of the channel.
struct ToldAppliance {
  Signature signature;         // As learnt so far, from `said` among others.
  float prior = 0;             // Log-odds of it before a run is looked at.
  std::vector<Features> said;  // Its runs that somebody spoke of; few: it stays as it is.
};

struct SignatureRefit {
  static constexpr std::size_t from_runs = 3;   // Of an appliance, to learn it again.
  static constexpr std::size_t most_runs = 10;  // Of an appliance, the latest.

  std::size_t runs = 0;  // That were asked about.
  std::size_t right_before = 0, right_after = 0;
  std::vector<Signature> signatures;  // In the order of the appliances.

  bool is_worse() const { return right_after < right_before; }
};

// `stranger`: log-odds that a run is of an appliance that was not seen before.
SignatureRefit refit(std::span<const ToldAppliance>, float stranger);

}  // namespace insight
