// HTTP/1.1, plain for this machine alone and by TLS for a network: connections, limits and live
// streams. What is answered is the routes' business.

#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <expected>
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
  std::size_t connections = 64;                 // One more is told 503 and closed (TLS: closed).
  std::size_t connections_of_address = 32;      // By TLS; an IPv6 network /64 is one address.
  std::size_t listeners = 16;                   // Of live streams; one more is told 503.
  std::size_t queued_bytes = 256 * 1024;        // A listener that reads slower is dropped.
  std::chrono::milliseconds idle{30'000};       // For a whole request to come or an answer to go.
  std::chrono::milliseconds heartbeat{15'000};  // A comment line in a live stream that has no news.
  std::chrono::milliseconds handshake{10'000};  // For a whole one.
  // Of TLS, after as many at once as there may be connections. A handshake is dear: what comes
  // faster waits, so that no stranger takes the processor from the meters and the owner.
  int handshakes_per_s = 32;
};

// What a server by TLS shows of itself: PEM, its own certificate first, then who signed it.
struct TlsCertificate {
  std::string chain, key;
};

struct Listening;

// Runs on the thread that runs `io`. Io and routes outlive the server; its end closes all
// connections. Two servers share nothing but the thread: who fills one does not fill the other.
class Server {
 public:
  // Plain. Throws std::runtime_error with one sentence when the address is not a loopback one or
  // the port is taken. Port 0 picks a free one.
  Server(boost::asio::io_context& io, const Routes& routes, const std::string& address,
         std::uint16_t port, ServerLimits = {});
  // By TLS 1.2 or later; who speaks plain HTTP to it is told by the routes where to go. `address`
  // is one of the machine's, or empty for all of them. Throws as above, and when the certificate or
  // its key is none.
  Server(boost::asio::io_context& io, const Routes& routes, const TlsCertificate&,
         const std::string& address, std::uint16_t port, ServerLimits = {});
  ~Server();
  Server(const Server&) = delete;
  Server& operator=(const Server&) = delete;

  std::uint16_t port() const;

  // To connections from now on, of a server by TLS. The error says in one sentence what is wrong
  // with it; then the one before stays.
  std::expected<void, std::string> show(const TlsCertificate&);

 private:
  std::shared_ptr<Listening>
      listening_;  // With its coroutines, which end a little after the server.
};

}  // namespace hub
