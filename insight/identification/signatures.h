// What the activations of one appliance in one home have in common: a few numbers with their
// spread, learnt from the first activation on. From little it is unsure, from much it is sharp.

#pragma once

#include <array>
#include <cstddef>

#include "insight/identification/activation_features.h"

namespace insight {

// What a signature looks at, of the features; the spread is what it expects of an appliance before
// it has seen one, and what appliances differ by. In the features' own units.
struct SignatureRow {
  std::string_view feature;
  float within, between, centre;
};
inline constexpr std::array signature_rows = {
    SignatureRow{"peak", 0.4F, 2.5F, 8},
    SignatureRow{"mean", 0.4F, 2.5F, 7},
    SignatureRow{"duration", 1.5F, 3, 9},
    SignatureRow{"deviation", 0.25F, 0.6F, 0.5F},
    SignatureRow{"reactive_share", 0.08F, 0.4F, 0.2F},
};

class Signature {
 public:
  struct Moments {
    float count = 0, mean = 0, squares = 0;  // Squares: sum of squared distances from the mean.
  };
  using State = std::array<Moments, signature_rows.size()>;

  Signature() = default;
  explicit Signature(const State& state) : state_(state) {}

  void learn(const Features&);
  void learn(const Signature&);  // They are one appliance.
  void forget(const Features&);  // That were learnt.

  // Log of the posterior predictive density (Student's t of a normal-inverse-gamma, each feature
  // for itself) of an activation. One that still runs is not asked for its duration.
  float log_density(const Features&) const;

  // The same of any appliance that was never seen.
  static float log_density_of_any(const Features&);

  const State& state() const { return state_; }

 private:
  State state_{};
};

}  // namespace insight
