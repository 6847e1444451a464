#include "hub/api/money.h"

#include <fmt/format.h>

#include <memory>
#include <utility>

#include "hub/api/advice.h"
#include "hub/api/asked.h"
#include "hub/api/bill.h"
#include "hub/circuit_cost.h"
#include "hub/report_facts.h"
#include "insight/report/report_page.h"

namespace hub {
namespace {

constexpr std::chrono::days longest_costs{366};

OrRefusal<BillDesk*> bill_desk(const Call& call) {
  if (auto* found = call.home->bill ? call.home->bill() : nullptr) return found;
  return std::unexpected(refusal(503, "Nothing is billed in this home; the hub's log says why."));
}

OrRefusal<AdviceDesk*> advice_desk(const Call& call) {
  if (auto* found = call.home->advice ? call.home->advice() : nullptr) return found;
  return std::unexpected(refusal(503, "Nothing is advised in this home; the hub's log says why."));
}

Response no_content() { return {.status = 204}; }

// What is said of the desk's, as the body has it.
template <class Desk, class... Arguments>
Response said(const OrRefusal<Desk*>& desk, auto say, const Arguments&... arguments) {
  if (!desk) return desk.error();
  const auto done = say(**desk, arguments...);
  return done ? no_content() : refusal(400, done.error());
}

// An answer, once all that it rests on has been read. What cannot be read it meets itself.
template <class Prepare, class Answer>
Response once(Prepare prepare, Answer answer) {
  return {.pieces = [prepare = std::move(prepare),
                     answer = std::move(answer)]() mutable -> std::optional<Response> {
    const BillDesk::Prepared is_ready = prepare();
    if (is_ready && !*is_ready) return std::nullopt;
    return answer();
  }};
}

}  // namespace

Response tariff(const Call& call) {
  const auto desk = bill_desk(call);
  if (!desk) return desk.error();
  return once([desk = *desk, now = call.now] { return desk->prepare_price(now); },
              [desk = *desk, now = call.now] { return json(tariff_text(*desk, now)); });
}

Response set_tariff(const Call& call) {
  return said(bill_desk(call), say_tariff, call.request.body);
}

Response set_prices(const Call& call) {
  return said(bill_desk(call), say_prices, call.request.body);
}

Response bill(const Call& call) {
  const auto given = parameters(call);
  if (!given) return given.error();
  const auto asked = month_in(*given, "period");
  if (!asked) return asked.error();
  const auto desk = bill_desk(call);
  if (!desk) return desk.error();
  const auto month = asked->value_or((*desk)->month_at(call.now));
  return once([=, desk = *desk, now = call.now] { return desk->prepare_bill(month, now); },
              [=, desk = *desk, now = call.now] { return json(bill_text(*desk, month, now)); });
}

Response costs(const Call& call) {
  const auto given = parameters(call);
  if (!given) return given.error();
  const auto asked = circuit_steps_in(*given, *call.home->home);
  if (!asked) return asked.error();
  if (asked->range.end - asked->range.begin > longest_costs) {
    return refusal(400, "end: costs are told of a year at most; take a shorter range.");
  }
  const auto desk = bill_desk(call);
  if (!desk) return desk.error();
  // Then one circuit a piece.
  return {.pieces = [desk = *desk, home = call.home, now = call.now, asked = *asked,
                     costs = CircuitCosts()]() mutable -> std::optional<Response> {
    const auto& [range, steps, circuits] = asked;
    const auto is_ready = prepare_circuit_costs(*desk, circuits, steps, now);
    if (is_ready && !*is_ready) return std::nullopt;
    if (costs.size() < circuits.size()) {
      const auto& circuit = circuits[costs.size()];
      auto cost = circuit_cost(*desk, *home->home, *home->store, circuit, steps, now);
      if (!cost) return json(trouble_text(cost.error()));
      costs.emplace_back(circuit, *cost);
      return std::nullopt;
    }
    return json(costs_text(*home->home, costs, desk->zone()));
  }};
}

Response replay(const Call& call) {
  const auto desk = bill_desk(call);
  return desk ? json(replay_text(**desk, *call.home->home, call.now)) : desk.error();
}

Response room(const Call& call) {
  const auto given = parameters(call);
  if (!given) return given.error();
  const auto asked = room_question(*given);
  if (!asked) return refusal(400, asked.error());
  const auto desk = bill_desk(call);
  if (!desk) return desk.error();
  const auto& home = *call.home;
  const auto search =
      std::make_shared<RoomSearch>(**desk, *home.store, *home.home, *asked, call.now);
  return {.pieces = [search, desk = *desk, &home, asked = *asked]() -> std::optional<Response> {
    const auto found = search->step();
    if (!found) return std::nullopt;
    return json(room_text(*found, !desk->quarters().is_ready(), *home.home, asked));
  }};
}

Response advice(const Call& call) {
  const auto desk = advice_desk(call);
  return desk ? json(advice_text(**desk, *call.home->home, call.now)) : desk.error();
}

Response set_facts(const Call& call) {
  return said(advice_desk(call), say_facts, call.request.body, call.now);
}

Response done(const Call& call) {
  return said(advice_desk(call), say_done, call.request.body, call.now);
}

// It may be framed by ours, and do nothing.
Response report(const Call& call) {
  const auto given = parameters(call);
  if (!given) return given.error();
  const auto asked = month_in(*given, "month");
  if (!asked) return asked.error();
  const auto desk = bill_desk(call);
  if (!desk) return desk.error();
  const auto month = asked->value_or((*desk)->month_at(call.now) - std::chrono::months(1));
  const auto world = [home = call.home, desk = *desk] {
    return ReportWorld{.bill = *desk,
                       .store = *home->store,
                       .home = *home->home,
                       .calibrations = home->calibrations,
                       .advice = home->advice ? home->advice() : nullptr,
                       .health = home->health ? home->health() : nullptr};
  };
  return once([=, now = call.now] { return prepare_report(world(), month, now); },
              [=, now = call.now]() -> Response {
                const auto facts = report_facts(world(), month, now);
                if (!facts) return refusal(404, facts.error());
                return {
                    .content_type = "text/html; charset=utf-8",
                    .body = insight::report_page(*facts),
                    .headers = {{"Content-Security-Policy",
                                 "default-src 'none'; style-src 'unsafe-inline'; img-src data:; "
                                 "frame-ancestors 'self'; base-uri 'none'; form-action 'none'; "
                                 "sandbox"}}};
              });
}

}  // namespace hub
