// A WebSocket to a server of somebody else that keeps itself up and never waits.

#pragma once

#include <cstddef>
#include <functional>
#include <memory>
#include <string>
#include <string_view>

namespace boost::asio {
class io_context;
}

namespace hub {

// The context outlives it. Tries again after 1, 2, 4, ... at most 60 s.
class WebSocketClient {
 public:
  struct Events {
    std::function<void()> connected;
    std::function<void(std::string_view text)> heard;  // At most 64 MiB.
    std::function<void(const std::string& why)> lost;
  };

  WebSocketClient(boost::asio::io_context&, std::string url, Events);  // ws:// or wss://
  ~WebSocketClient();

  // False: not connected, or more than 16 MiB wait to be sent.
  bool send(std::string text);

  // Ends the connection, which is then tried again as after any loss.
  void hang_up();

 private:
  struct Connection;
  std::shared_ptr<Connection> connection_;  // Also held by what is under way on the context.
};

}  // namespace hub
