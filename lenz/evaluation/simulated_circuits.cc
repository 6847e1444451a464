#include "lenz/evaluation/simulated_circuits.h"

#include <algorithm>
#include <vector>

#include "lenz/evaluation/circuit.h"

namespace lenz::evaluation {
namespace {

using insight::ApplianceKind;

template <class Visit>
void each_row(Visit visit) {
  for (const auto rows : {breaker_rows(), plug_rows()}) std::ranges::for_each(rows, visit);
}

}  // namespace

std::vector<ApplianceKind> simulated_circuit_kinds() {
  std::vector<ApplianceKind> kinds;
  each_row([&](const CircuitRow& row) {
    if (std::ranges::find(kinds, row.kind) == kinds.end()) kinds.push_back(row.kind);
  });
  return kinds;
}

void simulate_circuit(ApplianceKind kind, std::uint64_t seed,
                      const std::function<void(const insight::Reading&)>& take) {
  std::vector<const CircuitRow*> its;
  each_row([&](const CircuitRow& row) {
    if (row.kind == kind) its.push_back(&row);
  });
  Circuit on(simulator::mix(seed, insight::row(kind).word));
  its[seed % its.size()]->simulate(on);
  on.report(take);
}

}  // namespace lenz::evaluation
