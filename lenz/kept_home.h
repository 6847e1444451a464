// One home at work: its folder, its store, its feed, its partners. Nothing of it is shared with
// another.

#pragma once

#include <boost/asio/io_context.hpp>
#include <chrono>
#include <functional>
#include <memory>
#include <optional>
#include <set>
#include <string>

#include "hub/api/served_home.h"
#include "hub/calibration_desks.h"
#include "hub/doctor_desk.h"
#include "hub/files/files.h"
#include "hub/hub.h"
#include "hub/ingest/points_inbox.h"
#include "hub/partners.h"
#include "hub/store/sqlite_store.h"
#include "lenz/analysis.h"
#include "lenz/health.h"
#include "lenz/in_steps.h"
#include "lenz/long_memory.h"
#include "lenz/money.h"
#include "lenz/partner_links.h"
#include "lenz/write_door.h"

namespace lenz {

// What all homes of a hub share. It outlives them.
struct Surroundings {
  boost::asio::io_context& context;
  hub::Files& files;
  std::function<measurement::Timestamp()> now;
  std::function<void(const std::string&)> say;
  std::chrono::milliseconds write_wait;  // As WriteDoor's.
  std::uint64_t reserve;                 // Bytes of each home, as Retention's.
  std::size_t waiting;                   // The same, as SqliteStore::hold_at_most() has them.
  std::shared_ptr<const insight::Model> model = {};  // Of appliances; null: there is none.
  bool analyses = true;                              // Else appliances are not looked for.
};

class KeptHome {
 public:
  // In its folder, as Workplace has it. `meter` is admitted besides those that the home knows.
  // Throws std::runtime_error with one sentence.
  KeptHome(const Surroundings&, hub::Home, const std::string& folder, const std::string& meter);

  const hub::Home& home() const { return home_; }
  hub::Hub& hub() { return hub_; }
  const std::set<std::string>& meters() const { return meters_; }  // That are admitted.
  void admit(const std::string& meter) {
    meters_.insert(meter);
    hub_.admit(meter);
  }
  // Asks it for its ledger and its analyst only when they are asked for.
  hub::ServedHome served();

  // Opens the connections of partners.toml; without them nothing follows the ledger before somebody
  // asks for it.
  void begin_partners();

  // Has its appliances looked for from now on, not only once somebody has asked for them; unless
  // nobody is to look for any.
  void begin_analysis();

  // Has its equipment watched, and people told, from now on, not only once somebody has asked.
  void begin_health();
  hub::HealthDesk* health();    // Null: there is none.
  hub::Caretaker* caretaker();  // The same.

  Money& money();  // Works from now on, not only once somebody has asked.

  // A short piece of work. True: nothing is left for now.
  bool tidy();

 private:
  hub::Ledger* ledger();
  hub::DoctorDesk* doctor();
  hub::Analyst* analyst();  // Null: there is none.

  const Surroundings& around_;
  const std::string folder_;
  const hub::Home home_;
  const hub::Partners partners_;
  hub::SqliteStore store_;
  const LongMemory memory_;
  hub::LiveFeed live_;
  hub::Hub hub_{store_, live_};
  hub::CalibrationDesks calibration_;
  std::set<std::string> meters_;
  std::unique_ptr<hub::Ledger> ledger_;  // Null until somebody asks for it.
  hub::PointsInbox inbox_{store_, live_, home_};
  WriteDoor write_door_;
  std::optional<Analysis> analysis_;       // Absent until somebody asks for it.
  std::optional<Health> health_;           // Absent until somebody asks for it.
  std::optional<Money> money_;             // Absent until somebody asks for it.
  std::optional<hub::DoctorDesk> doctor_;  // Absent until somebody asks for it.
  std::optional<InSteps> examining_;       // The same.
  std::optional<PartnerLinks> links_;
  bool has_failed_ = false;  // To tidy.
};

}  // namespace lenz
