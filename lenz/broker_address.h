#pragma once

#include <string>

#include "hub/ingest/mqtt_ingest.h"

namespace lenz {

// HOST:PORT. Throws std::runtime_error with one sentence.
hub::BrokerAddress parse_address(const std::string& text);

}  // namespace lenz
