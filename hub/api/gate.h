// What differs with the way by which a request came: the names it may be for, the pages it may be
// from, and the cookie that it carries.

#pragma once

#include <chrono>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <utility>

#include "hub/api/message.h"

namespace hub {

// Nothing: it may come in. From this machine only a loopback Host does, by TLS only one of `names`
// ("lenz.local", "[fd00::1]"), on any port. Who speaks plain HTTP to the port for TLS never does: a
// reader is sent on to the same address by https (307), anybody else is told (400).
std::optional<Response> stopped_at_the_gate(const Request&, std::span<const std::string> names);

// False: the browser says that a page of another site sends this.
bool is_from_own_page(const Request&);

// A session's cookie. That of TLS never travels without it, and no plain page can set it (__Host-).
std::string_view session_cookie(Way);
std::pair<std::string, std::string> session_cookie(Way, std::string_view session,
                                                   std::chrono::seconds age);

}  // namespace hub
