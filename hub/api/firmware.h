// The firmware shelf over HTTP. The shapes are those of docs/http_api.yaml.

#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "hub/api/message.h"
#include "hub/api/shelf.h"

namespace hub {

struct Call;

Response firmware(const Call&);
Response put_firmware(const Call&);
Response remove_firmware(const Call&);
Response firmware_part(const Call&);

// Empty: there is no such part of a build, or it is not what was kept.
std::string part_of(FirmwareShelf&, std::string_view id, std::uint32_t offset);

}  // namespace hub
