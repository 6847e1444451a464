#include "hub/integrations/home_assistant_conversation.h"

#include <utility>

namespace hub {

using measurement::Timestamp;
using nlohmann::json;

HomeAssistantConversation::HomeAssistantConversation(std::string token,
                                                     std::function<bool(std::string)> send,
                                                     std::function<void()> ready)
    : token_(std::move(token)), send_(std::move(send)), ready_(std::move(ready)) {}

void HomeAssistantConversation::connected(Timestamp now) {
  now_ = now;
  state_ = State::greeted;
  next_ = 1;  // Ids count anew in each connection.
}

void HomeAssistantConversation::lost(const std::string& why) {
  state_ = State::away;
  for (auto waiting = std::exchange(waiting_, {}); auto& [id, asked] : waiting) {
    asked.done(std::unexpected(Refusal{"lost", "Home Assistant is not connected (" + why + ")."}));
  }
}

void HomeAssistantConversation::tick(Timestamp now) {
  now_ = now;
  std::vector<std::uint64_t> late;
  for (const auto& [id, asked] : waiting_) {
    if (now >= asked.until) late.push_back(id);
  }
  for (const auto id : late) {
    answer(id, std::unexpected(Refusal{"timeout", "Home Assistant did not answer in time."}));
  }
}

void HomeAssistantConversation::heard(std::string_view text, Timestamp now) {
  now_ = now;
  const auto message = json::parse(text, nullptr, false);
  if (!message.is_object()) return;
  const auto type = message.value("type", json()), id = message.value("id", json());
  if (type == "auth_required") {
    send_(json{{"type", "auth"}, {"access_token", token_}}.dump());
  } else if (type == "auth_ok") {
    state_ = State::ready;
    refused_.reset();
    if (ready_) ready_();
  } else if (type == "auth_invalid") {
    state_ = State::away;
    refused_ =
        "Home Assistant does not accept the token; make a new long-lived token in the profile of "
        "an administrator and put it into the file that token_file names.";
  } else if (type == "result" && id.is_number_unsigned()) {
    if (message.value("success", json()) == true) {
      answer(id.get<std::uint64_t>(), message.value("result", json()));
      return;
    }
    const auto error = message.value("error", json::object());
    const auto word = [&](const char* key) {
      const auto found = error.is_object() ? error.value(key, json()) : json();
      return found.is_string() ? found.get<std::string>() : std::string("unknown");
    };
    answer(id.get<std::uint64_t>(),
           std::unexpected(
               Refusal{word("code"), "Home Assistant refused it: " + word("message") +
                                         (word("code") == "unauthorized"
                                              ? " (the token must be that of an administrator)."
                                              : ".")}));
  }
}

void HomeAssistantConversation::ask(json request, Done done, std::chrono::milliseconds limit) {
  const auto id = next_++;
  request["id"] = id;
  waiting_.emplace(id, Waiting{std::move(done), now_ + limit});
  const auto text = request.dump(-1, ' ', false, json::error_handler_t::replace);
  if (state_ == State::ready && send_(text)) return;
  answer(id, std::unexpected(Refusal{"lost", "Home Assistant is not connected."}));
}

void HomeAssistantConversation::answer(std::uint64_t id, Answer result) {
  auto asked = waiting_.extract(id);
  if (!asked.empty()) asked.mapped().done(std::move(result));
}

EntityIds entity_ids(const json& registry) {
  EntityIds ids;
  if (!registry.is_array()) return ids;
  for (const auto& entry : registry) {
    if (!entry.is_object() || entry.value("platform", json()) != "mqtt") continue;
    const auto unique = entry.value("unique_id", json()), id = entry.value("entity_id", json());
    if (unique.is_string() && id.is_string()) ids.emplace(unique, id);
  }
  return ids;
}

}  // namespace hub
