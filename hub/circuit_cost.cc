#include "hub/circuit_cost.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <numeric>
#include <set>

namespace hub {
namespace {

using insight::quarter;
using insight::QuarterHours;
using namespace std::chrono_literals;

double sum_of(const std::vector<double>& mwh) {
  double sum = 0;
  for (const double one : mwh) sum += std::isnan(one) ? 0 : one;
  return sum;
}

// Which share of a quarter's energy lies in a part of it, as far as finer steps tell.
std::expected<double, StoreError> share_of(const Home& home, Store& store, std::string_view circuit,
                                           TimeRange part, measurement::Timestamp of_quarter,
                                           std::chrono::milliseconds step) {
  const auto gained = [&](TimeRange range) -> std::expected<double, StoreError> {
    const auto found =
        history(home, circuit, steps_over(range, step), store,
                {.mean = false, .min = false, .max = false, .energy = true, .total = false});
    if (!found) return std::unexpected(found.error());
    return sum_of(found->step_imported) + sum_of(found->step_exported);
  };
  const auto of_part = gained(part), whole = gained({of_quarter, of_quarter + quarter});
  if (!of_part || !whole) return std::unexpected(of_part ? whole.error() : of_part.error());
  if (*whole > 0) return *of_part / *whole;
  return std::chrono::duration<double>(part.end - part.begin) / quarter;
}

measurement::MilliwattHours scaled(measurement::MilliwattHours energy, double by) {
  return {std::llround(static_cast<double>(energy.value) * by)};
}

// What the circuit took within the steps: of quarters that they cut, their part.
std::expected<QuarterHours, StoreError> taken(BillDesk& desk, const Home& home, Store& store,
                                              std::string_view circuit, const Steps& steps,
                                              measurement::Timestamp now) {
  const TimeRange range{steps.begin, steps.end()};
  auto use = desk.quarters().circuit(circuit, range, now);
  if (!use) return use;
  const auto step = std::gcd(steps.step.count(), std::chrono::milliseconds(quarter).count());
  const auto count = use->imported.size();
  for (const auto i : std::set<std::size_t>{0, count - 1}) {
    if (i >= count) continue;
    const auto begin = use->begin + static_cast<std::int64_t>(i) * quarter;
    const TimeRange part{std::max(begin, range.begin), std::min(begin + quarter, range.end)};
    if (part.end - part.begin == quarter) continue;
    const auto share = share_of(home, store, circuit, part, begin, std::chrono::milliseconds(step));
    if (!share) return std::unexpected(share.error());
    use->imported[i] = scaled(use->imported[i], *share);
    use->exported[i] = scaled(use->exported[i], *share);
  }
  return use;
}

}  // namespace

std::expected<BillDesk::Cost, std::string> circuit_cost(BillDesk& desk, const Home& home,
                                                        Store& store, std::string_view circuit,
                                                        const Steps& steps,
                                                        measurement::Timestamp now) {
  const auto use = taken(desk, home, store, circuit, steps, now);
  if (!use) return std::unexpected(fmt::format("{}.", sentence(use.error())));
  return desk.cost(*use, now);
}

BillDesk::Prepared prepare_circuit_costs(BillDesk& desk, const std::vector<std::string>& circuits,
                                         const Steps& steps, measurement::Timestamp now) {
  const TimeRange range{steps.begin, std::min(steps.end(), now)};
  if (range.begin >= range.end) return true;
  return desk.prepare_cost(circuits, range, now);
}

}  // namespace hub
