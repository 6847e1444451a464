// What a home's energy report of a month has to tell: from the store, the bill, the findings and
// the advice.

#pragma once

#include <expected>
#include <filesystem>
#include <string>

#include "hub/advice_desk.h"
#include "hub/bill_desk.h"
#include "hub/health_desk.h"
#include "insight/report/report.h"

namespace hub {

// All of it outlives the call. Null: there is none, and the report says nothing of it.
struct ReportWorld {
  BillDesk& bill;
  Store& store;
  const Home& home;
  std::filesystem::path calibrations;  // calibrations.toml; it need not be there.
  AdviceDesk* advice = nullptr;
  HealthDesk* health = nullptr;
};

inline constexpr std::size_t most_remarks = 12;  // Of gaps.
inline constexpr std::chrono::minutes gap_worth_telling{15};

// The error is one sentence for people: the month has not begun, nothing was measured in it, or the
// file of calibrations is wrong.
std::expected<insight::ReportFacts, std::string> report_facts(const ReportWorld&,
                                                              std::chrono::year_month,
                                                              measurement::Timestamp now);

// Reads a piece of what they rest on. True: it is all at hand.
BillDesk::Prepared prepare_report(const ReportWorld&, std::chrono::year_month,
                                  measurement::Timestamp now);

}  // namespace hub
