// The condition of equipment over HTTP: what was found, what people say of it, and what they want
// to be told of. The shapes are those of docs/http_api.yaml.

#pragma once

#include <expected>
#include <string>
#include <string_view>

#include "hub/health_desk.h"

namespace hub {

std::string health_text(HealthDesk&, measurement::Timestamp now);
std::string rules_text(HealthDesk&, measurement::Timestamp now);

// What people may say, each with a body of its own. The error is one sentence for them.
struct SaidOfHealth {
  measurement::Timestamp now;
  std::string who;
};
using HealthSaying = HealthDesk::Done (*)(HealthDesk&, std::string_view body, const SaidOfHealth&);
HealthDesk::Done say_feedback(HealthDesk&, std::string_view body, const SaidOfHealth&);
HealthDesk::Done say_rules(HealthDesk&, std::string_view body, const SaidOfHealth&);
HealthDesk::Done say_test(HealthDesk&, std::string_view body, const SaidOfHealth&);

}  // namespace hub
