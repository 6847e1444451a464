#include "hub/circuit_cost.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <numeric>

namespace hub {
namespace {

using insight::quarter;
using insight::QuarterHours;
using namespace std::chrono_literals;

bool are_quarters(const Steps& steps) { return steps.step % quarter == 0ms; }

// What the circuit drew within the steps, by quarters that they may cut.
std::expected<QuarterHours, StoreError> drawn(BillDesk& desk, const Home& home, Store& store,
                                              std::string_view circuit, const Steps& steps,
                                              measurement::Timestamp now) {
  const TimeRange range{steps.begin, steps.end()};
  if (are_quarters(steps)) return desk.quarters().circuit(circuit, range, now);
  const std::chrono::milliseconds fine(
      std::gcd(steps.step.count(), std::chrono::milliseconds(quarter).count()));
  const auto pieces = steps_over(range, fine);
  const auto found =
      history(home, circuit, pieces, store,
              {.mean = false, .min = false, .max = false, .energy = true, .total = false});
  if (!found) return std::unexpected(found.error());
  auto use = no_quarters(range);
  for (std::size_t i = 0; i < found->step_imported.size(); ++i) {
    const double mwh = found->step_imported[i];
    if (std::isnan(mwh)) continue;
    auto& sum = use.imported[static_cast<std::size_t>((pieces.at(i) - use.begin) / quarter)];
    sum = sum + measurement::MilliwattHours{std::llround(mwh)};
  }
  return use;
}

}  // namespace

std::expected<insight::Decimal, std::string> circuit_cost(BillDesk& desk, const Home& home,
                                                          Store& store, std::string_view circuit,
                                                          const Steps& steps,
                                                          measurement::Timestamp now) {
  const auto use = drawn(desk, home, store, circuit, steps, now);
  if (!use) return std::unexpected(fmt::format("{}.", sentence(use.error())));
  return desk.cost(*use, now);
}

BillDesk::Prepared prepare_circuit_costs(BillDesk& desk, const std::vector<std::string>& circuits,
                                         const Steps& steps, measurement::Timestamp now) {
  const TimeRange range{steps.begin, std::min(steps.end(), now)};
  if (range.begin >= range.end) return true;
  return desk.prepare_cost(are_quarters(steps) ? circuits : std::vector<std::string>(), range, now);
}

}  // namespace hub
