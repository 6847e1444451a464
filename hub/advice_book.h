// What people said of their appliances that no clamp can see, and what was predicted: each advice,
// finding and forecast, when it was done, and what came of it. docs/advice_format.md is the page of
// its tables.

#pragma once

#include <cstdint>
#include <expected>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "hub/appliance_book.h"
#include "hub/store/database.h"
#include "hub/store/store.h"
#include "insight/advice/advice.h"
#include "insight/bill/money.h"

namespace hub {

struct ApplianceFacts {
  std::optional<measurement::Timestamp> made;  // When it was new.
  std::optional<double> size, label;           // As insight/advice/labels.h says for its kind.
  // In the home's currency: what a new one would cost, and what a repair would.
  std::optional<insight::Decimal> own_price, repair_quote;

  friend bool operator==(const ApplianceFacts&, const ApplianceFacts&) = default;
};

using PredictionNumber = std::int64_t;  // Of a home, from 1.

struct BookedPrediction {
  enum class Of : std::uint8_t {
    advice,    // kWh a year saved once it is done.
    finding,   // The same, once what was found is repaired.
    forecast,  // Of a month's bill, in the home's currency: done when the month is over.
  };
  PredictionNumber number = 0;
  Of of = Of::advice;
  std::optional<ApplianceNumber> appliance;  // Absent: of the home.
  std::string key;   // One prediction of the same key is open at a time: "replace", "2026-11".
  std::string what;  // "Replace the fridge"
  measurement::Timestamp said{};
  insight::Spread predicted;
  std::optional<measurement::Timestamp> done;
  std::optional<insight::Spread> measured;
  // Why it is not measured yet, or what it was not adjusted for.
  std::string note;
};
std::string_view word(BookedPrediction::Of);

// Files outlive it. One thread.
class AdviceBook {
 public:
  static constexpr std::size_t most_predictions = 1000, most_facts = 500;

  // Opens or creates the file. Throws std::runtime_error with one sentence.
  AdviceBook(Files&, const std::string& file);

  ApplianceFacts facts(ApplianceNumber);  // None where nothing was said.
  std::expected<void, StoreError> put(ApplianceNumber, const ApplianceFacts&);

  // The newest first.
  std::vector<BookedPrediction> predictions();
  // One that is open, of the same appliance and key, keeps its number and when it was said; what it
  // says is brought up to date as long as it is not done. An open one of another key of the
  // appliance goes, since it is not advised any more.
  std::expected<void, StoreError> predict(const BookedPrediction&);
  // What is not advised any more; what is done stays.
  std::expected<void, StoreError> withdraw(BookedPrediction::Of, ApplianceNumber);
  // False: there is none of that number that is open.
  std::expected<bool, StoreError> done(PredictionNumber, measurement::Timestamp);
  // The month whose report was mailed last; absent: none was.
  std::optional<std::chrono::year_month> mailed();
  std::expected<void, StoreError> set_mailed(std::chrono::year_month);

  // The mean of an hour outdoors, °C; hours of the last 400 days stay.
  std::expected<void, StoreError> put_outdoors(measurement::Timestamp hour, double celsius);
  // The mean of a range, whose ends are whole hours; absent: less than three quarters of its hours
  // are known.
  std::optional<double> outdoors(TimeRange);

  std::expected<void, StoreError> measured(PredictionNumber, const std::optional<insight::Spread>&,
                                           const std::string& note);

 private:
  Database database_;
};

}  // namespace hub
