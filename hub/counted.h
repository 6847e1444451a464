// What the clamps of a circuit counted between any two times, and what they may have missed.

#pragma once

#include <expected>
#include <string>

#include "hub/home.h"
#include "hub/store/store.h"
#include "insight/calibration/display_readings.h"

namespace hub {

// Of the panel that is valid at the end; `clock` is how right both times are. Clamps' phases are
// taken for off by `phase_degrees`. Refused with one sentence: the panel had other clamps before,
// nothing was stored, or the store does not answer.
std::expected<insight::CountedMeanwhile, std::string> counted(Store&, const Home&,
                                                              const std::string& circuit, TimeRange,
                                                              std::chrono::seconds clock,
                                                              double phase_degrees);

}  // namespace hub
