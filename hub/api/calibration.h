// Calibrating a meter over HTTP. The shapes are those of docs/http_api.yaml.

#pragma once

#include <cstddef>

#include "hub/api/message.h"

namespace hub {

struct Call;

inline constexpr std::size_t most_calibration_bytes = 128 * 1024;  // Blinks of ten minutes.

Response calibration(const Call&);
Response calibrate(const Call&);

}  // namespace hub
