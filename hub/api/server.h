// HTTP/1.1 on the machine's own address: connections, limits and live streams.
// What is answered is the routes' business.

#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>

#include "hub/api/routes.h"

namespace boost::asio {
class io_context;
}

namespace hub {

struct ServerLimits {
  std::uint32_t header_bytes = 16 * 1024;       // Beyond: 431.
  std::uint64_t body_bytes = 64 * 1024;         // Beyond: 413.
  std::size_t connections = 64;                 // One more is told 503 and closed.
  std::size_t listeners = 16;                   // Of live streams; one more is told 503.
  std::size_t queued_bytes = 256 * 1024;        // A listener that reads slower is dropped.
  std::chrono::milliseconds idle{30'000};       // For a whole request to come or an answer to go.
  std::chrono::milliseconds heartbeat{15'000};  // A comment line in a live stream that has no news.
};

struct Listening;

// Runs on the thread that runs `io`. Io and routes outlive the server; its end closes all
// connections.
class Server {
 public:
  // Throws std::runtime_error with one sentence when the address is not a loopback one or the port
  // is taken. Port 0 picks a free one.
  Server(boost::asio::io_context& io, const Routes& routes, const std::string& address,
         std::uint16_t port, ServerLimits = {});
  ~Server();
  Server(const Server&) = delete;
  Server& operator=(const Server&) = delete;

  std::uint16_t port() const;

 private:
  std::shared_ptr<Listening>
      listening_;  // With its coroutines, which end a little after the server.
};

}  // namespace hub
