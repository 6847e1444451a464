#include "hub/api/advice.h"

#include <fmt/format.h>

#include <array>
#include <cmath>
#include <nlohmann/json.hpp>
#include <optional>

#include "insight/advice/labels.h"

namespace hub {
namespace {

// Keys come out in the order of docs/http_api.yaml.
using Json = nlohmann::ordered_json;
using insight::Decimal;
using insight::Spread;
using measurement::Timestamp;

constexpr std::array verdict_words = {"keep", "use_otherwise", "repair", "replace"};
constexpr std::array role_words = {"kept", "most_efficient", "cheapest", "best_for_you"};
constexpr std::array turning_words = {"uses_a_year", "price_per_kwh", "purchase"};
constexpr std::chrono::duration<double, std::ratio<31'556'952>> year{1};
constexpr double oldest = 60;  // Years.

Json ms_if(const std::optional<Timestamp>& time) {
  return time ? Json(time->time_since_epoch().count()) : Json(nullptr);
}

// Four significant digits, which is more than any of it is known to.
Json number_json(double value) {
  if (!std::isfinite(value)) return nullptr;
  if (value == 0) return 0;
  const double size = std::pow(10, 3 - std::floor(std::log10(std::abs(value))));
  return std::round(value * size) / size;
}

Json spread_json(const Spread& spread) {
  return {{"low", number_json(spread.low)},
          {"median", number_json(spread.median)},
          {"high", number_json(spread.high)}};
}
Json spread_json(const std::optional<Spread>& spread) {
  return spread ? spread_json(*spread) : Json(nullptr);
}

Json number_if(const std::optional<double>& value) { return value ? Json(*value) : Json(nullptr); }

Json money_if(const std::optional<Decimal>& value, int digits) {
  return value ? Json(insight::text(*value, digits)) : Json(nullptr);
}

Json facts_json(const ApplianceFacts& facts, Timestamp now, int digits) {
  std::optional<double> age;
  if (facts.made) age = std::round(10 * ((now - *facts.made) / year)) / 10;
  return {{"age_years", number_if(age)},
          {"size", number_if(facts.size)},
          {"label", number_if(facts.label)},
          {"own_price", money_if(facts.own_price, digits)},
          {"repair_quote", money_if(facts.repair_quote, digits)}};
}

std::string_view label_unit(insight::ApplianceKind kind) {
  const auto basis = insight::label_basis(kind);
  if (!basis) return "";
  switch (*basis) {
    case insight::LabelBasis::kwh_a_year:
      return "kWh a year";
    case insight::LabelBasis::kwh_a_use:
      return "kWh a use";
    case insight::LabelBasis::efficiency:
      return "kWh of heat or cold from one";
  }
  return "";
}

Json candidate_json(const insight::Candidate& one) {
  Json roles = Json::array();
  for (const auto role : one.roles) roles.push_back(role_words.at(static_cast<std::size_t>(role)));
  return {{"name", one.name},
          {"roles", std::move(roles)},
          {"energy_kwh", spread_json(one.energy_kwh)},
          {"cost_a_year", spread_json(one.cost_a_year)},
          {"purchase", spread_json(one.purchase)},
          {"total_cost", spread_json(one.total_cost)},
          {"net_present_value", spread_json(one.net_present_value)},
          {"payback_years", spread_json(one.payback_years)},
          {"chance_ahead", number_json(one.chance_ahead)},
          {"price_source", one.price_source},
          {"emissions_kg", spread_json(one.emissions_kg)}};
}

Json plan_json(const AppliancePlan& plan, Timestamp now, int digits) {
  const auto& advice = plan.advice;
  Json candidates = Json::array();
  for (const auto& one : advice.candidates) candidates.push_back(candidate_json(one));
  Json turning = nullptr;
  if (const auto& point = advice.turning_point) {
    turning = {{"of", turning_words.at(static_cast<std::size_t>(point->of))},
               {"value", number_json(point->value)}};
  }
  const bool is_said = advice.not_yet.empty();
  const auto* verdict = verdict_words.at(static_cast<std::size_t>(advice.verdict));
  return {{"appliance", plan.appliance},
          {"name", plan.name},
          {"circuit", plan.circuit},
          {"kind", insight::row(plan.kind).word},
          {"facts", facts_json(plan.facts, now, digits)},
          {"size_unit", insight::size_unit(plan.kind)},
          {"label_unit", label_unit(plan.kind)},
          {"not_yet", advice.not_yet},
          {"verdict", is_said ? Json(verdict) : Json(nullptr)},
          {"why", advice.why},
          {"free_first", advice.free_first},
          {"candidates", std::move(candidates)},
          {"turning_point", std::move(turning)},
          {"prediction", plan.prediction ? Json(*plan.prediction) : Json(nullptr)}};
}

// What is wrong with a body, as a sentence.
struct Mistake {
  std::string sentence;
};

std::optional<double> number_in(const Json& json, const char* name, double least, double most) {
  const auto found = json.find(name);
  if (found == json.end() || found->is_null()) return std::nullopt;
  if (!found->is_number() || found->get<double>() < least || found->get<double>() > most) {
    throw Mistake{fmt::format("{}: give a number from {} to {}, or null.", name, least, most)};
  }
  return found->get<double>();
}

std::optional<Decimal> money_in(const Json& json, const char* name) {
  const auto found = json.find(name);
  if (found == json.end() || found->is_null() || *found == "") return std::nullopt;
  const auto value = found->is_string() ? Decimal::parse(found->get<std::string>())
                                        : std::unexpected(std::string());
  if (!value || value->nano < 0 || value->as_double() > 1e6) {
    throw Mistake{fmt::format("{}: give an amount as a text such as \"649.90\", or null.", name)};
  }
  return *value;
}

std::optional<std::int64_t> id_in(const Json& json, const char* name) {
  if (!json.is_object() || !json.contains(name) || !json[name].is_number_integer()) {
    return std::nullopt;
  }
  return json[name].get<std::int64_t>();
}

}  // namespace

std::string advice_text(AdviceDesk& desk, const Home& home, Timestamp now) {
  const int digits = insight::minor_digits(home.currency);
  Json appliances = Json::array(), predictions = Json::array();
  for (const auto& plan : desk.plans()) appliances.push_back(plan_json(plan, now, digits));
  for (const auto& one : desk.predictions()) {
    const bool is_money = one.of == BookedPrediction::Of::forecast;
    predictions.push_back({{"id", one.number},
                           {"of", word(one.of)},
                           {"appliance", one.appliance ? Json(*one.appliance) : Json(nullptr)},
                           {"what", one.what},
                           {"said", one.said.time_since_epoch().count()},
                           {"unit", is_money ? home.currency : "kWh a year"},
                           {"predicted", spread_json(one.predicted)},
                           {"done", ms_if(one.done)},
                           {"measured", spread_json(one.measured)},
                           {"note", one.note}});
  }
  const auto [right, measured] = desk.hit_rate();
  const Json json = {
      {"now", now.time_since_epoch().count()},
      {"currency", home.currency},
      {"is_ready", desk.is_ready()},
      {"appliances", std::move(appliances)},
      {"predictions", std::move(predictions)},
      {"hit_rate", measured > 0 ? Json{{"right", right}, {"of", measured}} : Json(nullptr)}};
  return json.dump(-1, ' ', false, Json::error_handler_t::replace);
}

AdviceDesk::Done say_facts(AdviceDesk& desk, std::string_view body, Timestamp now) {
  const auto json = Json::parse(body, nullptr, false);
  const auto appliance = id_in(json, "appliance");
  if (!appliance) return std::unexpected(R"(Send {"appliance": 3, "age_years": 12, ...}.)");
  ApplianceFacts facts;
  try {
    if (const auto age = number_in(json, "age_years", 0, oldest)) {
      facts.made = now - std::chrono::round<std::chrono::milliseconds>(*age * year);
    }
    facts.size = number_in(json, "size", 0, 10'000);
    facts.label = number_in(json, "label", 0, 100'000);
    facts.own_price = money_in(json, "own_price");
    facts.repair_quote = money_in(json, "repair_quote");
  } catch (const Mistake& mistake) {
    return std::unexpected(mistake.sentence);
  }
  return desk.set(*appliance, facts, now);
}

AdviceDesk::Done say_done(AdviceDesk& desk, std::string_view body, Timestamp now) {
  const auto number = id_in(Json::parse(body, nullptr, false), "prediction");
  if (!number) return std::unexpected(R"(Send {"prediction": 7}.)");
  return desk.done(*number, now);
}

}  // namespace hub
