// Advice over HTTP, and the report of a month as a page. The shapes are those of
// docs/http_api.yaml.

#pragma once

#include <expected>
#include <string>
#include <string_view>

#include "hub/advice_desk.h"

namespace hub {

std::string advice_text(AdviceDesk&, const Home&, measurement::Timestamp now);

// Bodies of what people say. The error is one sentence for them.
AdviceDesk::Done say_facts(AdviceDesk&, std::string_view body, measurement::Timestamp now);
AdviceDesk::Done say_done(AdviceDesk&, std::string_view body, measurement::Timestamp now);

}  // namespace hub
