// Energy of circuits from the samples of one meter: import and export are told apart within each
// sample, as the circuit's netting says.

#pragma once

#include <map>
#include <span>
#include <string>

#include "hub/home.h"
#include "hub/store/store.h"

namespace hub {

struct Energy {
  measurement::MilliwattHours imported, exported;

  friend bool operator==(const Energy&, const Energy&) = default;
  friend Energy operator+(const Energy& a, const Energy& b) {
    return {a.imported + b.imported, a.exported + b.exported};
  }
  friend Energy operator-(const Energy& a, const Energy& b) {
    return {a.imported - b.imported, a.exported - b.exported};
  }
};

// The same in fractions of a mWh, as multipliers make them, so that parts of an hour can be added.
struct ExactEnergy {
  double imported = 0, exported = 0;  // mWh

  ExactEnergy& operator+=(const ExactEnergy& more) {
    imported += more.imported;
    exported += more.exported;
    return *this;
  }
};
Energy rounded(const ExactEnergy&);

// What the circuits with a clamp of `device` gained in a range that ends within the same hour or
// at its end. A sample counts for the circuits of the panel that was valid at its time, and with
// what its meter's totals rose by since the boot's sample before it, whenever that was: a gap loses
// detail and no energy. Circuits without a sample in the range are not in the answer.
std::expected<std::map<std::string, ExactEnergy>, StoreError> exact_circuit_energy(
    const Home&, std::string_view device, TimeRange, Store&);
std::expected<std::map<std::string, Energy>, StoreError> circuit_energy(const Home&,
                                                                        std::string_view device,
                                                                        TimeRange, Store&);

}  // namespace hub
