#include "hub/api/pairing.h"

#include <fmt/format.h>

#include <nlohmann/json.hpp>
#include <optional>

#include "hub/api/meters.h"
#include "hub/api/routes.h"
#include "hub/devices.h"

namespace hub {
namespace {

// Keys come out in the order of docs/http_api.yaml.
using Json = nlohmann::ordered_json;

constexpr const char* no_door = "This hub pairs no meters.";

// The one text of a JSON object of nothing else.
std::optional<std::string> member(const Call& call, const char* name) {
  const auto body = Json::parse(call.request.body, nullptr, false);
  if (!body.is_object() || body.size() != 1) return std::nullopt;
  const auto found = body.find(name);
  if (found == body.end() || !found->is_string()) return std::nullopt;
  return found->get<std::string>();
}

}  // namespace

Response pairing(const Call& call) {
  const auto* door = call.context.pairing;
  if (!door) return json(Json{{"trouble", no_door}, {"host", ""}, {"window", nullptr}}.dump());
  Json window = nullptr;
  if (const auto* open = door->window.window(call.now)) {
    window = Json{{"home", open->home},
                  {"device", open->device},
                  {"code", open->code},
                  {"until", open->until.time_since_epoch().count()}};
  }
  return json(Json{{"trouble", door->trouble}, {"host", door->host}, {"window", window}}.dump());
}

Response open_pairing(const Call& call) {
  const auto device = member(call, "device");
  if (!device || !is_device_name(*device)) {
    return refusal(400, R"(Send {"device": NAME}, the name being 1 to 32 of a-z 0-9 _ -.)");
  }
  const auto* door = call.context.pairing;
  if (!door) return refusal(409, no_door);
  if (!door->trouble.empty()) return refusal(409, door->trouble);
  if (const auto fault = door->fault_of(call.home->id, *device); !fault.empty()) {
    return refusal(409, fault);
  }
  if (!note(call, fmt::format("opened the window for {}", *device), "done")) return not_noted();
  door->window.open(call.home->id, *device, door->draw(), call.now);
  return pairing(call);
}

Response close_pairing(const Call& call) {
  const auto* door = call.context.pairing;
  const auto* open = door ? door->window.window(call.now) : nullptr;
  if (open) {
    if (!note(call, fmt::format("closed the window for {}", open->device), "done")) {
      return not_noted();
    }
    door->window.close();
  }
  return {.status = 204};
}

Response claim_credential(const Call& call) {
  const auto code = member(call, "code");
  if (!code) return refusal(400, R"(Send {"code"}, a text.)");
  const auto* door = call.context.pairing;
  const auto* open = door ? door->window.window(call.now) : nullptr;
  const auto device = open ? open->device : std::string();
  const auto claimed = door ? door->window.claim(*code, call.now) : std::nullopt;
  if (!claimed) {
    // Without a window there is nothing to guess, and nothing that could fill the book.
    if (open) note(call, fmt::format("gave a wrong code for {}", device), "refused");
    return refusal(403,
                   "No window is open, or this is not its code: open one under Meters and read the "
                   "code again.");
  }
  const auto act =
      note(call, fmt::format("got the credential of {} in {}", device, claimed->home), "");
  if (!act) return not_noted();
  const auto credential = door->admit(claimed->home, claimed->device);
  call.context.accounts.conclude(*act, credential ? "done" : "failed");
  if (!credential) return refusal(503, credential.error());
  return json(Json{{"home", claimed->home},
                   {"device", claimed->device},
                   {"host", door->host},
                   {"port", door->port},
                   {"user", credential->user},
                   {"password", credential->password},
                   {"certificate", door->certificate}}
                  .dump());
}

Response take_credential_back(const Call& call) {
  const auto* door = call.context.pairing;
  const std::string device(call.device);
  if (!door || !door->is_paired(call.home->id, device)) {
    return refusal(404, "No meter of this name was paired.");
  }
  const auto act = note(call, fmt::format("took the credential of {} back", device), "");
  if (!act) return not_noted();
  const auto done = door->expel(call.home->id, device);
  call.context.accounts.conclude(*act, done ? "done" : "failed");
  return done ? Response{.status = 204} : refusal(503, done.error());
}

}  // namespace hub
