#include "hub/api/meters.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <expected>
#include <nlohmann/json.hpp>
#include <optional>

#include "hub/api/routes.h"
#include "hub/api/views.h"
#include "hub/devices.h"

namespace hub {
namespace {

// Keys come out in the order of docs/http_api.yaml.
using Json = nlohmann::ordered_json;
using measurement::Reply;
using measurement::Timestamp;
using Failure = MeterRequests::Failure;
using Kind = measurement::Request::Kind;
using namespace std::chrono_literals;

constexpr int acts_of_an_answer = 200;

std::string text(const Json& json) {
  return json.dump(-1, ' ', false, Json::error_handler_t::replace);
}

Json or_null(const std::optional<Timestamp>& time) {
  return time ? Json(time->time_since_epoch().count()) : Json(nullptr);
}

// The store tells no first time, but a voltage is in every sample: three looks, each finer, find
// the second in which a device was heard first.
std::expected<std::optional<Timestamp>, StoreError> first_heard(Store& store,
                                                                const std::string& device,
                                                                Timestamp last) {
  TimeRange range{Timestamp{}, last + 1ms};
  for (const std::chrono::milliseconds step : {24h + 0ms, 1min + 0ms, 1s + 0ms}) {
    const auto points = store.read({device, measurement::Quantity::voltage, 0}, range, step);
    if (!points) return std::unexpected(points.error());
    const auto known =
        std::ranges::find_if(points->mean, [](float volts) { return !std::isnan(volts); });
    if (known == points->mean.end()) return std::nullopt;
    range.begin = points->begin + (known - points->mean.begin()) * step;
    range.end = range.begin + step;
  }
  return range.begin;
}

// A board that does not know a number says 0.
Json unless_zero(std::int64_t number) { return number == 0 ? Json(nullptr) : Json(number); }

Json condition_json(const MeterRequests::Condition* condition) {
  if (!condition) return nullptr;
  const auto& [time, told, firmware] = *condition;
  auto missing = Json::array();
  for (std::size_t chip = 0; chip < measurement::max_chips; ++chip) {
    if (told.chips_missing >> chip & 1) missing.push_back(chip);
  }
  return {{"time", time.time_since_epoch().count()},
          {"firmware", firmware},
          {"uptime_s", std::chrono::floor<std::chrono::seconds>(told.uptime).count()},
          {"chips", told.chips},
          {"chips_missing", std::move(missing)},
          {"resets", told.resets},
          {"garbled", told.garbled},
          {"doubtful", told.doubtful},
          {"free_heap_bytes", unless_zero(told.free_heap)},
          {"signal_dbm", unless_zero(told.signal_dbm)},
          {"waiting", told.held},
          {"dropped", told.lost}};
}

const MeterRequests::Condition* condition_of(const Call& call, std::string_view device) {
  const auto* requests = call.context.requests;
  return requests ? requests->condition(call.home->id, device) : nullptr;
}

Json update_json(const Call& call, const std::string& device) {
  const auto* updates = call.context.updates;
  const auto* state = updates ? updates->state(call.home->id, device) : nullptr;
  if (!state) return nullptr;
  return {{"version", state->version},
          {"stage", word(state->stage)},
          {"bytes", state->bytes},
          {"written", state->written},
          {"why", state->why}};
}

std::expected<Json, StoreError> meter_json(const Call& call, const std::string& device) {
  auto& store = *call.home->store;
  const auto last = store.last(device);
  if (!last) return std::unexpected(last.error());
  std::optional<Timestamp> newest, first;
  if (*last) {
    newest = (*last)->time;
    const auto found = first_heard(store, device, *newest);
    // Where what is old cannot be read for now, all else is told all the same.
    if (!found && found.error() != StoreError::unavailable) return std::unexpected(found.error());
    if (found) first = *found;
  }
  const auto tally = store.tally(device);
  if (!tally) return std::unexpected(tally.error());
  const auto origin = store.origin(device);
  if (!origin) return std::unexpected(origin.error());
  auto integrated = Json::array();
  for (std::size_t c = 0; c < measurement::max_channels; ++c) {
    if (origin->integrated >> c & 1) integrated.push_back(c);
  }
  std::optional<Timestamp> heard;
  if (const auto* hub = call.home->hub) {
    const auto known = hub->known().find(device);
    if (known != hub->known().end()) heard = known->second.heard;
  }
  const auto* door = call.context.pairing;
  return Json{{"device", device},
              {"last", or_null(newest)},
              {"first", or_null(first)},
              {"reports", tally->reports},
              {"duplicate", tally->duplicate},
              {"lost", tally->lost},
              {"timed_on_arrival", origin->timed_on_arrival},
              {"integrated_channels", std::move(integrated)},
              {"heard", or_null(heard)},
              {"is_paired", door && door->is_paired(call.home->id, device)},
              {"diagnostics", condition_json(condition_of(call, device))},
              {"update", update_json(call, device)}};
}

// Those that the panel names, and others that were heard or paired.
std::expected<std::set<std::string>, StoreError> meters_of(const Call& call) {
  auto found = devices(*call.home->home);
  if (!call.home->hub) return found;
  for (const auto& [device, known] : call.home->hub->known()) {
    const auto* door = call.context.pairing;
    if (known.heard || (door && door->is_paired(call.home->id, device))) {
      found.insert(device);
    } else if (!found.contains(device)) {
      const auto last = call.home->store->last(device);
      if (!last) return std::unexpected(last.error());
      if (*last) found.insert(device);
    }
  }
  return found;
}

struct Asking {
  std::string_view word;
  Kind kind;
  const char* act;  // "{}" is the meter.
};
constexpr std::array<Asking, 3> askings = {
    {{"identify", Kind::identify, "asked {} to show itself"},
     {"restart", Kind::restart, "asked {} to restart"},
     {"diagnostics", Kind::diagnostics, "asked {} how it is"}}};

constexpr std::array outcome_words = {"",
                                      "done",
                                      "busy",
                                      "unknown",
                                      "no_such_channel",
                                      "out_of_range",
                                      "chip_not_ready",
                                      "words_differ",
                                      "not_written",
                                      "not_kept",
                                      "not_supported",
                                      "no_manifest",
                                      "forged",
                                      "other_chip",
                                      "not_newer",
                                      "too_large",
                                      "on_trial",
                                      "flash_failed",
                                      "unexpected_image",
                                      "cut_short",
                                      "damaged",
                                      "not_bootable"};

const char* word_of(Reply::Outcome outcome) {
  const auto index = static_cast<std::size_t>(outcome);
  return outcome_words.at(index < outcome_words.size() ? index : 0);
}

unsigned status_of(Failure failure) {
  constexpr std::array statuses = {409U, 503U, 503U, 504U};
  return statuses.at(static_cast<std::size_t>(failure));
}

const char* outcome_of(Failure failure) {
  constexpr std::array words = {"busy", "too much under way", "broker away", "no reply"};
  return words.at(static_cast<std::size_t>(failure));
}

}  // namespace

bool knows(const Call& call, const std::string& device) {
  return call.home->hub && call.home->hub->known().contains(device);
}

std::optional<std::int64_t> note(const Call& call, std::string what, std::string_view outcome) {
  std::string who(call.request.address);
  if (call.user) who = call.user->name.empty() ? "the owner" : call.user->name;
  return call.context.accounts.note({.time = call.now,
                                     .who = std::move(who),
                                     .home = call.home ? call.home->id : std::string(),
                                     .what = std::move(what),
                                     .outcome = std::string(outcome)});
}

Response not_noted() { return refusal(503, why_not_noted); }

Response meters(const Call& call) {
  const auto devices = meters_of(call);
  if (!devices) return refusal(503, sentence(devices.error()));
  auto list = Json::array();
  for (const auto& device : *devices) {
    auto meter = meter_json(call, device);
    if (!meter) return refusal(503, sentence(meter.error()));
    list.push_back(std::move(*meter));
  }
  return json(text(list));
}

Response ask_meter(const Call& call) {
  const auto body = Json::parse(call.request.body, nullptr, false);
  const auto word =
      body.is_object() && body.size() == 1 && body.contains("kind") && body["kind"].is_string()
          ? body["kind"].get<std::string>()
          : std::string();
  const auto asking = std::ranges::find(askings, word, &Asking::word);
  if (asking == askings.end()) {
    return refusal(400, R"(Send {"kind": "identify", "restart" or "diagnostics"}.)");
  }
  auto* requests = call.context.requests;
  const std::string device(call.device);
  if (!requests || !knows(call, device)) return refusal(404, "There is no such meter.");
  const auto act = note(call, fmt::format(fmt::runtime(asking->act), device), "");
  if (!act) return not_noted();
  auto& accounts = call.context.accounts;
  return {.later = [requests, &accounts, home = call.home->id, device, kind = asking->kind,
                    now = call.now, act = *act](std::function<void(Response)> answer) {
    requests->ask(
        home, device, {.kind = kind}, now,
        [=, &accounts,
         answer = std::move(answer)](const std::expected<const Reply*, Failure>& reply) {
          if (!reply) {
            accounts.conclude(act, outcome_of(reply.error()));
            return answer(refusal(status_of(reply.error()), sentence(reply.error(), device)));
          }
          const auto outcome = (*reply)->outcome;
          const bool tells = kind == Kind::diagnostics && outcome == Reply::Outcome::done;
          accounts.conclude(act, word_of(outcome));
          answer(json(
              text(Json{{"outcome", word_of(outcome)},
                        {"sentence", measurement::sentence(outcome)},
                        {"diagnostics",
                         tells ? condition_json(requests->condition(home, device)) : nullptr}})));
        });
  }};
}

Response acts(const Call& call) {
  auto list = Json::array();
  for (const auto& [time, who, home, what, outcome] :
       call.context.accounts.acts(acts_of_an_answer)) {
    list.push_back({{"time", time.time_since_epoch().count()},
                    {"who", who},
                    {"home", home},
                    {"what", what},
                    {"outcome", outcome}});
  }
  return json(text(list));
}

}  // namespace hub
