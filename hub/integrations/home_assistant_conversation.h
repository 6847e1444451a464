// A conversation with Home Assistant over its WebSocket: sign in, ask, get an answer. Texts come in
// and go out; the socket and the clock are somebody else's.
// https://developers.home-assistant.io/docs/api/websocket

#pragma once

#include <chrono>
#include <cstdint>
#include <expected>
#include <functional>
#include <map>
#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "measurement/units.h"

namespace hub {

struct Refusal {
  std::string code;      // Home Assistant's own ("invalid_format"), or "lost", "timeout".
  std::string sentence;  // For people.
};

// Destroyed after whoever has asked something: an answer is given by calling back. One thread.
class HomeAssistantConversation {
 public:
  using Answer = std::expected<nlohmann::json, Refusal>;
  using Done = std::function<void(Answer)>;

  // `send` is false when the text could not be sent. `ready` is called at each successful sign-in.
  HomeAssistantConversation(std::string token, std::function<bool(std::string)> send,
                            std::function<void()> ready = {});

  void connected(measurement::Timestamp now);
  void heard(std::string_view text, measurement::Timestamp now);
  void lost(const std::string& why);      // Whatever was asked is answered with a Refusal.
  void tick(measurement::Timestamp now);  // Ends what has waited too long.

  bool is_ready() const { return state_ == State::ready; }
  // The token is wrong: a sentence that says what to do. Connecting again does not help.
  const std::optional<std::string>& refused() const { return refused_; }

  // `request` is an object with a "type". `done` is called once, later or, when nothing could be
  // sent, at once; its json is the "result".
  void ask(nlohmann::json request, Done done,
           std::chrono::milliseconds limit = std::chrono::seconds(60));

 private:
  enum class State : std::uint8_t { away, greeted, ready };
  struct Waiting {
    Done done;
    measurement::Timestamp until;
  };

  void answer(std::uint64_t id, Answer);

  std::string token_;
  std::function<bool(std::string)> send_;
  std::function<void()> ready_;
  State state_ = State::away;
  std::optional<std::string> refused_;
  std::uint64_t next_ = 1;
  measurement::Timestamp now_{};
  std::map<std::uint64_t, Waiting> waiting_;
};

// unique_id -> entity_id of the MQTT sensors among what `config/entity_registry/list` answered.
using EntityIds = std::map<std::string, std::string, std::less<>>;
EntityIds entity_ids(const nlohmann::json& registry);

}  // namespace hub
