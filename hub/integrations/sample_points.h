// Samples as an engine keeps them for a store and gives them back; docs/engines.md is the page. A
// sample never changes, so a point that is written again is the same point.

#pragma once

#include <array>
#include <cstddef>
#include <expected>
#include <string>
#include <string_view>

#include "hub/home.h"
#include "hub/integrations/influx_points.h"
#include "hub/store/store.h"

namespace hub {

inline constexpr std::string_view sample_measurement = "lenz_sample";
// The tag `stream`, in the order of the enumeration.
inline constexpr std::array<std::string_view, 3> stream_names = {"samples", "edges", "coarse"};

// "active_power_3_dw": whole steps of the quantity's resolution. Not of derived quantities.
std::string field_of(measurement::Quantity, std::size_t index);

struct SampleLines {
  Lines lines;             // One a sample.
  std::size_t points = 0;  // Fields in all of them.
};

// One minute of one meter, of all its boots and streams. Of samples of a stream that bear one time
// only the first: an engine has no room for a second.
std::expected<SampleLines, StoreError> lines_of_samples(const Home&, Store&,
                                                        std::string_view device,
                                                        measurement::Timestamp minute);

}  // namespace hub
