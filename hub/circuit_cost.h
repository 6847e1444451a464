// What circuits cost in any stretch of time, by the tariff that held then.

#pragma once

#include <expected>
#include <string>
#include <string_view>
#include <vector>

#include "hub/bill_desk.h"
#include "hub/history.h"

namespace hub {

// What it took in the steps, and its shares of the bills of the months that they lie in for that;
// steps that have not begun cost nothing. What was counted over a gap lies evenly in it. The error
// is one sentence for people.
std::expected<BillDesk::Cost, std::string> circuit_cost(BillDesk&, const Home&, Store&,
                                                        std::string_view circuit, const Steps&,
                                                        measurement::Timestamp now);

// Reads a piece of what circuit_cost() of these rests on. True: it is all at hand.
BillDesk::Prepared prepare_circuit_costs(BillDesk&, const std::vector<std::string>& circuits,
                                         const Steps&, measurement::Timestamp now);

}  // namespace hub
