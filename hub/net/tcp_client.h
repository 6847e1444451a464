// A TCP connection to a node that keeps itself up and never waits.

#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <span>
#include <string>
#include <vector>

namespace boost::asio {
class io_context;
}

namespace hub {

// The context outlives it. Tries again after 1, 2, 4, ... at most 60 s.
class TcpClient {
 public:
  struct Events {
    std::function<void()> connected;
    std::function<void(std::span<const std::uint8_t>)> heard;
    std::function<void(const std::string& why)> lost;
  };

  TcpClient(boost::asio::io_context&, std::string host, int port, Events);
  ~TcpClient();

  // False: not connected, or more than 1 MiB waits to be sent.
  bool send(std::vector<std::uint8_t>);
  void hang_up();  // Then tries again as after any loss.

 private:
  struct Connection;
  std::shared_ptr<Connection> connection_;  // Also held by what is under way on the context.
};

}  // namespace hub
