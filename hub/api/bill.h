// The home's tariff over HTTP: bills, replays and whether there is room. The shapes are those of
// docs/http_api.yaml; amounts are decimal texts.

#pragma once

#include <expected>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "hub/bill_desk.h"
#include "hub/home_room.h"

namespace hub {

// "2026-10"; absent: it is none.
std::optional<std::chrono::year_month> month_in(std::string_view);

std::string tariff_text(BillDesk&, measurement::Timestamp now);
std::string bill_text(BillDesk&, std::chrono::year_month, measurement::Timestamp now);
std::string replay_text(BillDesk&, const Home&, measurement::Timestamp now);

// What each circuit took and cost, and all of them together.
using CircuitCosts = std::vector<std::pair<std::string, BillDesk::Cost>>;
std::string costs_text(const Home&, const CircuitCosts&, const insight::Zone&);
std::string trouble_text(std::string_view sentence);  // Why it is not known.

// The error is one sentence that names the parameter.
std::expected<RoomQuestion, std::string> room_question(
    const std::map<std::string, std::string, std::less<>>& parameters);
std::string room_text(const BillDesk::Or<HomeRoom>&, bool is_being_read, const Home&,
                      const RoomQuestion&);

// Bodies {"text": "..."}. The error is one sentence for people.
BillDesk::Done say_tariff(BillDesk&, std::string_view body);
BillDesk::Done say_prices(BillDesk&, std::string_view body);

}  // namespace hub
