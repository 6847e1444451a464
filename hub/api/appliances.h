// Appliances over HTTP: what runs, what ran, and what people say of it. The shapes are those of
// docs/http_api.yaml.

#pragma once

#include <string>
#include <vector>

#include "hub/analyst.h"
#include "hub/api/message.h"

namespace hub {

// The shares and what is unexplained are whole tenths of a watt that add up to the power.
std::string shares_text(const std::vector<ChannelShares>&, measurement::Timestamp now);

std::string appliances_text(Analyst&, measurement::Timestamp now);
std::string runs_text(Analyst&, TimeRange);

std::string breaker_text(const BreakerSearch&);

// What people may say, each with a body of its own.
using Saying = Analyst::Done (*)(Analyst&, std::string_view body, const Analyst::Said&);
Analyst::Done say_answer(Analyst&, std::string_view body, const Analyst::Said&);
Analyst::Done say_rename(Analyst&, std::string_view body, const Analyst::Said&);
Analyst::Done say_merge(Analyst&, std::string_view body, const Analyst::Said&);
Analyst::Done say_split(Analyst&, std::string_view body, const Analyst::Said&);
Analyst::Done say_breaker(Analyst&, std::string_view body, const Analyst::Said&);
Analyst::Done say_outlet(Analyst&, std::string_view body, const Analyst::Said&);
// Gives {"circuits": [id, ...]} to choose from; none: it is done.
std::expected<std::string, std::string> say_switched_on(Analyst&, std::string_view body,
                                                        const Analyst::Said&);
Analyst::Done say_roll_back(Analyst&, std::string_view body, const Analyst::Said&);

}  // namespace hub
