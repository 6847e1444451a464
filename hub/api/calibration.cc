#include "hub/api/calibration.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <nlohmann/json.hpp>
#include <stdexcept>

#include "hub/api/calibration_steps.h"
#include "hub/api/meters.h"
#include "insight/calibration/transformers.h"

namespace hub {
namespace {

using Json = nlohmann::ordered_json;
using Answer = std::function<void(Response)>;
using insight::LoadKind;

constexpr std::size_t most_typed = 32;  // Bytes.

double rounded(double value, double step) { return std::round(value / step) * step; }

Json or_null(const std::optional<double>& value) { return value ? Json(*value) : Json(nullptr); }

// At power factors 1 and 0.5.
Json plus_minus(const insight::Accuracy& accuracy, double volts) {
  auto list = Json::array();
  for (const double amperes : {1.0, 10.0, 30.0}) {
    const auto at = [&](double factor) {
      return rounded(insight::plus_minus_percent(accuracy, volts, amperes, factor), 0.01);
    };
    list.push_back({{"amperes", amperes}, {"resistive_percent", at(1)}, {"half_percent", at(0.5)}});
  }
  return list;
}

Json json_of(const CalibrationRecord& record) {
  return {{"time", record.time.time_since_epoch().count()},
          {"reference", record.reference},
          {"by", record.by},
          {"clamp", record.clamp},
          {"is_kept", record.is_kept},
          {"plus_minus", plus_minus(record.accuracy, record.volts)}};
}

Json channels_of(const Home& home, const std::vector<CalibrationRecord>& records,
                 measurement::Timestamp now) {
  auto list = Json::array();
  for (const auto& circuit : panel_at(home, now).circuits) {
    for (const auto& use : circuit.channels) {
      const auto* newest = newest_calibration(records, use.device, static_cast<int>(use.channel));
      list.push_back({{"device", use.device},
                      {"channel", use.channel},
                      {"circuit", circuit.id},
                      {"uncalibrated", plus_minus(insight::uncalibrated(0, circuit.rating_a),
                                                  home.nominal_voltage_v)},
                      {"newest", newest ? json_of(*newest) : Json(nullptr)}});
    }
  }
  return list;
}

Json changes(const measurement::ChannelWords& before, const measurement::ChannelWords& after) {
  auto list = Json::array();
  const auto add = [&](const char* word, int from, int to) {
    if (from != to) list.push_back({{"word", word}, {"before", from}, {"after", to}});
  };
  add("voltage gain", before.voltage_gain, after.voltage_gain);
  add("current gain", before.current_gain, after.current_gain);
  add("power gain", before.power_gain, after.power_gain);
  add("phase", before.phase_delay, after.phase_delay);
  add("active offset", before.active_offset, after.active_offset);
  add("reactive offset", before.reactive_offset, after.reactive_offset);
  return list;
}

Json raw_json(const measurement::RawChannel& raw) {
  const auto number = [](measurement::Spread spread) {
    return rounded(static_cast<double>(spread.mean), 0.001);
  };
  return {{"volts", number(raw.voltage)},
          {"amperes", number(raw.current)},
          {"watts", number(raw.active)},
          {"vars", number(raw.reactive)}};
}

Json reading_json(const CalibrationDesk::Guide& guide) {
  if (guide.readings.empty()) return nullptr;
  const auto& [time, volts, amperes, watts] = guide.readings.back();
  const auto unrest = guide.unrest();
  return {{"time", time.time_since_epoch().count()},
          {"volts", or_null(volts)},
          {"amperes", or_null(amperes)},
          {"watts", or_null(watts)},
          {"unrest", or_null(unrest)},
          {"is_steady", unrest && *unrest <= insight::most_unrest}};
}

const char* word_of(LoadKind kind) {
  return kind == LoadKind::inductive ? "inductive" : "resistive";
}

Json guide_json(const CalibrationDesk::Guide* guide) {
  if (!guide) return nullptr;
  const auto& course = guide->course;
  const auto& plan = course.plan();
  auto loads = Json::array();
  for (const auto& load : course.loads()) {
    const auto shown = [](const std::optional<insight::ReferenceValue>& value) {
      return value ? Json(value->value) : Json(nullptr);
    };
    loads.push_back({{"kind", word_of(load.kind)},
                     {"shown", {shown(load.volts), shown(load.amperes), shown(load.watts)}},
                     {"meter", raw_json(load.raw)}});
  }
  Json result = nullptr, check = nullptr;
  if (course.result()) {
    result = {{"plus_minus", plus_minus(course.result()->accuracy, plan.volts)},
              {"changes", changes(course.words(), course.result()->words)}};
  }
  if (guide->check) {
    check = {{"reference_w", guide->check->reference_w},
             {"meter_w", rounded(guide->check->meter_w, 0.01)},
             {"off_percent", rounded(guide->check->off_percent, 0.01)},
             {"plus_minus_percent", rounded(guide->check->plus_minus_percent, 0.01)},
             {"is_within", guide->check->is_within()}};
  }
  return {{"device", plan.device},
          {"channel", plan.channel},
          {"clamp", plan.clamp},
          {"reference", plan.reference},
          {"reading", reading_json(*guide)},
          {"no_load", course.no_load() ? raw_json(*course.no_load()) : Json(nullptr)},
          {"loads", std::move(loads)},
          {"result", std::move(result)},
          {"record", guide->record ? json_of(*guide->record) : Json(nullptr)},
          {"check", std::move(check)}};
}

Response state(const Home& home, CalibrationDesks& desks, measurement::Timestamp now) {
  auto clamps = Json::array();
  for (const auto& model : insight::transformer_models()) {
    clamps.push_back(
        {{"name", model.name}, {"rated_a", model.rated_a}, {"class_percent", model.class_percent}});
  }
  Json told{{"now", now.time_since_epoch().count()}, {"clamps", std::move(clamps)}};
  try {
    told["channels"] = channels_of(home, desks.channel.records(), now);
    told["guide"] = guide_json(desks.channel.guide(now));
    tell_closed_panel(told, desks, now);
  } catch (const std::runtime_error& trouble) {
    return refusal(503, trouble.what());
  }
  return json(told.dump(-1, ' ', false, Json::error_handler_t::replace));
}

CalibrationDesks* desks_of(const Call& call) {
  const auto& home = *call.home;
  return home.calibration && call.context.requests ? home.calibration() : nullptr;
}
Response no_desk() { return refusal(503, "No meter of this home can be calibrated from here."); }

// --- What is sent

Typed typed_in(const Json& body, const char* name) {
  const auto found = body.find(name);
  Typed typed;
  const bool is_three = found != body.end() && found->is_array() && found->size() == typed.size();
  for (std::size_t i = 0; is_three && i < typed.size(); ++i) {
    const auto& one = (*found)[i];
    if (one.is_string() && one.get_ref<const std::string&>().size() <= most_typed) {
      typed.at(i) = one.get<std::string>();
      continue;
    }
    throw BadBody{fmt::format("{}: give texts of at most {} bytes.", name, most_typed)};
  }
  if (!is_three) {
    throw BadBody{fmt::format("{}: give three texts: volts, amperes and watts.", name)};
  }
  return typed;
}

LoadKind kind_in(const Json& body) {
  const auto word = text_in(body, "kind", most_typed);
  for (const auto kind : {LoadKind::resistive, LoadKind::inductive}) {
    if (word == word_of(kind)) return kind;
  }
  throw BadBody{"kind: give resistive or inductive."};
}

// --- The steps

Work begin(const Call& call, CalibrationDesks& desks, const Json& body) {
  const auto [device, channel] = channel_in(call, body);
  const auto& home = *call.home->home;
  CalibrationPlan plan{.device = device,
                       .channel = channel,
                       .line_frequency = static_cast<int>(home.line_frequency_hz),
                       .volts = home.nominal_voltage_v,
                       .clamp = text_in(body, "clamp"),
                       .reference = text_in(body, "reference"),
                       .by = who(call)};
  if (plan.reference.empty()) throw BadBody{"reference: say what it is set against."};
  if (body.contains("rated_a")) plan.rated_a = number_in(body, "rated_a", 1, 10'000);
  if (body.contains("class_percent")) plan.class_percent = number_in(body, "class_percent", 0.1, 5);
  return [&desk = desks.channel, plan, percents = typed_in(body, "percents")](Asking asking) {
    desk.begin(plan, percents, std::move(asking));
  };
}

Work no_load(const Call&, CalibrationDesks& desks, const Json&) {
  return [&desk = desks.channel](Asking asking) { desk.read_no_load(std::move(asking)); };
}

Work load(const Call&, CalibrationDesks& desks, const Json& body) {
  return [&desk = desks.channel, shown = typed_in(body, "shown"),
          kind = kind_in(body)](Asking asking) { desk.read_load(shown, kind, std::move(asking)); };
}

Work check(const Call&, CalibrationDesks& desks, const Json& body) {
  return [&desk = desks.channel, shown = typed_in(body, "shown"),
          kind = kind_in(body)](Asking asking) { desk.check(shown, kind, std::move(asking)); };
}

Work end(const Call&, CalibrationDesks& desks, const Json&) {
  return [&desks](const Asking& asking) {
    desks.end();
    asking.answer({});
  };
}

Work set(const Call& call, CalibrationDesks& desks, const Json&) {
  const auto* guide = desks.channel.guide(call.now);
  const auto work = [&desk = desks.channel](Asking asking) { desk.set(std::move(asking)); };
  if (!guide) return work;  // Which says so.
  const auto& plan = guide->course.plan();
  return noted(call,
               fmt::format("calibrated channel {} of {} against {}", plan.channel, plan.device,
                           plan.reference),
               work);
}

Work undo(const Call& call, CalibrationDesks& desks, const Json& body) {
  const auto [device, channel] = channel_in(call, body);
  return noted(call, fmt::format("undid the calibration of channel {} of {}", channel, device),
               [&desk = desks.channel, device, channel, by = who(call)](Asking asking) {
                 desk.undo(device, channel, by, std::move(asking));
               });
}

constexpr std::array<NamedStep, 7> steps = {{{"begin", begin},
                                             {"no_load", no_load},
                                             {"load", load},
                                             {"set", set},
                                             {"check", check},
                                             {"undo", undo},
                                             {"end", end}}};

std::vector<NamedStep> all_steps() {
  std::vector<NamedStep> all(steps.begin(), steps.end());
  const auto more = closed_panel_steps();
  all.insert(all.end(), more.begin(), more.end());
  return all;
}

}  // namespace

std::string text_in(const Json& body, const char* name, std::size_t most) {
  const auto found = body.find(name);
  if (found == body.end() || !found->is_string() ||
      found->get_ref<const std::string&>().size() > most) {
    throw BadBody{fmt::format("{}: give a text of at most {} bytes.", name, most)};
  }
  return found->get<std::string>();
}

double number_in(const Json& body, const char* name, double least, double most) {
  const auto found = body.find(name);
  const double value = found != body.end() && found->is_number() ? found->get<double>() : NAN;
  if (!(value >= least && value <= most)) {
    throw BadBody{fmt::format("{}: give a number from {:g} to {:g}.", name, least, most)};
  }
  return value;
}

std::pair<std::string, int> channel_in(const Call& call, const Json& body) {
  const auto device = text_in(body, "device");
  const auto channel =
      static_cast<int>(number_in(body, "channel", 0, measurement::max_channels - 1));
  if (!knows(call, device)) throw BadBody{"device: there is no such meter."};
  return {device, channel};
}

std::string who(const Call& call) {
  return call.user && !call.user->name.empty() ? call.user->name : "the owner";
}

// Done only once it is noted who does it.
Work noted(const Call& call, std::string what, Work work) {
  const auto act = note(call, std::move(what), "");
  if (!act) {
    return [](const Asking& asking) { asking.answer(std::unexpected(std::string(why_not_noted))); };
  }
  return [&accounts = call.context.accounts, act = *act, work = std::move(work)](Asking asking) {
    auto answer = std::move(asking.answer);
    asking.answer = [&accounts, act, answer](std::expected<void, std::string> done) {
      accounts.conclude(act, done ? "done" : "refused");
      answer(std::move(done));
    };
    work(std::move(asking));
  };
}

Response calibration(const Call& call) {
  auto* desks = desks_of(call);
  return desks ? state(*call.home->home, *desks, call.now) : no_desk();
}

Response calibrate(const Call& call) {
  auto* desks = desks_of(call);
  if (!desks) return no_desk();
  const auto body = Json::parse(call.request.body, nullptr, false);
  const auto word = body.is_object() ? body.value("step", Json()) : Json();
  const auto all = all_steps();
  const auto step = std::ranges::find_if(
      all, [&](const NamedStep& each) { return word.is_string() && word == each.name; });
  if (step == all.end()) {
    std::string names;
    for (const auto& each : all) names += fmt::format("{}{}", names.empty() ? "" : ", ", each.name);
    return refusal(400, fmt::format("step: give one of {}, with what it takes.", names));
  }
  if (step->look) {
    return {.pieces = [look = step->look(*desks, call.now), desks, home = call.home->home,
                       now = call.now]() -> std::optional<Response> {
      try {
        const auto done = look();
        if (!done) return std::nullopt;
        return *done ? state(*home, *desks, now) : refusal(409, done->error());
      } catch (const std::runtime_error& trouble) {
        return refusal(503, trouble.what());
      }
    }};
  }
  try {
    return {.later = [work = step->step(call, *desks, body), desks, home = call.home->home,
                      requests = call.context.requests, now = call.now](const Answer& answer) {
      work({*requests, now,
            [desks, home, now, answer](const std::expected<void, std::string>& done) {
              answer(done ? state(*home, *desks, now) : refusal(409, done.error()));
            }});
    }};
  } catch (const BadBody& bad) {
    return refusal(400, bad.sentence);
  }
}

}  // namespace hub
