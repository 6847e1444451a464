// Asks the wiring doctor about a home's meter: its stored samples against the panel that is valid.

#pragma once

#include <chrono>
#include <expected>
#include <string>
#include <vector>

#include "hub/home.h"
#include "hub/store/store.h"
#include "insight/wiring/examination.h"

namespace hub {

inline constexpr auto longest_wiring_look = std::chrono::hours(2);

// One meter's panel as the doctor takes it: circuits with clamps of this device, and those without.
insight::wiring::Panel wiring_panel(const Home&, const std::string& device, measurement::Timestamp);

// Devices that the panel names at that time, in its order.
std::vector<std::string> metered_devices(const Home&, measurement::Timestamp);

// Of the device's newest samples, as long back from the last one as `length`. A report of length 0:
// nothing is stored of it.
std::expected<insight::wiring::Report, StoreError> examine_wiring(Store&, const Home&,
                                                                  const std::string& device,
                                                                  std::chrono::minutes length);

}  // namespace hub
