// A recorded house as a report sees it: a clamp on each breaker with the name on the panel, what is
// left of the mains, and beside them what each appliance really took.

#pragma once

#include <optional>
#include <string>
#include <vector>

#include "lenz/evaluation/scenes.h"

namespace lenz::evaluation {

struct ReportHouse {
  std::string country;
  // Channels and their truths, in the order of the recording; facts have the names.
  Case one;
  std::vector<float> whole_w;  // Of the mains; where there are none, of all circuits.
};

// Circuits less the circuits under them. Where meters of appliances hang on the mains there are two
// houses: as it is, and, its name with "+socket_circuit", with one circuit "Sockets" that feeds
// them all; that is a sum of real readings, and no circuit that was measured. Names are those of
// panels/<house>.toml, else the labels.
std::vector<ReportHouse> report_houses(const DataSet&, const std::string& name);

}  // namespace lenz::evaluation
