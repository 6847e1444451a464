// Calibrating a meter over HTTP. The shapes are those of docs/http_api.yaml.

#pragma once

#include "hub/api/message.h"

namespace hub {

struct Call;

Response calibration(const Call&);
Response calibrate(const Call&);

}  // namespace hub
