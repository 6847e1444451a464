// What each clamp sees alone: a circuit's power less that of the metered circuits right under it,
// so that no watt is looked at twice. Of the mains it is what the breakers without a clamp draw.

#pragma once

#include <string>
#include <vector>

#include "hub/home.h"
#include "insight/identification/channel_identifier.h"
#include "insight/reading.h"

namespace hub {

struct OwnLoad {
  const Circuit* circuit;            // Of the panel, which outlives it.
  std::vector<const Circuit*> less;  // Metered, right under it.

  bool is_rest() const { return !less.empty(); }
};

// Of all circuits with a clamp, but for those that produce (solar, battery). Circuits without a
// parent hang under the panel's only grid.
std::vector<OwnLoad> own_loads(const Panel&);

// The clamps behind a circuit, as text. A channel whose text is another has been re-assigned: what
// was learnt of it does not hold any more. Names, rooms and ratings may change.
std::string clamps_of(const Circuit&);

insight::ChannelFacts facts_of(const Home&, const OwnLoad&,
                               std::optional<std::chrono::minutes> utc_offset);

// Of one circuit at an instant, NaN where not measured: the sums over its clamps; voltage and peak
// are those of its first clamp and of the one that carries most.
insight::Reading reading_of(const Circuit&, measurement::Timestamp, const measurement::Sample&);

// What stays of a circuit's reading without those under it.
insight::Reading without(const insight::Reading& circuit, const insight::Reading& under);

}  // namespace hub
