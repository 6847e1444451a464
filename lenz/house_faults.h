// The faults that somebody asks a simulated house to have.

#pragma once

#include <string>
#include <vector>

#include "simulator/faults.h"

namespace lenz {

// Of `house` as DemoOptions has it. Throws, with a sentence for people, where there is no such
// fault.
std::vector<simulator::Fault> house_faults(const std::string& house,
                                           const std::vector<std::string>& texts);

}  // namespace lenz
