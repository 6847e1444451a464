#include "hub/api/appliances.h"

#include <fmt/format.h>

#include <array>
#include <charconv>
#include <cmath>
#include <map>
#include <nlohmann/json.hpp>
#include <optional>

namespace hub {
namespace {

// Keys come out in the order of docs/http_api.yaml.
using Json = nlohmann::ordered_json;
using insight::ApplianceKind;
using measurement::Timestamp;
using namespace std::chrono_literals;

constexpr auto timeline_of = 24h;
constexpr std::size_t most_runs = 10'000;
constexpr std::size_t most_name_bytes = 120;

constexpr std::array certainties = {"measured", "confirmed", "likely", "unknown"};

std::string text(const Json& json) {
  return json.dump(-1, ' ', false, Json::error_handler_t::replace);
}

std::int64_t ms(Timestamp time) { return time.time_since_epoch().count(); }
Json time_or_null(Timestamp time) {
  return time == Timestamp::max() ? Json(nullptr) : Json(ms(time));
}
double tenths(measurement::Watts power) {
  return std::round(static_cast<double>(power.value) * 10) / 10;
}
double wh(measurement::MilliwattHours energy) { return static_cast<double>(energy.value) / 1000; }

// Of a run: what split needs to find it again.
std::string run_id(const BookedRun& run) {
  return fmt::format("{}-{}-{}", run.channel, run.epoch, run.run.id);
}

Json channel_json(const ChannelShares& channel) {
  Json shares = Json::object();
  auto rest = channel.power ? std::llround(static_cast<double>(channel.power->value) * 10) : 0;
  for (const auto& [appliance, power] : channel.appliances) {
    const auto part = std::llround(static_cast<double>(power.value) * 10);
    rest -= part;
    shares[std::to_string(appliance)] = static_cast<double>(part) / 10;
  }
  const auto known = [&](double value) { return channel.power ? Json(value) : Json(nullptr); };
  return {{"circuit", channel.circuit},
          {"is_rest", channel.is_rest},
          {"time", ms(channel.time)},
          {"power_w", known(channel.power ? tenths(*channel.power) : 0)},
          {"appliances", std::move(shares)},
          {"unexplained_w", known(static_cast<double>(rest) / 10)},
          {"always_on_w", known(tenths(channel.always_on))}};
}

Json kind_json(ApplianceKind kind) {
  return {{"kind", insight::row(kind).word}, {"name", insight::row(kind).name}};
}

Json course_json(const std::optional<ApplianceState::Course>& course) {
  if (!course) return nullptr;
  constexpr std::array states = {"idle", "running", "paused", "done"};
  const auto& left = course->seconds_left;
  return {{"state", states.at(static_cast<std::size_t>(course->state))},
          {"minutes_left", left ? Json(std::ceil(*left / 60)) : Json(nullptr)},
          {"ended", course->ended ? Json(ms(*course->ended)) : Json(nullptr)},
          {"went_on", course->went_on}};
}

Json power_cut_json(const std::optional<PowerCuts::Report>& report) {
  if (!report) return nullptr;
  return {{"begin", ms(report->cut.begin)},
          {"end", ms(report->cut.end)},
          {"not_back", report->not_back},
          {"waited_for", report->waited_for},
          {"dark", report->dark}};
}

Json appliance_json(const ApplianceState& state, Json timeline) {
  const auto& known = state.known;
  const bool is_shown = known.certainty != insight::Certainty::unknown && known.kind.has_value();
  return {
      {"id", state.number},
      {"circuit", state.circuit},
      {"certainty", certainties.at(static_cast<std::size_t>(known.certainty))},
      {"kind", is_shown ? Json(insight::row(*known.kind).word) : Json(nullptr)},
      {"kind_name", is_shown ? Json(insight::row(*known.kind).name) : Json(nullptr)},
      {"probability", is_shown ? Json(std::round(known.probability * 1000) / 1000) : Json(nullptr)},
      {"name", known.name},
      {"description", known.description},
      {"is_past", state.is_past},
      {"power_w", tenths(state.power)},
      {"running_since", state.running_since ? Json(ms(*state.running_since)) : Json(nullptr)},
      {"today_wh", wh(state.today)},
      {"runs_today", state.runs_today},
      {"course", course_json(state.course)},
      {"is_left_on", state.is_left_on},
      {"timeline", std::move(timeline)}};
}

Json question_json(const std::optional<ApplianceQuestion>& asked) {
  if (!asked) return nullptr;
  const auto& [appliance, question] = *asked;
  Json guesses = Json::array();
  for (const auto kind : question.guesses) guesses.push_back(kind_json(kind));
  return {{"appliance", appliance},
          {"example",
           {{"begin", ms(question.example.begin)},
            {"end", time_or_null(question.example.end)},
            {"energy_wh", wh(question.example.energy)},
            {"peak_w", tenths(question.example.peak)}}},
          {"guesses", std::move(guesses)},
          {"weekly_wh", wh(question.weekly)}};
}

Json body_of(std::string_view body) { return Json::parse(body, nullptr, false); }

std::optional<std::int64_t> number(const Json& body, const char* name) {
  if (!body.is_object()) return std::nullopt;
  const auto found = body.find(name);
  if (found == body.end() || !found->is_number_integer()) return std::nullopt;
  return found->get<std::int64_t>();
}

std::optional<std::string> word(const Json& body, const char* name) {
  if (!body.is_object()) return std::nullopt;
  const auto found = body.find(name);
  if (found == body.end() || !found->is_string()) return std::nullopt;
  return found->get<std::string>();
}

std::unexpected<std::string> malformed(const char* form) {
  return std::unexpected(fmt::format("Send {}.", form));
}

}  // namespace

std::string shares_text(const std::vector<ChannelShares>& shares, Timestamp now) {
  Json channels = Json::array();
  for (const auto& channel : shares) channels.push_back(channel_json(channel));
  return text({{"now", ms(now)}, {"channels", std::move(channels)}});
}

std::string appliances_text(Analyst& analyst, Timestamp now) {
  std::map<ApplianceNumber, Json> timelines;
  for (const auto& run : analyst.runs({now - timeline_of, now + 1ms}, most_runs)) {
    timelines[run.appliance].push_back({ms(run.run.begin), time_or_null(run.run.end)});
  }
  Json channels = Json::array(), appliances = Json::array(), kinds = Json::array();
  for (const auto& channel : analyst.shares()) channels.push_back(channel_json(channel));
  for (const auto& state : analyst.appliances(now)) {
    const auto timeline = timelines.find(state.number);
    appliances.push_back(appliance_json(
        state, timeline == timelines.end() ? Json::array() : std::move(timeline->second)));
  }
  for (const auto& kind : insight::appliance_kinds) kinds.push_back(kind_json(kind.id));
  Json outlets = Json::array();
  for (const auto& [circuit, room, name] : analyst.outlets()) {
    outlets.push_back({{"circuit", circuit}, {"room", room}, {"name", name}});
  }
  const auto act = analyst.last_act();
  return text({{"now", ms(now)},
               {"until", ms(analyst.until())},
               {"has_model", analyst.has_model()},
               {"is_studying", analyst.is_studying()},
               {"channels", std::move(channels)},
               {"appliances", std::move(appliances)},
               {"question", question_json(analyst.question(now))},
               {"last_act", act ? Json{{"id", act->number},
                                       {"time", ms(act->time)},
                                       {"who", act->who},
                                       {"text", act->text}}
                                : Json(nullptr)},
               {"outlets", std::move(outlets)},
               {"power_cut", power_cut_json(analyst.power_cut(now))},
               {"kinds", std::move(kinds)}});
}

std::string runs_text(Analyst& analyst, TimeRange range) {
  Json runs = Json::array();
  for (const auto& run : analyst.runs(range, most_runs)) {
    runs.push_back({{"id", run_id(run)},
                    {"appliance", run.appliance},
                    {"begin", ms(run.run.begin)},
                    {"end", time_or_null(run.run.end)},
                    {"energy_wh", wh(run.run.energy)},
                    {"peak_w", tenths(run.run.peak)}});
  }
  return text(runs);
}

Analyst::Done say_answer(Analyst& analyst, std::string_view body, const Analyst::Said& said) {
  const auto json = body_of(body);
  const auto appliance = number(json, "appliance");
  const auto kind = word(json, "kind");
  if (!appliance || !kind) return malformed(R"({"appliance": 3, "kind": "kettle"})");
  const auto known = insight::appliance_kind(*kind);
  if (!known) return std::unexpected("There is no such kind of appliance.");
  return analyst.answer(*appliance, known, "", said);
}

Analyst::Done say_rename(Analyst& analyst, std::string_view body, const Analyst::Said& said) {
  const auto json = body_of(body);
  const auto appliance = number(json, "appliance");
  const auto name = word(json, "name");
  if (!appliance || !name || name->empty() || name->size() > most_name_bytes) {
    return malformed(R"({"appliance": 3, "name": "..."} with a name of 1 to 120 bytes)");
  }
  return analyst.answer(*appliance, std::nullopt, *name, said);
}

std::expected<std::string, std::string> say_switched_on(Analyst& analyst, std::string_view body,
                                                        const Analyst::Said& said) {
  const auto json = body_of(body);
  const auto kind = word(json, "kind");
  const auto name = word(json, "name").value_or(""), circuit = word(json, "circuit").value_or("");
  if (!kind || name.size() > most_name_bytes) {
    return malformed(
        R"({"kind": "kettle", "name": "...", "circuit": "kitchen"}, the last two only )"
        "where they are known, with a name of at most 120 bytes");
  }
  const auto known = insight::appliance_kind(*kind);
  if (!known) return std::unexpected("There is no such kind of appliance.");
  const auto circuits = analyst.switched_on(*known, name, circuit, said);
  if (!circuits) return std::unexpected(circuits.error());
  return text({{"circuits", *circuits}});
}

Analyst::Done say_merge(Analyst& analyst, std::string_view body, const Analyst::Said& said) {
  const auto json = body_of(body);
  const auto from = number(json, "appliance"), into = number(json, "into");
  if (!from || !into) return malformed(R"({"appliance": 3, "into": 2})");
  return analyst.merge(*from, *into, said);
}

Analyst::Done say_split(Analyst& analyst, std::string_view body, const Analyst::Said& said) {
  const auto run = word(body_of(body), "run");
  std::array<std::int64_t, 3> numbers{};
  bool is_good = run.has_value();
  const char* at = is_good ? run->data() : nullptr;
  const char* const end = is_good ? at + run->size() : nullptr;
  for (std::size_t i = 0; i < numbers.size() && is_good; ++i) {
    const auto [next, error] = std::from_chars(at, end, numbers[i]);
    const bool is_last = i + 1 == numbers.size();
    is_good = error == std::errc{} && (is_last ? next == end : next != end && *next == '-');
    at = next + 1;
  }
  if (!is_good) return malformed(R"({"run": "2-1-17"}, as an address of runs gave it)");
  return analyst.split(numbers[0], numbers[1], static_cast<std::uint64_t>(numbers[2]), said);
}

std::string breaker_text(const BreakerSearch& search) {
  constexpr std::array states = {"idle", "watching", "found", "unsure"};
  const bool is_found = search.state == BreakerSearch::State::found;
  return text({{"state", states.at(static_cast<std::size_t>(search.state))},
               {"circuit", is_found ? Json(search.circuit) : Json(nullptr)},
               {"is_rest", search.is_rest},
               {"step_w", is_found ? Json(tenths(search.step)) : Json(nullptr)}});
}

Analyst::Done say_breaker(Analyst& analyst, std::string_view, const Analyst::Said&) {
  analyst.begin_breaker_search();
  return {};
}

Analyst::Done say_outlet(Analyst& analyst, std::string_view body, const Analyst::Said&) {
  const auto json = body_of(body);
  const auto circuit = word(json, "circuit"), room = word(json, "room"), name = word(json, "name");
  const bool is_good = circuit && room && name && !name->empty() &&
                       room->size() <= most_name_bytes && name->size() <= most_name_bytes;
  if (!is_good) {
    return malformed(R"({"circuit": "kitchen", "room": "Kitchen", "name": "left of the sink"})");
  }
  return analyst.put({*circuit, *room, *name});
}

Analyst::Done say_roll_back(Analyst& analyst, std::string_view body, const Analyst::Said& said) {
  const auto act = number(body_of(body), "act");
  if (!act) return malformed(R"({"act": 7})");
  return analyst.roll_back(*act, said);
}

}  // namespace hub
