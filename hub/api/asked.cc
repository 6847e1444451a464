#include "hub/api/asked.h"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>

#include "hub/api/bill.h"
#include "hub/api/url.h"

namespace hub {

using measurement::Timestamp;

namespace {

constexpr std::size_t most_steps = Store::max_steps;
constexpr std::size_t most_circuits = measurement::max_channels;
constexpr std::int64_t latest_time = 253'402'300'800'000;  // The year 10000.

std::optional<std::int64_t> number(const Parameters& parameters, std::string_view name) {
  const auto found = parameters.find(name);
  if (found == parameters.end()) return std::nullopt;
  const auto& text = found->second;
  std::int64_t value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc{} || end != text.data() + text.size()) return std::nullopt;
  return value;
}

OrRefusal<Steps> steps(const Parameters& parameters, TimeRange range) {
  const auto step = number(parameters, "step");
  if (!step || *step < 1 || (*step > 59 && *step % 60 != 0) || *step > latest_time / 1000) {
    return std::unexpected(refusal(400, "step: give seconds, 1 to 59 or a multiple of 60."));
  }
  const auto result = steps_over(range, std::chrono::seconds(*step));
  if (result.count > most_steps) {
    return std::unexpected(refusal(
        400, fmt::format("step: {} steps are more than the {} of an answer; take a longer step or "
                         "a shorter range.",
                         result.count, most_steps)));
  }
  return result;
}

bool has_circuit(const Home& home, std::string_view id) {
  return std::ranges::any_of(home.panels, [&](const Panel& panel) {
    return std::ranges::count(panel.circuits, id, &Circuit::id) > 0;
  });
}

OrRefusal<std::vector<std::string>> circuits(const Parameters& parameters, const Home& home) {
  const auto found = parameters.find("circuits");
  std::vector<std::string> ids;
  std::string_view rest = found == parameters.end() ? std::string_view() : found->second;
  while (!rest.empty()) {
    const auto id = rest.substr(0, rest.find(','));
    rest.remove_prefix(std::min(id.size() + 1, rest.size()));
    if (!std::ranges::count(ids, id)) ids.emplace_back(id);
    if (ids.size() > most_circuits) break;
  }
  if (ids.empty() || ids.size() > most_circuits) {
    return std::unexpected(refusal(
        400, fmt::format("circuits: give 1 to {} ids, separated by commas.", most_circuits)));
  }
  for (const auto& id : ids) {
    if (!has_circuit(home, id)) return std::unexpected(refusal(404, "There is no such circuit."));
  }
  return ids;
}

}  // namespace

OrRefusal<Parameters> parameters(const Call& call) {
  if (auto found = query(call.query)) return std::move(*found);
  return std::unexpected(refusal(400, "The query is not well formed or names a parameter twice."));
}

std::string parameter(const Call& call, std::string_view name) {
  const auto given = query(call.query);
  const auto found = given ? given->find(name) : Parameters::const_iterator();
  return given && found != given->end() ? found->second : std::string();
}

OrRefusal<TimeRange> range_in(const Parameters& parameters) {
  const auto begin = number(parameters, "begin");
  if (!begin || *begin < 0 || *begin >= latest_time) {
    return std::unexpected(refusal(400, "begin: give milliseconds since 1970 UTC."));
  }
  const auto end = number(parameters, "end");
  if (!end || *end <= *begin || *end > latest_time) {
    return std::unexpected(refusal(400, "end: give milliseconds since 1970 UTC, after begin."));
  }
  return TimeRange{Timestamp(std::chrono::milliseconds(*begin)),
                   Timestamp(std::chrono::milliseconds(*end))};
}

OrRefusal<CircuitSteps> circuit_steps_in(const Parameters& parameters, const Home& home) {
  const auto asked = range_in(parameters);
  if (!asked) return std::unexpected(asked.error());
  const auto cut = steps(parameters, *asked);
  if (!cut) return std::unexpected(cut.error());
  auto ids = circuits(parameters, home);
  if (!ids) return std::unexpected(ids.error());
  return CircuitSteps{*asked, *cut, *std::move(ids)};
}

OrRefusal<std::optional<std::chrono::year_month>> month_in(const Parameters& parameters,
                                                           std::string_view name) {
  const auto given = parameters.find(name);
  if (given == parameters.end()) return std::nullopt;
  if (const auto found = month_in(given->second)) return found;
  return std::unexpected(refusal(400, fmt::format("{}: give a month such as 2026-10.", name)));
}

}  // namespace hub
