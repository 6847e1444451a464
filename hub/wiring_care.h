// Watches the wiring of a home: the supply as the voltage adapters see it, how near each breaker is
// to a trip by heat, and the wires behind it.
//
//   samples ──> the grid's legs ──> SupplyWatch ────┐
//          └──> each breaker's hots ──> BreakerGuard ├──> FindingBook
//          └──> known loads, plugs ──> BranchWatch ──┘
//
// What lies behind a breaker does not show in the voltage at the panel: it needs a plug that tells
// the voltage there, or a resistive load that is known.

#pragma once

#include <array>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "hub/finding_book.h"
#include "hub/home.h"
#include "insight/health/branch_watch.h"
#include "insight/health/breaker_guard.h"
#include "insight/health/supply_watch.h"

namespace hub {

class WiringCare {
 public:
  // Of the panel that is valid at a time. Book and home outlive it.
  WiringCare(FindingBook&, const Home&, measurement::Timestamp);

  // In the order of time of each device.
  void take(const std::string& device, measurement::Timestamp, const measurement::Sample&);

  // The resistive load that is known on a circuit, at the nominal voltage. One that is a sixth
  // larger or smaller than before is another one: what is usual of it is learnt anew.
  void set_known_load(const Circuit&, measurement::Watts);
  // What a plug behind a circuit says of the voltage there.
  void hear(const std::string& circuit, measurement::Timestamp, measurement::Volts);

  // Puts what is new into the book.
  void tell(FindingBook::Writing&, measurement::Timestamp now);
  void remember(FindingBook::Writing&) const;
  // Takes what people answered since it asked last.
  void hear_answers();

 private:
  // Where the volts and amperes of a leg are measured. Absent: nowhere.
  struct Leg {
    std::size_t channel = 0;
    double multiplier = 1;
  };
  // A circuit with clamps.
  struct Branch {
    const Circuit* circuit;
    std::string clamps;
    std::optional<insight::BreakerGuard> guard{};  // Absent: its rating is not known.
    // Absent: neither a known load nor a plug was ever there.
    std::optional<insight::BranchWatch> wires{};
    std::optional<measurement::Watts> load{};
    // What a plug said, until the panel's values of that time are there.
    struct AtLoad {
      measurement::Timestamp time{};
      measurement::Volts voltage{};
    };
    std::optional<AtLoad> plug{};
    measurement::Timestamp answered{};
    std::vector<insight::Finding> told{};
    bool is_told = false;

    void take(measurement::Timestamp, const measurement::Sample&, const WiringCare&);
    std::string guard_key() const, wires_key() const;
    std::string wires_memory() const;
  };

  void begin_supply(const Panel&);
  void begin_branches(const Panel&);
  Branch* branch_of(const std::string& circuit);
  void begin_wires(Branch&);

  FindingBook& book_;
  const Home& home_;
  const Circuit* grid_ = nullptr;  // Null: it has no clamps, and the supply is not watched.
  std::array<std::optional<Leg>, insight::max_legs> legs_;
  std::optional<insight::SupplyWatch> supply_;
  insight::PerLeg grid_amperes_{};
  std::vector<std::unique_ptr<Branch>> branches_;
  measurement::Timestamp answered_{};
  std::optional<Condition> told_;
  std::vector<insight::Finding> told_findings_;
};

}  // namespace hub
