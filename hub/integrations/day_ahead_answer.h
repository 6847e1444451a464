// What sources of day-ahead prices answer, over HTTP or MQTT.

#pragma once

#include <expected>
#include <string>
#include <string_view>
#include <vector>

#include "hub/day_ahead.h"

namespace hub {

// Lines as parse_prices() takes them; or JSON: an array of objects, by itself or under data, prices
// or records, of which each has a time (start_timestamp, time, start, startsAt, HourUTC; a text or
// milliseconds) and a price (price, marketprice, total, SpotPriceEUR). Prices of a MWh are made
// those of a kWh. The error is one sentence.
std::expected<std::vector<PriceFrom>, std::string> prices_in(std::string_view answer, bool per_mwh);

}  // namespace hub
