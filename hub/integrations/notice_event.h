// A notice as the JSON that a webhook is sent, and that Home Assistant is told as an event.

#pragma once

#include <string>

#include "hub/notices.h"

namespace hub {

// As docs/notices.md has it.
std::string notice_event(const Notice&, const std::string& home);

}  // namespace hub
