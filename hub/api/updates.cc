#include "hub/api/updates.h"

#include <fmt/format.h>

#include <nlohmann/json.hpp>

#include "hub/api/asked.h"
#include "hub/api/meters.h"
#include "hub/api/routes.h"

namespace hub {
namespace {

// Keys come out in the order of docs/http_api.yaml.
using Json = nlohmann::ordered_json;

constexpr const char* no_such_update = "There is no such update.";

// True: it is of the hub's key. False: the hub has none. The error is one sentence.
std::expected<bool, std::string> look_at_signature(const Call& call, const SignedUpdate& update) {
  const auto& check = call.context.check_signature;
  return check ? check(update.signed_text, update.signature) : false;
}

Json update_json(const Call& call, const UpdateShelf::Kept& kept) {
  const auto& update = kept.item;
  return {{"update", update.id},
          {"project", update.project},
          {"version", update.version},
          {"chip", update.chip},
          {"added", kept.added.time_since_epoch().count()},
          {"bytes", update.image_bytes},
          {"is_checked", look_at_signature(call, update).value_or(false)}};
}

std::string words_for(const SignedUpdate& update) {
  return fmt::format("{} for {}", update.version, update.chip);
}

}  // namespace

Response updates(const Call& call) {
  auto list = Json::array();
  if (auto* shelf = call.context.updates_shelf) {
    for (const auto& kept : shelf->items()) list.push_back(update_json(call, kept));
  }
  return json(list.dump());
}

Response put_update(const Call& call) {
  auto* shelf = call.context.updates_shelf;
  if (!shelf) return refusal(503, "This hub keeps no updates.");
  auto update = SignedUpdate::of_file(call.request.body);
  if (!update) return refusal(400, update.error());
  if (const auto checked = look_at_signature(call, *update); !checked) {
    return refusal(400, checked.error());
  }
  const auto act = note(call, fmt::format("put update {} on the shelf", words_for(*update)), "");
  if (!act) return not_noted();
  const auto kept = shelf->put(call.request.body, std::move(*update), call.now);
  call.context.accounts.conclude(*act, kept ? "done" : "failed");
  if (!kept) return refusal(503, kept.error());
  return json(update_json(call, *kept).dump());
}

Response remove_update(const Call& call) {
  auto* shelf = call.context.updates_shelf;
  const auto id = parameter(call, "update");
  const auto* kept = shelf ? shelf->find(id) : nullptr;
  if (!kept) return refusal(404, no_such_update);
  const auto words = fmt::format("took update {} off the shelf", words_for(kept->item));
  if (!note(call, words, "done")) return not_noted();
  if (shelf->remove(id)) return {.status = 204};
  return refusal(503, "The hub's disk refuses to remove it: try again.");
}

Response update_meter(const Call& call) {
  const auto body = Json::parse(call.request.body, nullptr, false);
  if (!body.is_object() || body.size() != 1 || !body.contains("update") ||
      !body["update"].is_string()) {
    return refusal(400, R"(Send {"update": id of an update on the shelf}.)");
  }
  auto* meter_updates = call.context.updates;
  const std::string device(call.device);
  if (!meter_updates || !knows(call, device)) return refusal(404, "There is no such meter.");
  auto* shelf = call.context.updates_shelf;
  const auto id = body["update"].get<std::string>();
  const auto* kept = shelf ? shelf->find(id) : nullptr;
  if (!kept) return refusal(404, no_such_update);
  const auto version = kept->item.version;
  auto file = shelf->bytes(id, 0, kept->item.bytes);
  if (!file || sha256(*file).substr(0, id.size()) != id) {
    return refusal(503, "The hub's disk does not give back what was kept: send the update again.");
  }
  const auto act = note(call, fmt::format("updates {} to {}", device, version), "");
  if (!act) return not_noted();
  meter_updates->begin(call.home->id, device, std::move(*file), call.now,
                       [&accounts = call.context.accounts, act = *act](const auto& state) {
                         accounts.conclude(act, state.why.empty() ? "done" : state.why);
                       });
  return json(Json{{"version", version}}.dump());
}

}  // namespace hub
