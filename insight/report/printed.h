// Which of the appliances that were told from their signature get a figure of their own in a
// report.

#pragma once

#include <span>

#include "insight/appliance_kinds.h"

namespace insight {

// `others`: what else is known on its circuit. The kinds are those whose weekly energy was told to
// 15 % in the middle of homes that nothing else is judged on; with two compressors on one circuit
// it is not. docs/report.md has the figures. What is not printed stays in its circuit's figure.
bool is_printed(ApplianceKind, std::span<const ApplianceKind> others);

}  // namespace insight
