// What a home's energy report of a month says, as a value: facts in, sentences and tables out. How
// it looks on paper is report_page.h.

#pragma once

#include <optional>
#include <string>
#include <vector>

#include "insight/advice/advice.h"
#include "insight/bill/bill.h"

namespace insight {

// Energy with what it may be off by, 1.96 standard deviations to each side.
struct Measured {
  double kwh = 0, plus_minus = 0;
};

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
  Decimal cost;                    // Its share of the whole bill.
};

struct DataQuality {
  double covered = 1;                // Share of the month that was measured.
  std::vector<std::string> remarks;  // "No reading on 3 May from 02:10 to 04:00."
};

struct ReportFinding {
  std::string text;
  bool is_urgent = false;
};

struct ReportFacts {
  std::string home, currency;
  std::chrono::year_month month;
  measurement::Timestamp made{};
  Measured whole, produced, given_away;
  std::optional<Measured> whole_before, whole_a_year_ago;
  std::vector<ReportPart> parts;          // Largest first; unknown last.
  std::vector<double> kwh_of_days;        // Of the month's local days. NaN: nothing was measured.
  std::array<double, 24> kwh_of_hours{};  // Of the local hours of a mean day.
  double always_on_w = 0;
  std::optional<Bill> bill;             // Absent: no tariff.
  std::optional<Spread> bill_forecast;  // Of the month that runs, or the next.
  std::vector<ReportFinding> findings;
  std::vector<Advice> advice;
  std::vector<ScoredPrediction> scores;
  DataQuality quality;
};

}  // namespace insight
