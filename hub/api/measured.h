// What was measured, over HTTP. The shapes are those of docs/http_api.yaml.

#pragma once

#include "hub/api/message.h"

namespace hub {

struct Call;

Response history(const Call&);
Response newest(const Call&);
Response gaps(const Call&);

}  // namespace hub
