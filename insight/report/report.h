// What a home's energy report of a month says, as a value: facts in, sentences out. How it looks on
// paper is report_page.h.

#pragma once

#include <array>
#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "insight/advice/advice.h"
#include "insight/bill/bill.h"
#include "insight/report/error_budget.h"

namespace insight {

enum class Source : std::uint8_t {
  measured,    // A clamp or a plug of its own.
  identified,  // Told from its signature.
  unknown,     // What is left.
};

// One part of where the energy went. Parts never overlap, and sum to the whole.
struct ReportPart {
  std::string name;
  Source source{};
  Measured energy;
  std::optional<Measured> before;  // The month before, where it was measured.
  Decimal cost;                    // Its share of the whole bill; without a bill nothing.
  // How often it ran; absent: it is not told by runs.
  std::optional<double> runs = {}, runs_before = {};
};

struct DataQuality {
  double covered = 1;                // Share of the month that was measured.
  std::vector<std::string> remarks;  // "No reading on 3 May from 02:10 to 04:00."
};

struct ReportFinding {
  std::string text;
  bool is_urgent = false;
};

// The error of one circuit, as data quality lists it.
struct ReportClamp {
  std::string circuit;
  std::vector<ErrorPart> parts;
  Measured energy;
  std::string model;                                  // Of the clamp, "SCT-016"; empty: not known.
  std::optional<std::chrono::local_days> calibrated;  // The last time; absent: never.
};

struct ReportFacts {
  std::string home, currency;
  std::chrono::year_month month;
  measurement::Timestamp made{};
  std::chrono::minutes utc_offset{0};  // Of the home when it was made.
  // Used in the home, wherever it came from; made on the roof; of that, given to the grid.
  Measured whole, produced, given_away;
  std::optional<Measured> whole_before, whole_a_year_ago;
  std::vector<ReportPart> parts;          // Largest first; unknown last.
  std::vector<double> kwh_of_days;        // Of the month's local days. NaN: nothing was measured.
  std::array<double, 24> kwh_of_hours{};  // Of the local hours of a mean day; NaN as above.
  std::optional<double> always_on_w, always_on_before_w;
  // Mean outside, °C; absent: not known.
  std::optional<double> outside_c, outside_before_c;
  std::optional<Bill> bill;  // Absent: no tariff.
  std::string unpriced;      // What has no price in it, as a sentence; empty: nothing.
  // Of the month that runs, or the next. For money a Spread is in units of the currency.
  std::optional<Spread> bill_forecast;
  std::vector<ReportFinding> findings;
  std::vector<Advice> advice;
  std::vector<ScoredPrediction> scores;
  DataQuality quality;
  std::vector<ReportClamp> clamps;  // Largest first.
};

std::string month_text(std::chrono::year_month);    // "October 2026"
std::string day_text(std::chrono::year_month_day);  // "3 October 2026"
std::string month_before(std::chrono::year_month);  // "September", "December 2025" of January 2026.

// The month is not over yet.
bool is_running(const ReportFacts&);
bool has_urgent(const ReportFacts&);  // Finding.

// A part's share of the whole; 0 where the whole is nothing.
double share_of(const ReportFacts&, const ReportPart&);

// "Energy report of Our house, October 2026": of pages, files and mails.
std::string report_title(const ReportFacts&);

// What was used and what it cost, then the highlights. A mail's text.
std::vector<std::string> summary(const ReportFacts&);

// More or less than before, what most of it was, and what wants attention, a sentence each.
std::vector<std::string> highlights(const ReportFacts&);

// What changed besides: against a year ago, and the parts against the month before, and why as far
// as the readings tell.
std::vector<std::string> what_changed(const ReportFacts&);

}  // namespace insight
