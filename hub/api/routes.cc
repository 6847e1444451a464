#include "hub/api/routes.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <nlohmann/json.hpp>

#include "hub/api/appliances.h"
#include "hub/api/asked.h"
#include "hub/api/calibration.h"
#include "hub/api/firmware.h"
#include "hub/api/gate.h"
#include "hub/api/health.h"
#include "hub/api/measured.h"
#include "hub/api/meters.h"
#include "hub/api/metrics.h"
#include "hub/api/money.h"
#include "hub/api/pairing.h"
#include "hub/api/updates.h"
#include "hub/api/url.h"
#include "hub/api/views.h"
#include "hub/api/wiring.h"
#include "hub/devices.h"

#ifndef LENZ_VERSION
#error "BUG: the build says which version this is"
#endif

namespace hub {
namespace {

using Json = nlohmann::json;
using measurement::Timestamp;
using namespace std::chrono_literals;

constexpr std::string_view packed_type = "application/octet-stream";

Response no_content() { return {.status = 204}; }

Response unavailable(StoreError error) { return refusal(503, sentence(error)); }

// The text members of a JSON object, if it has exactly those named.
template <std::size_t count>
std::optional<std::array<std::string, count>> members(const Json& json,
                                                      const std::array<const char*, count>& names) {
  if (!json.is_object() || json.size() != count) return std::nullopt;
  std::array<std::string, count> values;
  for (std::size_t i = 0; i < count; ++i) {
    const auto found = json.find(names[i]);
    if (found == json.end() || !found->is_string()) return std::nullopt;
    values[i] = found->template get<std::string>();
  }
  return values;
}

Json body_of(const Call& call) {
  return Json::parse(call.request.body, nullptr,
                     false);  // Discarded, so no object, when malformed.
}

// --- Accounts

Response status(const Call& call) {
  const bool has_name = call.user && !call.user->name.empty();
  return json(Json{{"version", LENZ_VERSION},
                   {"signed_in", call.user.has_value()},
                   {"name", has_name ? Json(call.user->name) : Json(nullptr)},
                   {"is_owner", call.user && call.user->is_owner},
                   {"has_password", call.context.accounts.has_password(call.user)}}
                  .dump());
}

Response refused(const Accounts::Refused& why) {
  switch (why.why) {
    case Accounts::Why::wrong:
      return refusal(401,
                     "This link was used before, has expired or was never made, or the name or "
                     "password is wrong.");
    case Accounts::Why::too_soon: {
      const auto seconds = std::chrono::ceil<std::chrono::seconds>(why.wait).count();
      auto response = refusal(
          429, fmt::format("Too many wrong tries: wait {} s and try again, or use a new link from "
                           "the terminal where Lenz runs.",
                           seconds));
      response.headers.emplace_back("Retry-After", std::to_string(seconds));
      return response;
    }
    case Accounts::Why::not_kept:
      return refusal(503, "The hub's disk refuses to keep the session: look at its room.");
  }
  return refusal(500, "The hub does not know why.");
}

Response sign_in(const Call& call) {
  auto& accounts = call.context.accounts;
  const auto json = body_of(call);
  const auto link = members<1>(json, {"link"});
  const auto login = members<2>(json, {"name", "password"});
  if (!link && !login) {
    return refusal(400, R"(Send either {"link"} or {"name", "password"}, each a text.)");
  }
  const auto session =
      link ? accounts.sign_in_with_link((*link)[0], call.now)
           : accounts.sign_in((*login)[0], (*login)[1], call.request.address, call.now);
  if (!session) return refused(session.error());
  // The browser forgets the old one; where the disk refuses, it ends when it has been idle.
  if (call.user) static_cast<void>(accounts.sign_out(call.session));
  auto response = no_content();
  response.headers.push_back(session_cookie(call.request.way, *session, Accounts::session_life));
  return response;
}

Response sign_out(const Call& call) {
  if (!call.context.accounts.sign_out(call.session)) {
    return refusal(
        503, "The hub's disk refuses to end the session: look at its room, and sign out again.");
  }
  auto response = no_content();
  response.headers.push_back(session_cookie(call.request.way, "", 0s));
  return response;
}

Response set_account(const Call& call) {
  const auto account = members<2>(body_of(call), {"name", "password"});
  if (!account) return refusal(400, R"(Send {"name", "password"}, each a text.)");
  const auto kept = call.context.accounts.set_password((*account)[0], (*account)[1], call.session);
  return kept ? no_content() : refusal(400, kept.error());
}

// Who vouches for the hub's certificate: for a phone to trust, so it is shown before any sign-in.
Response authority(const Call& call) {
  if (call.context.authority.empty()) {
    return refusal(404, "This hub has no authority of its own: its certificate is the owner's.");
  }
  return {.content_type = "application/x-x509-ca-cert",
          .body = call.context.authority,
          .headers = {{"Content-Disposition", "attachment; filename=\"lenz-ca.crt\""}}};
}

// --- Homes

// Null: there is none of this id.
const ServedHome* find(const std::vector<ServedHome>& homes, std::string_view id) {
  const auto found = std::ranges::lower_bound(homes, id, {}, &ServedHome::id);
  return found == homes.end() || found->id != id ? nullptr : &*found;
}

// Null: there are several.
const ServedHome* only(const std::vector<ServedHome>& homes) {
  return homes.size() == 1 ? &homes.front() : nullptr;
}

bool lives_in(const std::optional<Accounts::User>& user, std::string_view home) {
  return user && user->lives_in(home);
}

Response homes(const Call& call) {
  std::vector<HomeName> found;
  for (const auto& home : call.context.homes) {
    if (!lives_in(call.user, home.id)) continue;
    found.push_back({home.id, home.home ? home.home->name : home.id, home.trouble});
  }
  return json(homes_text(found));
}

Response home(const Call& call) {
  auto* desk = call.home->bill ? call.home->bill() : nullptr;
  // What it costs now rests on the use of the month.
  return {.pieces = [desk, home = call.home->home, now = call.now]() -> std::optional<Response> {
    const auto is_ready = desk ? desk->prepare_price(now) : BillDesk::Prepared(true);
    if (is_ready && !*is_ready) return std::nullopt;
    auto price = home->price_per_kwh;
    // Divided, so that 0.30 is the nearest to 0.30 that there is.
    if (const auto known = desk ? desk->price_now(now) : std::nullopt) {
      price = static_cast<double>(known->nano) / 1e9;
    }
    return json(home_text(*home, price, now));
  }};
}

Response live(const Call& call) {
  const auto& served = *call.home;
  const auto start = [context = call.context, served](Stream::Send send) {
    const auto tell = [context, home = served.home, send](const LiveFeed::Moment& moment) {
      if (const auto text = live_text(*home, moment, context.now())) {
        send(fmt::format("data: {}\n\n", *text));
      }
    };
    for (const auto& device : devices(*served.home)) {
      const auto last = served.store->last(device);
      if (last && *last) tell({device, (*last)->time, (*last)->sample});
    }
    struct Subscriptions {
      LiveFeed::Subscription samples;
      SharesFeed::Subscription shares;
    };
    const auto both = std::make_shared<Subscriptions>();
    both->samples = served.live->subscribe(tell);
    if (auto* analyst = served.analyst ? served.analyst() : nullptr) {
      const auto tell_shares = [context, send](const std::vector<ChannelShares>& shares) {
        send(fmt::format("event: appliances\ndata: {}\n\n", shares_text(shares, context.now())));
      };
      if (!analyst->shares().empty()) tell_shares(analyst->shares());
      both->shares = analyst->feed().subscribe(tell_shares);
    }
    return both;
  };
  const auto may_go_on = [context = call.context, home = served.id,
                          session = std::string(call.session)] {
    return lives_in(context.accounts.user_of(session, context.now()), home);
  };
  return {.content_type = "text/event-stream", .stream = Stream{start, may_go_on}};
}

// --- Appliances

OrRefusal<Analyst*> analyst(const Call& call) {
  if (auto* found = call.home->analyst ? call.home->analyst() : nullptr) return found;
  return std::unexpected(
      refusal(503, "Appliances are not looked for in this home; the hub's log says why."));
}

Response appliances(const Call& call) {
  const auto found = analyst(call);
  return found ? json(appliances_text(**found, call.now)) : found.error();
}

Response appliance_runs(const Call& call) {
  const auto given = parameters(call);
  if (!given) return given.error();
  const auto asked = range_in(*given);
  if (!asked) return asked.error();
  const auto found = analyst(call);
  return found ? json(runs_text(**found, *asked)) : found.error();
}

Response breaker(const Call& call) {
  const auto found = analyst(call);
  return found ? json(breaker_text((*found)->breaker_search())) : found.error();
}

template <Saying say>
Response said(const Call& call) {
  const auto found = analyst(call);
  if (!found) return found.error();
  const auto done = say(**found, call.request.body, {call.now, call.user ? call.user->name : ""});
  return done ? no_content() : refusal(400, done.error());
}

Response switched_on(const Call& call) {
  const auto found = analyst(call);
  if (!found) return found.error();
  const auto told =
      say_switched_on(**found, call.request.body, {call.now, call.user ? call.user->name : ""});
  return told ? json(*told) : refusal(400, told.error());
}

// --- Wiring

OrRefusal<DoctorDesk*> doctor(const Call& call) {
  if (auto* found = call.home->doctor ? call.home->doctor() : nullptr) return found;
  return std::unexpected(refusal(503, "The wiring is not examined in this home."));
}

Response wiring(const Call& call) {
  const auto desk = doctor(call);
  return desk ? json(wiring_text(**desk, *call.home->home, call.now)) : desk.error();
}

Response wiring_changed(const Call& call) {
  const auto desk = doctor(call);
  if (!desk) return desk.error();
  if (!note(call, "changed the wiring", "done")) return not_noted();
  (*desk)->begin_anew(call.now);
  return wiring(call);
}

// --- The condition of equipment

OrRefusal<HealthDesk*> health_desk(const Call& call) {
  if (auto* found = call.home->health ? call.home->health() : nullptr) return found;
  return std::unexpected(
      refusal(503, "Equipment is not watched in this home; the hub's log says why."));
}

template <std::string (*text)(HealthDesk&, Timestamp)>
Response health(const Call& call) {
  const auto found = health_desk(call);
  return found ? json(text(**found, call.now)) : found.error();
}

template <HealthSaying say>
Response said_of_health(const Call& call) {
  const auto found = health_desk(call);
  if (!found) return found.error();
  const auto done = say(**found, call.request.body, {call.now, call.user ? call.user->name : ""});
  return done ? no_content() : refusal(400, done.error());
}

// --- Figures

// Those of one home, and what the hub itself has to tell. Without a name: of the only one.
Response metrics(const Call& call) {
  const auto given = parameters(call);
  if (!given) return given.error();
  const auto& context = call.context;
  const auto named = given->find("home");
  const auto* home =
      named == given->end() ? only(context.homes) : find(context.homes, named->second);
  if (named != given->end() && !home) return refusal(404, "There is no such home.");
  if (home && !home->trouble.empty()) return refusal(503, home->trouble);
  const auto text = metrics_text(home, context.homes.size(),
                                 context.traffic ? std::optional(context.traffic()) : std::nullopt,
                                 LENZ_VERSION, call.now);
  if (!text) return unavailable(text.error());
  return {.content_type = "text/plain; version=0.0.4; charset=utf-8", .body = *text};
}

// --- What others measured

// The only home takes points for whatever database; of several it is the database's name.
Response write(const Call& call) {
  const auto given = parameters(call);
  if (!given) return given.error();
  const auto& homes = call.context.homes;
  const auto* home = only(homes);
  if (!home) {
    const auto database = given->find("db");
    const auto named = database == given->end() ? given->find("bucket") : database;
    home = named == given->end() ? nullptr : find(homes, named->second);
  }
  const auto writer = call.context.accounts.writer_of(written_token(call.request.authorization));
  if (!home || !writer || !writer->may_write_to(home->id)) {
    return refusal(
        404,
        "This hub serves several homes: name one for which this token was made as db= or "
        "bucket=.");
  }
  if (!home->trouble.empty()) return refusal(503, home->trouble);
  if (!home->points) return refusal(404, "Nothing can be written here.");
  return write_points(*home->points, call.request, call.query, call.now);
}

constexpr std::array rows = {
    Route{"GET", "/lenz-ca.crt", Role::anyone, authority, 0},
    Route{"GET", "/api/status", Role::anyone, status, 0},
    Route{"POST", "/api/session", Role::anyone, sign_in, 4096},
    Route{"DELETE", "/api/session", Role::resident, sign_out, 16},
    Route{"PUT", "/api/account", Role::resident, set_account, 4096},
    Route{"GET", "/api/homes", Role::resident, homes, 0},
    Route{"GET", "/api/homes/{home}", Role::resident, home, 0},
    Route{"GET", "/api/homes/{home}/live", Role::resident, live, 0},
    Route{"GET", "/api/homes/{home}/now", Role::resident, newest, 0},
    Route{"GET", "/api/homes/{home}/history", Role::resident, history, 0},
    Route{"GET", "/api/homes/{home}/gaps", Role::resident, gaps, 0},
    Route{"GET", "/api/homes/{home}/meters", Role::resident, meters, 0},
    Route{"POST", "/api/homes/{home}/meters/{device}/requests", Role::owner, ask_meter, 4096},
    Route{"POST", "/api/homes/{home}/meters/{device}/update", Role::owner, update_meter, 4096},
    Route{"DELETE", "/api/homes/{home}/meters/{device}/credential", Role::owner,
          take_credential_back, 16},
    Route{"GET", "/api/homes/{home}/wiring", Role::resident, wiring, 0},
    Route{"POST", "/api/homes/{home}/wiring", Role::owner, wiring_changed, 16},
    Route{"GET", "/api/homes/{home}/calibration", Role::owner, calibration, 0},
    Route{"POST", "/api/homes/{home}/calibration", Role::owner, calibrate, most_calibration_bytes},
    Route{"GET", "/api/homes/{home}/pairing", Role::owner, pairing, 0},
    Route{"POST", "/api/homes/{home}/pairing", Role::owner, open_pairing, 4096},
    Route{"DELETE", "/api/homes/{home}/pairing", Role::owner, close_pairing, 16},
    Route{"POST", "/api/pairing", Role::anyone, claim_credential, 256},
    Route{"GET", "/api/firmware", Role::owner, firmware, 0},
    Route{"POST", "/api/firmware", Role::owner, put_firmware, most_build_bytes, Body::bytes},
    Route{"DELETE", "/api/firmware", Role::owner, remove_firmware, 16},
    Route{"GET", "/api/firmware/part", Role::owner, firmware_part, 0},
    Route{"GET", "/api/updates", Role::owner, updates, 0},
    Route{"POST", "/api/updates", Role::owner, put_update, SignedUpdate::most_bytes, Body::bytes},
    Route{"DELETE", "/api/updates", Role::owner, remove_update, 16},
    Route{"GET", "/api/acts", Role::owner, acts, 0},
    Route{"GET", "/api/homes/{home}/appliances", Role::resident, appliances, 0},
    Route{"GET", "/api/homes/{home}/appliances/runs", Role::resident, appliance_runs, 0},
    Route{"GET", "/api/homes/{home}/breaker", Role::resident, breaker, 0},
    Route{"POST", "/api/homes/{home}/breaker", Role::owner, said<say_breaker>, 16},
    Route{"POST", "/api/homes/{home}/outlets", Role::owner, said<say_outlet>, 4096},
    Route{"POST", "/api/homes/{home}/appliances/answer", Role::owner, said<say_answer>, 4096},
    Route{"POST", "/api/homes/{home}/appliances/rename", Role::owner, said<say_rename>, 4096},
    Route{"POST", "/api/homes/{home}/appliances/switched_on", Role::owner, switched_on, 4096},
    Route{"POST", "/api/homes/{home}/appliances/merge", Role::owner, said<say_merge>, 4096},
    Route{"POST", "/api/homes/{home}/appliances/split", Role::owner, said<say_split>, 4096},
    Route{"POST", "/api/homes/{home}/appliances/rollback", Role::owner, said<say_roll_back>, 4096},
    Route{"GET", "/api/homes/{home}/health", Role::resident, health<health_text>, 0},
    Route{"POST", "/api/homes/{home}/health/feedback", Role::owner, said_of_health<say_feedback>,
          4096},
    Route{"GET", "/api/homes/{home}/rules", Role::resident, health<rules_text>, 0},
    Route{"PUT", "/api/homes/{home}/rules", Role::owner, said_of_health<say_rules>, 65'536},
    Route{"POST", "/api/homes/{home}/rules/test", Role::owner, said_of_health<say_test>, 4096},
    Route{"GET", "/api/homes/{home}/tariff", Role::resident, tariff, 0},
    Route{"PUT", "/api/homes/{home}/tariff", Role::owner, set_tariff, 2 * most_tariff_bytes},
    Route{"PUT", "/api/homes/{home}/tariff/prices", Role::owner, set_prices, most_price_bytes},
    Route{"GET", "/api/homes/{home}/bill", Role::resident, bill, 0},
    Route{"GET", "/api/homes/{home}/costs", Role::resident, costs, 0},
    Route{"GET", "/api/homes/{home}/bill/replay", Role::resident, replay, 0},
    Route{"GET", "/api/homes/{home}/room", Role::resident, room, 0},
    Route{"GET", "/api/homes/{home}/advice", Role::resident, advice, 0},
    Route{"POST", "/api/homes/{home}/advice/facts", Role::owner, set_facts, 4096},
    Route{"POST", "/api/homes/{home}/advice/done", Role::owner, done, 4096},
    Route{"GET", "/api/homes/{home}/report", Role::resident, report, 0},
    Route{"GET", "/metrics", Role::scraper, metrics, 0},
    Route{"POST", "/write", Role::writer, write, most_points_bytes},
    Route{"POST", "/api/v2/write", Role::writer, write, most_points_bytes},
};

// What stands for the holes of a pattern.
struct Named {
  std::string_view home, device;
};

// Nothing: no match. Paths are compared as they were sent: ids need no escapes, so an escaped path
// is another path.
std::optional<Named> match(std::string_view pattern, std::string_view path) {
  Named named;
  for (;;) {
    const auto wanted = pattern.substr(0, pattern.find('/'));
    const auto given = path.substr(0, path.find('/'));
    if (wanted == "{home}" && !given.empty()) {
      named.home = given;
    } else if (wanted == "{device}" && is_device_name(given)) {
      named.device = given;
    } else if (wanted != given) {
      return std::nullopt;
    }
    const bool pattern_ends = wanted.size() == pattern.size();
    const bool path_ends = given.size() == path.size();
    if (pattern_ends || path_ends)
      return pattern_ends && path_ends ? std::optional(named) : std::nullopt;
    pattern.remove_prefix(wanted.size() + 1);
    path.remove_prefix(given.size() + 1);
  }
}

bool is_safe(std::string_view method) { return method == "GET" || method == "HEAD"; }

// Neither is what a form of another site can send.
bool is_type_of(Body body, std::string_view content_type) {
  return content_type.substr(0, content_type.find(';')) ==
         (body == Body::json ? "application/json" : packed_type);
}

}  // namespace

Response refusal(unsigned status, std::string_view sentence) {
  auto response = json(error_text(sentence));
  response.status = status;
  return response;
}

std::span<const Route> Routes::table() { return rows; }

struct Routes::Door {
  const Route& route;
  measurement::Timestamp now;
  const ServedHome* home;
  std::string_view device;
  std::string_view session;
  std::optional<Accounts::User> user;
};

std::expected<std::size_t, Response> Routes::most_body_bytes(const Request& head) const {
  const auto found = door(head);
  if (!found) return std::unexpected(found.error());
  return found->route.most_body_bytes;
}

namespace {

std::string_view path_of(const Request& request) {
  return request.target.substr(0, request.target.find('?'));
}

// What somebody without the role is told.
std::optional<Response> refused(const Context& context, Role role, const Request& request,
                                const std::optional<Accounts::User>& user) {
  const auto unless = [](bool may, const char* sentence,
                         const char* scheme) -> std::optional<Response> {
    if (may) return std::nullopt;
    auto response = refusal(401, sentence);
    if (scheme) response.headers.emplace_back("WWW-Authenticate", scheme);
    return response;
  };
  switch (role) {
    case Role::anyone:
      return std::nullopt;
    case Role::resident:
    case Role::owner:
      return unless(user.has_value(), "Sign in first.", nullptr);
    case Role::scraper:
      return unless(is_bearer_of(context.metrics_token, request.authorization),
                    "Send the token for metrics: Authorization: Bearer TOKEN.", "Bearer");
    case Role::writer:
      return unless(context.accounts.writer_of(written_token(request.authorization)).has_value(),
                    "Send a token to write with (lenz write-token makes one): Authorization: "
                    "Token TOKEN.",
                    "Token");
  }
  return refusal(500, "The hub does not know why.");
}

}  // namespace

Response Routes::answer(const Request& request) const {
  if (auto stopped = stopped_at_the_gate(request, context_.names)) return std::move(*stopped);
  const auto path = path_of(request);
  if (!path.starts_with('/')) return refusal(400, "The address must begin with a slash.");
  const bool is_page = path != "/api" && !path.starts_with("/api/") &&
                       std::ranges::find(rows, path, &Route::path) == rows.end();
  if (is_page) return pages_.answer(request);
  const auto found = door(request);
  if (!found) return found.error();
  const auto question = request.target.find('?');
  return found->route.handler({
      .context = context_,
      .request = request,
      .now = found->now,
      .home = found->home,
      .device = found->device,
      .query = question == std::string_view::npos ? "" : request.target.substr(question + 1),
      .session = found->session,
      .user = found->user,
  });
}

std::expected<Routes::Door, Response> Routes::door(const Request& request) const {
  if (auto stopped = stopped_at_the_gate(request, context_.names)) {
    return std::unexpected(std::move(*stopped));
  }
  const auto path = path_of(request);
  const Route* route = nullptr;
  Named named;
  std::string allowed;
  for (const auto& row : rows) {
    const auto found = match(row.path, path);
    if (!found) continue;
    allowed += (allowed.empty() ? "" : ", ") + std::string(row.method);
    if (row.method != request.method) continue;
    route = &row;
    named = *found;
  }
  if (allowed.empty()) return std::unexpected(refusal(404, "There is no such address in the API."));
  if (!route) {
    auto response = refusal(405, "This address has no such method.");
    response.headers.emplace_back("Allow", allowed);
    return std::unexpected(std::move(response));
  }

  const bool changes = !is_safe(request.method);
  if (changes && !is_from_own_page(request)) {
    return std::unexpected(refusal(403, "Another site may not change anything here."));
  }
  const auto now = context_.now();
  const auto session = cookie(request.cookie, session_cookie(request.way));
  auto user = context_.accounts.user_of(session, now);
  if (auto no = refused(context_, route->role, request, user)) {
    return std::unexpected(std::move(*no));
  }
  if (changes && route->role != Role::writer && !is_type_of(route->body, request.content_type)) {
    return std::unexpected(
        refusal(415, fmt::format("Send this with Content-Type application/{}.",
                                 route->body == Body::json ? "json" : "octet-stream")));
  }
  if (request.body.size() > route->most_body_bytes) {
    return std::unexpected(
        refusal(413, fmt::format("This address takes at most {} bytes.", route->most_body_bytes)));
  }
  const ServedHome* home = nullptr;
  if (!named.home.empty()) {
    home = find(context_.homes, named.home);
    if (!home || !lives_in(user, named.home)) {
      return std::unexpected(refusal(404, "There is no such home."));
    }
    if (!home->trouble.empty()) return std::unexpected(refusal(503, home->trouble));
  }
  // After the home: a resident does not learn of others by it.
  if (route->role == Role::owner && !user->is_owner) {
    return std::unexpected(refusal(403, "Only the owner may change this."));
  }
  return Door{*route, now, home, named.device, session, std::move(user)};
}

}  // namespace hub
