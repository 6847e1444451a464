// A connection to a broker that keeps itself up and never waits: what it needs is done on the
// context's thread, between other work.

#pragma once

#include <cstddef>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "measurement/units.h"

namespace boost::asio {
class io_context;
}

namespace hub {

struct MqttMessage {
  std::string_view topic;
  std::string_view payload;
  bool is_retained = false;  // Said before we came.
};

struct MqttLogin {
  std::string host = "127.0.0.1";
  int port = 1883;
  std::string user;  // Empty: no sign-in.
  std::string password;
  std::string client_id;
  std::vector<std::string> topics;  // Subscribed with QoS 1 at every connection.
  struct Will {
    std::string topic, payload;  // Retained.
  };
  std::optional<Will> will;
};

// The context outlives it. Name look-up, connection and traffic never block the thread; a broker
// that hangs costs its own messages only.
class MqttClient {
 public:
  struct Events {
    std::function<void()> connected;
    std::function<void(const MqttMessage&)> heard;
    std::function<void()> heard_all;  // After a run of messages that had arrived together.
    std::function<void(const std::string& why)> lost;
  };

  MqttClient(boost::asio::io_context&, MqttLogin, Events);
  ~MqttClient();

  bool is_connected() const;

  // QoS 1. False: not connected, or more than most_unsent bytes wait to be sent; nothing is kept
  // for later.
  bool publish(std::string_view topic, std::string_view payload, bool retain);
  static constexpr std::size_t most_unsent = 4 << 20;

 private:
  struct Connection;
  std::shared_ptr<Connection> connection_;  // Also held by what is under way on the context.
};

}  // namespace hub
