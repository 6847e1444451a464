// Whether a home's connection has room for more: what its legs carried in the last year, and what a
// planned load would add to that and to the bill.

#pragma once

#include <optional>
#include <utility>
#include <vector>

#include "hub/bill_desk.h"
#include "insight/bill/room.h"

namespace hub {

// A question of *Is there room?*
struct RoomQuestion {
  std::string what;  // "charger", "heat_pump", "battery".
  double power_w = 0;
  std::vector<int> legs;  // From 1; none: all.
  std::optional<insight::Hours> hours;
  std::optional<double> kwh_a_day;  // For its bill.
  // Of the larger of heating and cooling, where it did not run while it was recorded: for the
  // sheet.
  double unseen_w = 0;
};

struct HomeRoom {
  insight::Room room;
  double breaker_a = 0;
  // In the US: the sheet, or why it may not be used.
  std::optional<std::expected<insight::NecSheet, std::vector<std::string>>> sheet;
  std::optional<insight::ContractedPower> contracted;
  std::optional<std::pair<insight::Decimal, insight::Decimal>> bill;  // A year, before and after.
};

// Store, home and desk outlive it.
class RoomSearch {
 public:
  RoomSearch(BillDesk&, Store&, const Home&, RoomQuestion, measurement::Timestamp now);

  // A piece of it, of some tens of milliseconds. Nothing: it is to be called again. The error is
  // one sentence for people; where the year has not been read yet: ask again.
  std::optional<BillDesk::Or<HomeRoom>> step();

 private:
  BillDesk::Or<const Circuit*> mains() const;
  BillDesk::Or<insight::LegCurrent> current_of(std::size_t leg) const;
  BillDesk::Or<HomeRoom> room();
  insight::Replay billed(const insight::QuarterHours&) const;

  BillDesk& desk_;
  Store& store_;
  const Home& home_;
  const RoomQuestion question_;
  const measurement::Timestamp now_;
  const TimeRange year_;
  std::vector<insight::LegCurrent> legs_;
  std::optional<HomeUse> use_;
  insight::PlannedLoad planned_;
  std::optional<HomeRoom> found_;
  std::optional<insight::Replay> before_;
};

}  // namespace hub
