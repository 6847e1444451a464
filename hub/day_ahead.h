// Day-ahead prices of a kWh: what an exchange says today of tomorrow. docs/tariff_format.md says in
// which form. Grams of CO2 of a kWh have the same.

#pragma once

#include <cstddef>
#include <expected>
#include <filesystem>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "insight/bill/billing.h"
#include "measurement/units.h"

namespace hub {

using PriceFrom = std::pair<measurement::Timestamp, insight::Decimal>;

inline constexpr std::size_t most_price_bytes = 4 << 20;

// Lines of a time and a price of one kWh, separated by a comma or a semicolon; a first line of
// words and empty ones are passed over. A time is 2026-11-30T00:00Z or with +01:00, or milliseconds
// since 1970 UTC. The error names the line.
std::expected<std::vector<PriceFrom>, std::string> parse_prices(std::string_view text);

// What is known of them, kept in a file. One thread.
class PriceBook {
 public:
  static constexpr std::chrono::days kept{1100};

  // A file that does not exist: none are known. Throws std::runtime_error with one sentence where
  // it cannot be read or is wrong.
  explicit PriceBook(std::filesystem::path file);

  // What was known of the same time is replaced. A price holds until the next one begins, and for
  // an hour at most. The error is one sentence: nothing was changed.
  std::expected<void, std::string> add(std::vector<PriceFrom>);

  const insight::DayAhead& prices() const { return prices_; }
  // Up to which prices are known; absent: none are.
  std::optional<measurement::Timestamp> until() const;

 private:
  std::expected<insight::DayAhead, std::string> with(std::vector<PriceFrom>) const;

  const std::filesystem::path file_;
  insight::DayAhead prices_;
};

}  // namespace hub
