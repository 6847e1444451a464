// Signed updates of meters over HTTP. The shapes are those of docs/http_api.yaml.

#pragma once

#include "hub/api/message.h"

namespace hub {

struct Call;

Response updates(const Call&);
Response put_update(const Call&);
Response remove_update(const Call&);
Response update_meter(const Call&);

}  // namespace hub
