// Meters over HTTP: what is known of them, what is asked of them, and what was done to them. The
// shapes are those of docs/http_api.yaml.

#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "hub/api/message.h"

namespace hub {

struct Call;

Response meters(const Call&);
Response ask_meter(const Call&);
Response acts(const Call&);

// Whether it was heard or let in.
bool knows(const Call&, const std::string& device);

// Notes that the one who calls does this: its number, as Accounts::note() has it. What cannot be
// noted is not done.
std::optional<std::int64_t> note(const Call&, std::string what, std::string_view outcome);
inline constexpr std::string_view why_not_noted =
    "The hub's disk refuses to note who does this, so it is not done: look at its room.";
Response not_noted();

}  // namespace hub
