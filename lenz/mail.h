// Hands an e-mail to the server that partners.toml names.

#pragma once

#include <functional>
#include <optional>
#include <string>

#include "hub/net/line_client.h"
#include "hub/partners.h"

namespace lenz {

// `done` is called once, later, with one sentence where the server has not taken it. Settings and
// client outlive it.
void send_mail(hub::LineClient&, const hub::Email&, std::string mail,
               std::function<void(std::optional<std::string> trouble)> done);

}  // namespace lenz
