// What InfluxDB is told, as lines; docs/influxdb.md is the page of both schemas. Everything is a
// function of what is stored, so saying it twice says the same points.

#pragma once

#include <expected>
#include <string>
#include <string_view>
#include <vector>

#include "hub/home.h"
#include "hub/ledger.h"
#include "hub/partners.h"
#include "hub/store/store.h"

namespace hub {

using Lines = std::vector<std::string>;

// One minute of one meter: power, voltage, current and power factor of its circuits at each step,
// and the energy of the minute. A step without samples, and a value that is absent in all of them,
// have no point.
std::expected<Lines, StoreError> lines_of_minute(const Home&, Store&, Ledger&, const InfluxDb&,
                                                 std::string_view device, measurement::Timestamp);

// How well an hour was measured; the meter's running tally in the hour of its newest sample only.
// When a silence ends in this hour, the hours that it swallowed whole come with it, the last 31
// days of them. Of our own schema.
std::expected<Lines, StoreError> lines_of_quality(const Home&, Store&, std::string_view device,
                                                  measurement::Timestamp hour);

// What the circuits are called, as of a day. A name is no tag, so a new one splits no series.
Lines lines_of_names(const Home&, measurement::Timestamp day);

}  // namespace hub
