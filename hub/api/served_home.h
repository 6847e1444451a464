// A home as the routes see it: what it is, and all that is kept of it.

#pragma once

#include <functional>
#include <string>

#include "hub/advice_desk.h"
#include "hub/analyst.h"
#include "hub/api/write.h"
#include "hub/bill_desk.h"
#include "hub/health_desk.h"
#include "hub/home.h"
#include "hub/hub.h"
#include "hub/ledger.h"
#include "hub/live_feed.h"
#include "hub/store/store.h"

namespace hub {

struct CalibrationDesks;
class DoctorDesk;

// All that it points to outlives it.
struct ServedHome {
  std::string id;
  // Why it cannot be served, in one sentence: then nothing else is there. Empty: it is served.
  std::string trouble = {};
  const Home* home = nullptr;
  Store* store = nullptr;
  LiveFeed* live = nullptr;
  const Hub* hub = nullptr;                  // Null: what meters send is not heard.
  std::function<Ledger*()> ledger = {};      // Empty, or null: no energy is told in metrics.
  std::function<Analyst*()> analyst = {};    // Empty, or null: appliances are not looked for.
  std::function<HealthDesk*()> health = {};  // Empty, or null: equipment is not watched.
  std::function<BillDesk*()> bill = {};      // Empty, or null: nothing is billed.
  std::function<AdviceDesk*()> advice = {};  // Empty, or null: nothing is advised.
  std::string calibrations = {};             // File; empty: nothing was calibrated.
  std::function<DoctorDesk*()> doctor = {};  // Empty, or null: the wiring is not examined.
  std::function<CalibrationDesks*()> calibration = {};  // Empty: nothing is calibrated.
  const PointsDoor* points = nullptr;                   // Null: nobody can write.
};

}  // namespace hub
