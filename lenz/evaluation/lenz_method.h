// Lenz itself, through the engines that run in a home.

#pragma once

#include <functional>
#include <memory>

#include "insight/identification/model.h"
#include "lenz/evaluation/method.h"

namespace lenz::evaluation {

// A fresh model from what may be learnt from.
using Trainer = std::function<insight::Model(CaseList, const std::set<ApplianceKind>& wanted)>;

// With the shipped model until it is fitted. Mains go through insight::Disaggregator where the
// model has the part "mains", all else through insight::ChannelIdentifier.
std::unique_ptr<Method> lenz_method(std::shared_ptr<const insight::Model> shipped, Trainer);

}  // namespace lenz::evaluation
