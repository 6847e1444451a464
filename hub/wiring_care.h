// Watches the wiring of a home: the supply as the voltage adapters see it, and how near each
// breaker is to a trip by heat.
//
//   samples ──> the grid's legs ──> SupplyWatch ──┐
//          └──> each breaker's hots ──> guards ───┴──> FindingBook
//
// What lies behind a breaker does not show in the voltage at the panel.

#pragma once

#include <array>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "hub/finding_book.h"
#include "hub/home.h"
#include "insight/health/breaker_guard.h"
#include "insight/health/supply_watch.h"

namespace hub {

class WiringCare {
 public:
  // Of the panel that is valid at a time. Book and home outlive it.
  WiringCare(FindingBook&, const Home&, measurement::Timestamp);

  // In the order of time of each device.
  void take(const std::string& device, measurement::Timestamp, const measurement::Sample&);

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
  struct Breaker {
    const Circuit* circuit;
    std::string key;
    insight::BreakerGuard guard;
    std::vector<insight::Finding> told{};
    bool is_told = false;
  };

  void begin_supply(const Panel&);
  void begin_breakers(const Panel&);

  FindingBook& book_;
  const Home& home_;
  const Circuit* grid_ = nullptr;  // Null: it has no clamps, and the supply is not watched.
  std::array<std::optional<Leg>, insight::max_legs> legs_;
  std::optional<insight::SupplyWatch> supply_;
  insight::PerLeg grid_amperes_{};
  std::vector<std::unique_ptr<Breaker>> breakers_;
  measurement::Timestamp answered_{};
  std::optional<Condition> told_;
  std::vector<insight::Finding> told_findings_;
};

}  // namespace hub
