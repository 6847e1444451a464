// The firmware shelf over HTTP. The shapes are those of docs/http_api.yaml.

#pragma once

#include "hub/api/message.h"

namespace hub {

struct Call;

Response firmware(const Call&);
Response put_firmware(const Call&);
Response remove_firmware(const Call&);
Response firmware_part(const Call&);

}  // namespace hub
