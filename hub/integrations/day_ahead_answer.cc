#include "hub/integrations/day_ahead_answer.h"

#include <fmt/format.h>

#include <array>
#include <nlohmann/json.hpp>
#include <optional>

namespace hub {
namespace {

using Json = nlohmann::json;
using insight::Decimal;

constexpr std::array list_words = {"data", "prices", "records"};
constexpr std::array time_words = {"start_timestamp", "time", "start", "startsAt", "HourUTC"};
constexpr std::array price_words = {"price", "marketprice", "total", "SpotPriceEUR"};
constexpr int kwh_digits = 9;

const Json* list_in(const Json& json) {
  if (json.is_array()) return &json;
  for (const char* word : list_words) {
    if (json.is_object() && json.contains(word) && json[word].is_array()) return &json[word];
  }
  return nullptr;
}

template <class Words>
const Json* member(const Json& row, const Words& words) {
  for (const char* word : words) {
    if (row.is_object() && row.contains(word)) return &row[word];
  }
  return nullptr;
}

// A number stands for itself, digit by digit. HourUTC has no zone: it is what it says.
std::string text_of(const Json& value, bool is_utc_time) {
  if (!value.is_string()) return value.dump();
  auto text = value.get<std::string>();
  const bool has_zone = text.ends_with('Z') || text.find('+') != text.npos ||
                        (text.size() > 6 && text[text.size() - 6] == '-');
  return is_utc_time && !has_zone ? text + "Z" : text;
}

}  // namespace

std::expected<std::vector<PriceFrom>, std::string> prices_in(std::string_view answer,
                                                             bool per_mwh) {
  std::string lines(answer);
  if (const auto json = Json::parse(answer, nullptr, false); !json.is_discarded()) {
    const auto* list = list_in(json);
    if (!list) return std::unexpected("It has no list of prices: data, prices or records.");
    lines.clear();
    for (const auto& row : *list) {
      const auto* time = member(row, time_words);
      const auto* price = member(row, price_words);
      if (!time || !price) {
        return std::unexpected("A row of it has no time or no price by a name that is known.");
      }
      if (price->is_null()) continue;
      const bool is_utc = row.contains("HourUTC");
      lines += fmt::format("{},{}\n", text_of(*time, is_utc), text_of(*price, false));
    }
  }
  auto found = parse_prices(lines);
  if (!found || !per_mwh) return found;
  for (auto& [time, price] : *found) {
    price = insight::product(price, Decimal{1'000'000}, kwh_digits);
  }
  return found;
}

}  // namespace hub
