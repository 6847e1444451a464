#include "hub/api/health.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <nlohmann/json.hpp>
#include <optional>
#include <set>

namespace hub {
namespace {

// Keys come out in the order of docs/http_api.yaml.
using Json = nlohmann::ordered_json;
using insight::Evidence;
using measurement::Timestamp;

constexpr std::size_t most_ended = 50;

constexpr std::array urgencies = {"digest", "today", "danger"};

std::string text(const Json& json) {
  return json.dump(-1, ' ', false, Json::error_handler_t::replace);
}

std::int64_t ms(Timestamp time) { return time.time_since_epoch().count(); }
Json ms_if(const std::optional<Timestamp>& time) { return time ? Json(ms(*time)) : Json(nullptr); }

// Five significant digits, which is more than any of it is known to.
Json number_json(float value) {
  if (!std::isfinite(value) || value == 0) return value == 0 ? Json(0) : Json(nullptr);
  const double size =
      std::pow(10, 4 - std::floor(std::log10(std::abs(static_cast<double>(value)))));
  return std::round(static_cast<double>(value) * size) / size;
}

Json evidence_json(const Evidence& evidence) {
  const auto& row = insight::row(evidence.feature);
  Json course = Json::array();
  for (const auto& [time, value] : evidence.course) {
    course.push_back({ms(time), number_json(value)});
  }
  return {{"feature", row.word},
          {"name", row.name},
          {"unit", row.unit},
          {"before", number_json(evidence.before)},
          {"now", number_json(evidence.now)},
          {"usual_spread", number_json(evidence.usual_spread)},
          {"course", std::move(course)}};
}

Json evidence_json(const std::vector<Evidence>& all) {
  Json found = Json::array();
  for (const auto& one : all) found.push_back(evidence_json(one));
  return found;
}

Json finding_json(HealthDesk& desk, const BookedFinding& booked, Timestamp now) {
  const auto& finding = booked.finding;
  const auto& change = insight::row(finding.change);
  const auto words = desk.text_of(booked, now);
  Json suspects = Json::array();
  for (const auto& [cause, probability] : finding.suspects) {
    suspects.push_back(
        {{"cause", insight::row(cause).word}, {"probability", number_json(probability)}});
  }
  return {
      {"id", booked.number},
      {"asset", text_of(booked.asset)},
      {"change", change.word},
      {"urgency", urgencies.at(static_cast<std::size_t>(change.urgency))},
      {"since", ms(finding.since)},
      {"found", ms(finding.found)},
      {"told", ms_if(booked.told)},
      {"ended", ms_if(booked.ended)},
      {"confidence", number_json(finding.confidence)},
      {"suspects", std::move(suspects)},
      {"extra_wh_per_day", number_json(finding.extra_wh_per_day)},
      {"evidence", evidence_json(finding.evidence)},
      {"feedback", booked.feedback == Feedback::none ? Json(nullptr) : Json(word(booked.feedback))},
      {"answered", ms_if(booked.answered)},
      {"who", booked.who},
      {"text",
       {{"changed", words.changed},
        {"since", words.since},
        {"sure", words.sure},
        {"evidence", words.evidence},
        {"cost", words.cost},
        {"danger", words.danger},
        {"check", words.check},
        {"causes", words.causes}}}};
}

Json asset_json(HealthDesk& desk, const Condition& condition, Timestamp now) {
  return {{"asset", text_of(condition.asset)},
          {"name", desk.name_of(condition.asset, now)},
          {"watch", word(condition.watch)},
          {"since", ms(condition.since)},
          {"note", condition.note},
          {"trends", evidence_json(condition.trends)}};
}

Json rule_json(HealthDesk& desk, const Rule& rule, Timestamp now) {
  const auto& kind = row(rule.kind);
  Json made = {{"name", rule.name}, {"when", kind.word}, {"asset", text_of(rule.asset)}};
  if (kind.has_power) made["power_w"] = rule.power_w;
  if (kind.has_length) made["for_min"] = rule.length.count();
  if (kind.has_time) made["by"] = text_of_minute(rule.by);
  if (kind.has_energy) made["energy_kwh"] = rule.energy_kwh;
  made["sending"] = sending_words.at(static_cast<std::size_t>(rule.sending));
  made["says"] = sentence(rule, desk.name_of(rule.asset, now));
  made["is_true"] = desk.is_true(rule);
  return made;
}

Json body_of(std::string_view body) { return Json::parse(body, nullptr, false); }

std::unexpected<std::string> malformed(const std::string& form) {
  return std::unexpected(fmt::format("Send {}.", form));
}

// --- What people send

// A mistake in a rule, to be caught where the whole is answered.
struct Mistake {
  std::string sentence;
};

const Json& member(const Json& object, const std::string& name, const std::string& where) {
  const auto found = object.find(name);
  if (found == object.end()) throw Mistake{fmt::format("{} lacks \"{}\": add it.", where, name)};
  return *found;
}

std::string text_in(const Json& object, const std::string& name, const std::string& where) {
  const auto& value = member(object, name, where);
  if (!value.is_string()) throw Mistake{fmt::format("{}: \"{}\" must be a text.", where, name)};
  return value.get<std::string>();
}

double number_in(const Json& object, const std::string& name, const std::string& where) {
  const auto& value = member(object, name, where);
  if (!value.is_number()) throw Mistake{fmt::format("{}: \"{}\" must be a number.", where, name)};
  return value.get<double>();
}

MinuteOfDay minute_of(const Json& object, const std::string& name, const std::string& where) {
  const auto minute = minute_in(text_in(object, name, where));
  if (!minute) throw Mistake{fmt::format("{}: \"{}\" must be like \"07:00\".", where, name)};
  return *minute;
}

template <class Words>
std::size_t choice_in(const Json& object, const std::string& name, const Words& words,
                      const std::string& where) {
  const auto found = std::ranges::find(words, text_in(object, name, where));
  if (found == words.end()) {
    throw Mistake{
        fmt::format("{}: \"{}\" must be one of {}.", where, name, fmt::join(words, ", "))};
  }
  return static_cast<std::size_t>(found - words.begin());
}

Rule rule_in(const Json& json, std::size_t place) {
  auto where = fmt::format("Rule {}", place + 1);
  if (!json.is_object()) throw Mistake{where + " must be an object."};
  Rule rule;
  rule.name = text_in(json, "name", where);
  where = fmt::format("The rule \"{}\"", rule.name);
  std::array<std::string_view, rule_kinds.size()> kinds;
  std::ranges::transform(rule_kinds, kinds.begin(), &RuleKindRow::word);
  rule.kind = static_cast<RuleKind>(choice_in(json, "when", kinds, where));
  rule.sending = static_cast<Sending>(choice_in(json, "sending", sending_words, where));
  // What it is not is refused as a fault of the rule.
  rule.asset = asset_in(text_in(json, "asset", where)).value_or(Asset{});
  const auto& kind = row(rule.kind);
  std::set<std::string_view> keys = {"name", "when", "asset", "sending", "says", "is_true"};
  if (kind.has_power) {
    keys.insert("power_w");
    rule.power_w = number_in(json, "power_w", where);
  }
  if (kind.has_length) {
    keys.insert("for_min");
    const auto minutes = number_in(json, "for_min", where);
    if (!(std::abs(minutes) < 1e6)) throw Mistake{where + ": \"for_min\" is too long."};
    rule.length = std::chrono::minutes(std::llround(minutes));
  }
  if (kind.has_time) {
    keys.insert("by");
    rule.by = minute_of(json, "by", where);
  }
  if (kind.has_energy) {
    keys.insert("energy_kwh");
    rule.energy_kwh = number_in(json, "energy_kwh", where);
  }
  for (const auto& [key, value] : json.items()) {
    if (keys.contains(key)) continue;
    throw Mistake{fmt::format("{} of \"{}\" has no \"{}\": take it out.", where, kind.word, key)};
  }
  return rule;
}

NoticeTimes times_in(const Json& json) {
  if (!json.is_object()) throw Mistake{"\"times\" must be an object."};
  const std::string where = "The times";
  return {.quiet_begin = minute_of(json, "quiet_begin", where),
          .quiet_end = minute_of(json, "quiet_end", where),
          .digest_day = std::chrono::weekday(
              static_cast<unsigned>(choice_in(json, "digest_day", weekday_words, where))),
          .digest_at = minute_of(json, "digest_at", where)};
}

}  // namespace

std::string health_text(HealthDesk& desk, Timestamp now) {
  auto& book = desk.book();
  Json open = Json::array(), ended = Json::array(), assets = Json::array();
  for (const auto& one : book.open_findings()) open.push_back(finding_json(desk, one, now));
  for (const auto& one : book.ended_findings(most_ended)) {
    ended.push_back(finding_json(desk, one, now));
  }
  for (const auto& one : book.conditions()) assets.push_back(asset_json(desk, one, now));
  Json troubles = Json::array(), notices = Json::array();
  for (const auto& [what, one] : desk.troubles()) {
    troubles.push_back({{"what", what}, {"sentence", one.sentence}, {"since", ms(one.since)}});
  }
  for (const auto& one : desk.notices().recent()) {
    notices.push_back({{"id", one.number},
                       {"time", ms(one.time)},
                       {"sending", sending_words.at(static_cast<std::size_t>(one.sending))},
                       {"is_danger", one.is_danger},
                       {"title", one.title},
                       {"text", one.text}});
  }
  return text({{"now", ms(now)},
               {"open", std::move(open)},
               {"ended", std::move(ended)},
               {"assets", std::move(assets)},
               {"troubles", std::move(troubles)},
               {"notices", std::move(notices)},
               {"channels", desk.notices().channels()},
               {"waiting", desk.notices().waiting()},
               {"lost", desk.notices().lost()}});
}

std::string rules_text(HealthDesk& desk, Timestamp now) {
  const auto& [times, rules] = desk.rules();
  Json listed = Json::array();
  for (const auto& rule : rules) listed.push_back(rule_json(desk, rule, now));
  return text({{"times",
                {{"quiet_begin", text_of_minute(times.quiet_begin)},
                 {"quiet_end", text_of_minute(times.quiet_end)},
                 {"digest_day", weekday_words.at(times.digest_day.c_encoding())},
                 {"digest_at", text_of_minute(times.digest_at)}}},
               {"rules", std::move(listed)},
               {"trouble", desk.rules_trouble()}});
}

HealthDesk::Done say_feedback(HealthDesk& desk, std::string_view body, const SaidOfHealth& said) {
  const auto json = body_of(body);
  const char* form = R"({"finding": 3, "feedback": "fixed"}, or "expected", or "wrong")";
  if (!json.is_object() || !json.contains("finding") || !json.contains("feedback") ||
      !json["finding"].is_number_integer() || !json["feedback"].is_string()) {
    return malformed(form);
  }
  const auto feedback = feedback_in(json["feedback"].get<std::string>());
  if (!feedback) return malformed(form);
  return desk.answer(json["finding"].get<std::int64_t>(), *feedback, said.who, said.now);
}

HealthDesk::Done say_rules(HealthDesk& desk, std::string_view body, const SaidOfHealth& said) {
  const auto json = body_of(body);
  if (!json.is_object() || !json.contains("times") || !json.contains("rules") ||
      !json["rules"].is_array()) {
    return malformed(R"({"times": {...}, "rules": [...]}, as this address gives them)");
  }
  Rules rules;
  try {
    rules.times = times_in(json["times"]);
    for (const auto& rule : json["rules"]) {
      rules.rules.push_back(rule_in(rule, rules.rules.size()));
    }
  } catch (const Mistake& mistake) {
    return std::unexpected(mistake.sentence);
  }
  return desk.set(rules, said.now);
}

HealthDesk::Done say_test(HealthDesk& desk, std::string_view body, const SaidOfHealth& said) {
  const auto json = body_of(body);
  const bool is_named = json.is_object() && json.contains("rule");
  if (!json.is_object() || (is_named && !json["rule"].is_string())) {
    return malformed(R"({"rule": "its name"}, or {} for a test of the channels alone)");
  }
  return desk.test(is_named ? json["rule"].get<std::string>() : std::string(), said.now);
}

}  // namespace hub
