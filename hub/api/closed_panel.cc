// Calibrating with the panel closed, over HTTP.

#include <fmt/format.h>

#include <array>
#include <cmath>
#include <memory>
#include <optional>

#include "hub/api/calibration_steps.h"
#include "insight/calibration/transformers.h"

namespace hub {
namespace {

using Json = nlohmann::ordered_json;

constexpr std::size_t most_blinks = 6000;  // Ten minutes of ten a second.
constexpr std::size_t most_chosen = 100;   // Circuits.

double rounded(double value, double step) { return std::round(value / step) * step; }

Json clamps_json(const std::vector<ChannelUse>& uses) {
  auto clamps = Json::array();
  for (const auto& use : uses) {
    clamps.push_back({{"device", use.device}, {"channel", use.channel}});
  }
  return clamps;
}

Json light_json(const MainsDesk::Count* count) {
  if (!count) return nullptr;
  return {{"circuit", count->circuit},
          {"clamps", clamps_json(count->clamps)},
          {"blinks", count->utility.blinks},
          {"missed", count->utility.missed},
          {"doubled", count->utility.doubled},
          {"seconds", rounded(count->utility.end_s - count->utility.begin_s, 0.1)},
          {"utility_wh", rounded(count->utility.wh, 0.01)},
          {"our_wh", rounded(count->our_wh, 0.01)},
          {"off_percent", rounded(100 * (count->our_wh / count->utility.wh - 1), 0.01)},
          {"plus_minus_percent", rounded(count->plus_minus_percent(), 0.01)},
          {"is_set", count->is_set}};
}

Json comparison_json(const std::optional<ReadingsDesk::Comparison>& found) {
  if (!found) return nullptr;
  if (!*found) return {{"why_not", found->error()}};
  const auto& [utility_kwh, our_kwh, gain, own] = **found;
  return {{"utility_kwh", rounded(utility_kwh, 0.001)},
          {"our_kwh", rounded(our_kwh, 0.001)},
          {"off_percent", rounded((*found)->off_percent(), 0.01)},
          {"plus_minus_percent", rounded((*found)->plus_minus(), 0.01)}};
}

Json readings_json(const ReadingsDesk::Standing& standing) {
  auto rows = Json::array();
  for (const auto& [reading, since_last] : standing.rows) {
    rows.push_back({{"time", reading.time.time_since_epoch().count()},
                    {"imported_kwh", reading.imported_kwh},
                    {"exported_kwh", reading.exported_kwh},
                    {"is_new_meter", reading.is_new_meter},
                    {"by", reading.by},
                    {"since_last", comparison_json(since_last)}});
  }
  Json drift = nullptr;
  if (standing.drift) {
    drift = {{"off_percent", rounded(standing.drift->percent, 0.01)},
             {"plus_minus_percent", rounded(standing.drift->plus_minus, 0.01)},
             {"stated_percent", rounded(standing.stated_percent, 0.01)},
             {"has_drifted", standing.drift->has_drifted}};
  }
  return {{"circuit", standing.circuit},
          {"clamps", clamps_json(standing.clamps)},
          {"rows", std::move(rows)},
          {"drift", std::move(drift)},
          {"gain", comparison_json(standing.gain)}};
}

Json switching_json(const BranchDesk::Switching* switching) {
  if (!switching) return nullptr;
  auto steps = Json::array();
  for (const auto& step : switching->steps) {
    steps.push_back({{"time", std::llround(step.time_s * 1000)},
                     {"mains_w", rounded(step.mains_w, 0.1)},
                     {"branch_w", rounded(step.branch_w, 0.1)}});
  }
  const auto& gain = switching->gain;
  return {{"circuit", switching->circuit},
          {"clamps", clamps_json(switching->clamps)},
          {"end", switching->end.time_since_epoch().count()},
          {"steps", std::move(steps)},
          {"why_not", gain ? Json(nullptr) : Json(gain.error())},
          {"change_percent", gain ? Json(rounded(100 * (gain->factor - 1), 0.01)) : Json(nullptr)},
          {"set_aside", gain ? gain->set_aside : 0},
          {"before_percent", rounded(switching->before_percent, 0.01)},
          {"after_percent", rounded(switching->after_percent, 0.01)},
          {"wrong_legs", switching->wrong_legs},
          {"is_set", switching->is_set}};
}

Json sum_json(const BranchDesk::Sum* sum) {
  if (!sum) return nullptr;
  auto branches = Json::array();
  for (const auto& branch : sum->branches) {
    branches.push_back({{"circuit", branch.circuit},
                        {"clamps", branch.clamps.size()},
                        {"mean_w", rounded(branch.mean_w, 0.1)},
                        {"change_percent", rounded(100 * (branch.taken.factor - 1), 0.01)},
                        {"before_percent", rounded(branch.before_percent, 0.01)},
                        {"after_percent", rounded(branch.after_percent, 0.01)},
                        {"is_better", branch.is_better()}});
  }
  return {{"begin", sum->begin.time_since_epoch().count()},
          {"end", sum->end.time_since_epoch().count()},
          {"minutes", sum->minutes},
          {"branches", std::move(branches)},
          {"unmeasured_w", rounded(sum->unmeasured_w, 0.1)},
          {"always_w", rounded(sum->always_w, 0.1)},
          {"plus_minus_w", rounded(sum->plus_minus_w, 0.1)},
          {"mains_percent", rounded(sum->mains_percent, 0.01)},
          {"is_set", sum->is_set}};
}

// --- The steps

WordsCourse::Signature signature(const Call& call, std::string by, measurement::Timestamp now) {
  return {.by = std::move(by), .volts = call.home->home->nominal_voltage_v, .time = now};
}

using Changes = std::expected<std::vector<WordsChange>, std::string>;

// Noted, and then all of them or none that was not read before; `after` once all are set.
Work set_all(const Call& call, CalibrationDesks& desks, std::string what,
             std::function<Changes(measurement::Timestamp)> changes, std::function<void()> after) {
  return noted(call, std::move(what),
               [&desks, changes = std::move(changes), after = std::move(after),
                home = call.home->id, by = signature(call, who(call), {})](Asking asking) {
                 auto found = changes(asking.now);
                 if (!found) return asking.answer(std::unexpected(found.error()));
                 auto signed_now = by;
                 signed_now.time = asking.now;
                 set_words(
                     home, std::move(*found), desks.readings.book(), signed_now, asking.requests,
                     [after, answer = asking.answer](std::expected<void, std::string> done, bool) {
                       if (done) after();
                       answer(std::move(done));
                     });
               });
}

Work light(const Call&, CalibrationDesks& desks, const Json& body) {
  SeenLight seen{.per_kwh = number_in(body, "per_kwh", 1, 1e6),
                 .class_percent = number_in(body, "class_percent", 0.1, 5),
                 .within_s = number_in(body, "within_s", 0.001, 1)};
  const auto blinks = body.find("blinks");
  if (blinks == body.end() || !blinks->is_array() || blinks->size() > most_blinks) {
    throw BadBody{fmt::format("blinks: give at most {} times in milliseconds UTC.", most_blinks)};
  }
  for (const auto& blink : *blinks) {
    const double ms = blink.is_number() ? blink.get<double>() : NAN;
    if (!(ms >= 0 && ms < 1e14)) throw BadBody{"blinks: each is a time in milliseconds UTC."};
    seen.seconds.push_back(ms / 1000);
  }
  return [&mains = desks.mains, circuit = text_in(body, "circuit"), seen](const Asking& asking) {
    asking.answer(mains.take(circuit, seen, asking.now));
  };
}

Work set_light(const Call& call, CalibrationDesks& desks, const Json&) {
  const auto work = [&mains = desks.mains, by = who(call)](const Asking& asking) {
    mains.set(asking.requests, by, asking.now, asking.answer);
  };
  const auto* count = desks.mains.count(call.now);
  if (!count) return work;  // Which says so.
  return noted(call, fmt::format("calibrated {} by the utility's meter", count->circuit), work);
}

Work reading(const Call& call, CalibrationDesks& desks, const Json& body) {
  UtilityReading typed{.circuit = text_in(body, "circuit"),
                       .imported_kwh = text_in(body, "imported_kwh", 20),
                       .exported_kwh = text_in(body, "exported_kwh", 20),
                       .class_percent = number_in(body, "class_percent", 0.1, 5),
                       .is_new_meter = body.value("is_new_meter", Json()) == true,
                       .by = who(call)};
  auto what =
      fmt::format("read {} kWh off the utility's meter of {}", typed.imported_kwh, typed.circuit);
  return noted(call, std::move(what),
               [&desk = desks.readings, typed = std::move(typed)](const Asking& asking) {
                 asking.answer(desk.add(typed, asking.now));
               });
}

Work take_back(const Call& call, CalibrationDesks& desks, const Json& body) {
  auto circuit = text_in(body, "circuit");
  return noted(call, fmt::format("took back the newest reading of {}", circuit),
               [&desk = desks.readings, circuit](const Asking& asking) {
                 asking.answer(desk.take_back(circuit));
               });
}

Work set_readings(const Call& call, CalibrationDesks& desks, const Json& body) {
  auto circuit = text_in(body, "circuit");
  return set_all(
      call, desks, fmt::format("calibrated {} by readings of the utility's meter", circuit),
      [&desk = desks.readings, circuit](measurement::Timestamp now) {
        return desk.changes(circuit, now);
      },
      [] {});
}

Work switch_load(const Call&, CalibrationDesks& desks, const Json& body) {
  return [&desk = desks.branches, circuit = text_in(body, "circuit")](const Asking& asking) {
    asking.answer(desk.begin_switching(circuit, asking.now));
  };
}

Work set_switched(const Call& call, CalibrationDesks& desks, const Json&) {
  auto& desk = desks.branches;
  const auto* switching = desk.switching(call.now);
  return set_all(
      call, desks,
      fmt::format("calibrated {} by a load that was switched",
                  switching ? switching->circuit : "no circuit"),
      [&desk](measurement::Timestamp now) { return desk.switching_changes(now); },
      [&desk] { desk.was_set_by_switching(); });
}

Look look_at_sum(CalibrationDesks& desks, measurement::Timestamp now) {
  return
      [look = std::make_shared<BranchDesk::SumLook>(desks.branches, now)] { return look->step(); };
}

Work set_sum(const Call& call, CalibrationDesks& desks, const Json& body) {
  const auto list = body.value("circuits", Json());
  if (!list.is_array() || list.empty() || list.size() > most_chosen) {
    throw BadBody{fmt::format("circuits: give 1 to {} ids.", most_chosen)};
  }
  std::vector<std::string> circuits;
  for (const auto& each : list) {
    if (!each.is_string()) throw BadBody{"circuits: each is an id."};
    circuits.push_back(each.get<std::string>());
  }
  return set_all(
      call, desks,
      fmt::format("calibrated {} circuits by the sum of branches against mains", circuits.size()),
      [&desk = desks.branches, circuits](measurement::Timestamp) {
        return desk.sum_changes(circuits);
      },
      [&desk = desks.branches] { desk.was_set_by_sum(); });
}

// The words that a clamp of that model begins with. The voltage stays as it is.
Work model(const Call& call, CalibrationDesks& desks, const Json& body) {
  const auto [device, channel] = channel_in(call, body);
  const auto* found = insight::find_transformer(text_in(body, "clamp"));
  if (!found) throw BadBody{"clamp: give the name of one in the list."};
  WordsChange change{.clamp = {device, static_cast<std::uint32_t>(channel), 1},
                     .reference = fmt::format("its model alone, {}", found->name),
                     .words = [found](const measurement::ChannelWords& before)
                         -> std::expected<measurement::ChannelWords, std::string> {
                       auto words = insight::start_words(*found, insight::adapter_models().front());
                       words.voltage_gain = before.voltage_gain;
                       words.voltage_offset = before.voltage_offset;
                       return words;
                     },
                     .accuracy =
                         [found](const insight::Accuracy&) {
                           return insight::uncalibrated(found->class_percent, found->rated_a);
                         },
                     .model = std::string(found->name)};
  return set_all(
      call, desks,
      fmt::format("set channel {} of {} to a clamp of model {}", channel, device, found->name),
      [change](measurement::Timestamp) -> Changes { return std::vector{change}; }, [] {});
}

constexpr std::array<NamedStep, 10> steps = {{{"light", light},
                                              {"set_light", set_light},
                                              {"reading", reading},
                                              {"take_back", take_back},
                                              {"set_readings", set_readings},
                                              {"switch", switch_load},
                                              {"set_switched", set_switched},
                                              {"sum", nullptr, look_at_sum},
                                              {"set_sum", set_sum},
                                              {"model", model}}};

}  // namespace

std::span<const NamedStep> closed_panel_steps() { return steps; }

void tell_closed_panel(Json& told, CalibrationDesks& desks, measurement::Timestamp now) {
  told["light"] = light_json(desks.mains.count(now));
  auto readings = Json::array();
  for (const auto& standing : desks.readings.standings(now)) {
    readings.push_back(readings_json(standing));
  }
  told["readings"] = std::move(readings);
  told["switched"] = switching_json(desks.branches.switching(now));
  told["sum"] = sum_json(desks.branches.sum());
}

}  // namespace hub
