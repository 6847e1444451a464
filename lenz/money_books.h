// What the commands that bill and report work on: a home of the hub's folder, beside a running hub
// too.

#pragma once

#include <chrono>
#include <optional>
#include <string>

#include "hub/advice_desk.h"
#include "hub/bill_desk.h"
#include "hub/files/disk.h"
#include "hub/health_desk.h"
#include "hub/live_feed.h"
#include "hub/report_facts.h"
#include "hub/store/sqlite_store.h"
#include "lenz/folder_lock.h"
#include "lenz/workplace.h"

namespace lenz {

// One that is told by nobody is the last whole month.
std::chrono::year_month month_of_text(const std::string& text, const hub::BillDesk&,
                                      measurement::Timestamp now);

class MoneyBooks {
 public:
  // The folder's home, or of several the one of this id. Throws std::runtime_error with one
  // sentence.
  MoneyBooks(const std::string& data, const std::string& home);

  measurement::Timestamp now() const { return now_; }  // When it was opened.
  const hub::Home& home() const { return home_; }
  const Workplace& place() const { return place_; }
  hub::BillDesk& bill() { return *bill_; }
  // Weighs the appliances first, which may take some seconds.
  hub::ReportWorld report_world();

 private:
  std::vector<hub::ApplianceState> known_appliances();

  const measurement::Timestamp now_;
  const Workplace place_;
  const hub::Home home_;
  hub::Disk disk_;
  FolderLock lock_;
  hub::SqliteStore store_;
  std::optional<hub::Ledger> ledger_;
  std::optional<hub::ApplianceBook> appliances_;
  hub::LiveFeed live_;
  std::optional<hub::BillDesk> bill_;
  std::optional<hub::HealthDesk> health_;
  std::optional<hub::AdviceDesk> advice_;
};

}  // namespace lenz
