// Fridges as identification sees them in the mains of their house.

#pragma once

#include <memory>
#include <vector>

#include "insight/identification/model.h"
#include "lenz/evaluation/health.h"

namespace lenz::evaluation {

// Of the houses whose fridge had a meter of its own beside that of the mains.
std::vector<EstimatedPair> estimated_pairs(const DataSet&, std::shared_ptr<const insight::Model>,
                                           const std::vector<AssetHistory>&);

}  // namespace lenz::evaluation
