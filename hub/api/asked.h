// What is asked in a query. What is not well given is refused in one sentence that names it.

#pragma once

#include <chrono>
#include <expected>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "hub/api/routes.h"
#include "hub/history.h"

namespace hub {

template <class Value>
using OrRefusal = std::expected<Value, Response>;

using Parameters = std::map<std::string, std::string, std::less<>>;
OrRefusal<Parameters> parameters(const Call&);
std::string parameter(const Call&, std::string_view name);  // Empty: it is not given.

// begin and end.
OrRefusal<TimeRange> range_in(const Parameters&);

// What is asked of circuits, step by step: begin, end, step and circuits.
struct CircuitSteps {
  TimeRange range;
  Steps steps;
  std::vector<std::string> circuits;
};
OrRefusal<CircuitSteps> circuit_steps_in(const Parameters&, const Home&);

// By a parameter; absent where it is not given.
OrRefusal<std::optional<std::chrono::year_month>> month_in(const Parameters&,
                                                           std::string_view name);

}  // namespace hub
