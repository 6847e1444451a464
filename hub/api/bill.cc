#include "hub/api/bill.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <cmath>
#include <nlohmann/json.hpp>

namespace hub {
namespace {

// Keys come out in the order of docs/http_api.yaml.
using Json = nlohmann::ordered_json;
using insight::Decimal;
using measurement::Timestamp;

std::string dumped(const Json& json) {
  return json.dump(-1, ' ', false, Json::error_handler_t::replace);
}

Json ms_if(const std::optional<Timestamp>& time) {
  return time ? Json(time->time_since_epoch().count()) : Json(nullptr);
}

std::string day_text(std::chrono::local_days day) {
  const std::chrono::year_month_day date(day);
  return fmt::format("{:04}-{:02}-{:02}", static_cast<int>(date.year()), unsigned{date.month()},
                     unsigned{date.day()});
}

std::string month_text(std::chrono::year_month month) {
  return fmt::format("{:04}-{:02}", static_cast<int>(month.year()), unsigned{month.month()});
}

// As many digits as it has, at least so many.
std::string exact(Decimal value, int least) {
  auto text = insight::text(value, 9);
  const auto point = text.find('.');
  const auto shortest = least > 0 ? point + 1 + static_cast<std::size_t>(least) : point;
  while (text.size() > shortest && (text.back() == '0' || text.back() == '.')) text.pop_back();
  return text;
}

double wh(measurement::MilliwattHours energy) {
  return std::round(static_cast<double>(energy.value)) / 1000;
}

measurement::MilliwattHours unpriced_of(const std::vector<insight::UnpricedQuarter>& quarters) {
  measurement::MilliwattHours sum{};
  for (const auto& one : quarters) sum = sum + one.imported;
  return sum;
}

double to_digits(double value, int digits) {
  const double size = std::pow(10, digits);
  return std::round(value * size) / size;
}

Json rows_json(const std::vector<BillPart>& rows, int digits) {
  Json found = Json::array();
  for (const auto& row : rows) {
    Json one = Json::object();
    if (row.circuit.empty()) {
      one["id"] = nullptr;
    } else if (row.appliance) {
      one["id"] = *row.appliance;
    } else {
      one["id"] = row.circuit;
    }
    one["name"] = row.name;
    if (row.appliance) one["circuit"] = row.circuit;
    one["energy_wh"] = wh(row.energy);
    one["amount"] = insight::text(row.amount, digits);
    one["share"] = to_digits(row.share, 4);
    found.push_back(std::move(one));
  }
  return found;
}

// Whole units where the forecast is not known to less.
std::string about(double amount, double width) {
  return fmt::format("{:.{}f}", amount, width >= 2 ? 0 : width >= 0.2 ? 1 : 2);
}

Json forecast_json(const std::optional<insight::Spread>& forecast) {
  if (!forecast) return nullptr;
  const double width = forecast->high - forecast->low;
  return {{"low", about(forecast->low, width)},
          {"median", about(forecast->median, width)},
          {"high", about(forecast->high, width)}};
}

Json lines_json(const insight::Bill& bill, int digits) {
  Json lines = Json::array();
  for (const auto& line : bill.lines) {
    lines.push_back({{"words", line.words},
                     {"quantity", exact(line.quantity, 0)},
                     {"unit", line.unit},
                     {"price", exact(line.price, digits)},
                     {"amount", insight::text(line.amount, digits)},
                     {"begin", day_text(line.during.begin)},
                     {"end", day_text(line.during.end)}});
  }
  return lines;
}

std::optional<double> number_in(std::string_view text) {
  double value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc{} || end != text.data() + text.size() || !std::isfinite(value)) {
    return std::nullopt;
  }
  return value;
}

std::string sentence_of(const HomeRoom& room, const RoomQuestion& question) {
  const auto& legs = room.room.legs;
  const auto tightest = std::ranges::min_element(legs, {}, &insight::LegRoom::left_a);
  const auto leg = static_cast<std::size_t>(tightest - legs.begin()) + 1;
  const auto where = legs.size() == 1 ? std::string() : fmt::format(" on leg {}", leg);
  if (room.room.is_enough) {
    return fmt::format(
        "There is room for {:.1f} kW: {:.1f} A are left{} at the worst quarter hour.",
        question.power_w / 1000, tightest->left_a, where);
  }
  return fmt::format(
      "There is no room for {:.1f} kW as things ran: {:.1f} A too much{} at the worst quarter "
      "hour.",
      question.power_w / 1000, -tightest->left_a, where);
}

std::expected<std::string, std::string> text_in(std::string_view body) {
  const auto json = Json::parse(body, nullptr, false);
  if (!json.is_object() || json.size() != 1 || !json.contains("text") ||
      !json["text"].is_string()) {
    return std::unexpected(R"(Send {"text": "..."}.)");
  }
  return json["text"].get<std::string>();
}

}  // namespace

std::optional<std::chrono::year_month> month_in(std::string_view text) {
  int year = 0;
  unsigned month = 0;
  if (text.size() != 7 || text[4] != '-') return std::nullopt;
  const auto first = std::from_chars(text.data(), text.data() + 4, year);
  const auto second = std::from_chars(text.data() + 5, text.data() + 7, month);
  const auto found = std::chrono::year(year) / std::chrono::month(month);
  const bool is_read = first.ec == std::errc{} && first.ptr == text.data() + 4 &&
                       second.ec == std::errc{} && second.ptr == text.data() + 7;
  if (!is_read || !found.ok() || year < 1970) return std::nullopt;
  return found;
}

std::string tariff_text(BillDesk& desk, Timestamp now) {
  const auto& tariff = desk.tariff();
  const auto price = desk.price_now(now);
  Json templates = Json::array();
  for (const auto& one : desk.templates()) {
    templates.push_back(
        {{"id", one.id}, {"name", one.title}, {"country", one.country}, {"text", one.text}});
  }
  return dumped({{"text", desk.text()},
                 {"trouble", desk.trouble()},
                 {"name", tariff ? tariff->name : ""},
                 {"currency", tariff ? tariff->currency : ""},
                 {"price_now", price ? Json(exact(*price, 2)) : Json(nullptr)},
                 {"prices_until", ms_if(desk.prices_until())},
                 {"templates", std::move(templates)}});
}

std::string bill_text(BillDesk& desk, std::chrono::year_month month, Timestamp now) {
  Json months = Json::array();
  for (const auto& one : desk.months(now)) months.push_back(month_text(one));
  const auto found = desk.bill(month, now);
  Json json = {{"note", bill_note}, {"trouble", found ? "" : found.error()}};
  if (!found) {
    json["periods"] = std::move(months);
    return dumped(json);
  }
  const auto& [bill, is_running, has_grid, circuits, appliances, standing, feed_in, forecast] =
      **found;
  const int digits = insight::minor_digits(bill.currency);
  json.update({{"period",
                {{"begin", day_text(bill.period.begin)},
                 {"end", day_text(bill.period.end)},
                 {"is_running", is_running}}},
               {"periods", std::move(months)},
               {"tariff", bill.tariff},
               {"currency", bill.currency},
               {"lines", lines_json(bill, digits)},
               {"total", insight::text(bill.total, digits)},
               {"imported_wh", wh(bill.imported)},
               {"exported_wh", wh(bill.exported)},
               {"unpriced", insight::unpriced_text(bill.unpriced, desk.zone())},
               {"unpriced_wh", wh(unpriced_of(bill.unpriced))},
               {"covered", to_digits(bill.covered, 4)},
               {"has_mains", has_grid},
               {"standing", insight::text(standing, digits)},
               {"feed_in", insight::text(feed_in, digits)},
               {"circuits", rows_json(circuits, digits)},
               {"appliances", rows_json(appliances, digits)},
               {"forecast", forecast_json(forecast)}});
  return dumped(json);
}

std::string costs_text(const Home& home, const CircuitCosts& costs, const insight::Zone& zone) {
  const int digits = insight::minor_digits(home.currency);
  const auto cost_json = [&](const BillDesk::Cost& cost) {
    return Json{{"amount", insight::text(cost.amount, digits)},
                {"imported_wh", wh(cost.imported)},
                {"exported_wh", wh(cost.exported)},
                {"unpriced_wh", wh(unpriced_of(cost.unpriced))}};
  };
  Json circuits = Json::object();
  BillDesk::Cost total;
  std::map<Timestamp, insight::UnpricedQuarter> unpriced;  // All circuits have the same quarters.
  for (const auto& [circuit, cost] : costs) {
    circuits[circuit] = cost_json(cost);
    total.amount += cost.amount;
    total.imported = total.imported + cost.imported;
    total.exported = total.exported + cost.exported;
    for (const auto& one : cost.unpriced) {
      auto& sum =
          unpriced.try_emplace(one.begin, insight::UnpricedQuarter{one.begin}).first->second;
      sum.imported = sum.imported + one.imported;
    }
  }
  for (const auto& [begin, one] : unpriced) total.unpriced.push_back(one);
  return dumped({{"trouble", ""},
                 {"circuits", std::move(circuits)},
                 {"total", cost_json(total)},
                 {"unpriced", insight::unpriced_text(total.unpriced, zone)}});
}

std::string trouble_text(std::string_view sentence) { return dumped({{"trouble", sentence}}); }

Json carbon_json(const std::optional<HomeCarbon>& carbon) {
  if (!carbon) return nullptr;
  return {{"kg", to_digits(carbon->now.kg, 1)},
          {"known", to_digits(carbon->now.known, 4)},
          {"shifted_kg", to_digits(carbon->shifted.kg, 1)},
          {"shifted_kwh", to_digits(wh(carbon->moved) / 1000, 1)}};
}

std::string replay_text(BillDesk& desk, const Home& home, Timestamp now) {
  const auto found = desk.replay(now);
  if (!found) {
    return dumped({{"trouble", found.error()}, {"is_being_read", desk.is_replaying()}});
  }
  const auto& replay = **found;
  const int digits = insight::minor_digits(home.currency);
  Json rows = Json::array();
  for (const auto& [one, source] : replay.rows) {
    const bool is_priced = one.trouble.empty();
    const bool is_shifted = is_priced && one.moved.value > 0;
    const auto amount = [&](bool is_there, Decimal value) {
      return is_there ? Json(insight::text(value, digits)) : Json(nullptr);
    };
    rows.push_back({{"tariff", one.tariff},
                    {"source", source},
                    {"trouble", one.trouble},
                    {"total", amount(is_priced, one.total)},
                    {"difference", amount(is_priced, one.total - replay.own.total)},
                    {"shifted_total", amount(is_shifted, one.shifted)},
                    {"shifted_kwh", to_digits(wh(one.moved) / 1000, 1)}});
  }
  return dumped({{"trouble", replay.own.trouble},
                 {"is_being_read", false},
                 {"begin", day_text(replay.over.begin)},
                 {"end", day_text(replay.over.end)},
                 {"currency", home.currency},
                 {"covered", to_digits(replay.covered, 4)},
                 {"now", insight::text(replay.own.total, digits)},
                 {"now_shifted", insight::text(replay.own.shifted, digits)},
                 {"rows", std::move(rows)},
                 {"shiftable", replay.shiftable},
                 {"carbon", carbon_json(replay.carbon)}});
}

std::expected<RoomQuestion, std::string> room_question(
    const std::map<std::string, std::string, std::less<>>& parameters) {
  RoomQuestion question;
  const auto given = [&](std::string_view name) -> std::optional<std::string_view> {
    const auto found = parameters.find(name);
    return found == parameters.end() ? std::nullopt
                                     : std::optional<std::string_view>(found->second);
  };
  const auto number = [&](std::string_view name, double least, double most) {
    const auto text = given(name);
    const auto value = text ? number_in(*text) : std::nullopt;
    return value && *value >= least && *value <= most ? value : std::nullopt;
  };
  constexpr std::array whats = {"charger", "heat_pump", "battery"};
  question.what = given("what").value_or("");
  if (!std::ranges::count(whats, question.what)) {
    return std::unexpected("what: give charger, heat_pump or battery.");
  }
  const auto power = number("power_w", 100, 100'000);
  if (!power) return std::unexpected("power_w: give 100 to 100000.");
  question.power_w = *power;
  auto legs = given("legs").value_or("");
  while (!legs.empty()) {
    const auto word = legs.substr(0, legs.find(','));
    if (word.size() != 1 || word[0] < '1' || word[0] > '3') {
      return std::unexpected("legs: give legs from 1 to 3, separated by commas.");
    }
    const int leg = word[0] - '0';
    if (!std::ranges::count(question.legs, leg)) question.legs.push_back(leg);
    legs.remove_prefix(std::min(word.size() + 1, legs.size()));
  }
  if (given("begin") || given("end")) {
    const auto begin = number("begin", 0, 23), end = number("end", 0, 23);
    if (!begin || !end || *begin == *end) {
      return std::unexpected("begin and end: give two different hours of the day, 0 to 23.");
    }
    question.hours = insight::Hours{std::chrono::hours(std::lround(*begin)),
                                    std::chrono::hours(std::lround(*end))};
  }
  if (given("kwh_a_day")) {
    question.kwh_a_day = number("kwh_a_day", 0, 1000);
    if (!question.kwh_a_day) return std::unexpected("kwh_a_day: give 0 to 1000.");
  }
  if (given("unseen_w")) {
    const auto unseen = number("unseen_w", 0, 100'000);
    if (!unseen) return std::unexpected("unseen_w: give 0 to 100000.");
    question.unseen_w = *unseen;
  }
  return question;
}

std::string room_text(const BillDesk::Or<HomeRoom>& found, bool is_being_read, const Home& home,
                      const RoomQuestion& question) {
  if (!found) return dumped({{"trouble", found.error()}, {"is_being_read", is_being_read}});
  const auto& room = found->room;
  const int digits = insight::minor_digits(home.currency);
  Json legs = Json::array();
  for (std::size_t i = 0; i < room.legs.size(); ++i) {
    const auto& leg = room.legs[i];
    legs.push_back({{"leg", i + 1},
                    {"rating_a", found->breaker_a},
                    {"peak_a", to_digits(leg.highest_a, 1)},
                    {"peak_at", leg.highest_at.time_since_epoch().count()},
                    {"left_a", to_digits(leg.left_a, 1)}});
  }
  Json sheet = nullptr;
  if (found->sheet) {
    const auto& one = *found->sheet;
    sheet = {{"is_within", one && one->is_within},
             {"refused", one ? Json::array() : Json(one.error())},
             {"lines", one ? Json(one->lines) : Json::array()}};
  }
  Json contracted = nullptr;
  if (const auto& one = found->contracted) {
    contracted = {{"highest", to_digits(one->highest, 2)},
                  {"sufficient", one->sufficient},
                  {"unit", one->unit},
                  {"rule", one->steps},
                  {"source", one->source}};
  }
  Json bill = nullptr;
  if (found->bill) {
    bill = {{"before", insight::text(found->bill->first, digits)},
            {"after", insight::text(found->bill->second, digits)}};
  }
  return dumped({{"trouble", ""},
                 {"is_being_read", false},
                 {"sentence", sentence_of(*found, question)},
                 {"fits", room.is_enough},
                 {"days", to_digits(room.measured_days, 1)},
                 {"quarters_over", room.quarters_over},
                 {"legs", std::move(legs)},
                 {"shift", room.could_be_shifted},
                 {"sheet", std::move(sheet)},
                 {"contracted", std::move(contracted)},
                 {"bill", std::move(bill)}});
}

BillDesk::Done say_tariff(BillDesk& desk, std::string_view body) {
  const auto text = text_in(body);
  if (!text) return std::unexpected(text.error());
  return desk.set(*text);
}

BillDesk::Done say_prices(BillDesk& desk, std::string_view body) {
  const auto text = text_in(body);
  if (!text) return std::unexpected(text.error());
  auto prices = parse_prices(*text);
  if (!prices) return std::unexpected(prices.error());
  return desk.add_prices(std::move(*prices));
}

}  // namespace hub
