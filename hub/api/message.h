// A question to the hub and its answer, free of any HTTP library.

#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace hub {

// How a request came.
enum class Way : std::uint8_t {
  here,   // Without TLS, from this machine.
  tls,    // From wherever.
  plain,  // Without TLS to the port that is for it: is only told where to go.
};

// Views into what the server has read; an absent header is empty.
struct Request {
  std::string_view method;  // "GET"
  std::string_view target;  // "/api/homes?x=1", as it was sent.
  std::string_view host;
  std::string_view origin;
  std::string_view accept;
  std::string_view content_type;
  std::string_view cookie;
  std::string_view authorization;
  std::string_view if_none_match;
  std::string_view content_encoding;
  std::string_view body;
  std::string_view address;  // Of the other end of the connection, as counted_address() has it.
  Way way = Way::here;
};

// An answer without an end.
struct Stream {
  using Send = std::function<void(std::string)>;

  // Hands text to `send` at once and whenever there is more, until the returned value is let go
  // of.
  std::function<std::shared_ptr<void>(Send send)> start;

  // Asked before a text goes out: false once the one who asked has lost the right to listen.
  std::function<bool()> may_go_on;
};

struct Response;

// An answer that has to wait for something, such as the disk.
using Later = std::function<void(std::function<void(Response)> answer)>;

// An answer that takes longer to make than others may be kept waiting: a piece of it, of some
// milliseconds, each time it is called, until it gives the answer. Who is not asked any more just
// lets go of it.
using Pieces = std::function<std::optional<Response>()>;

struct Response {
  unsigned status = 200;
  std::string content_type;  // Empty: no body.
  std::string body;
  std::vector<std::pair<std::string, std::string>> headers;  // Beyond those of every answer.
  std::optional<Stream> stream;                              // Goes out after `body`.
  // Given: the real answer is the one that it will give, once.
  Later later{};
  Pieces pieces{};
};

inline Response json(std::string body) {
  return {.content_type = "application/json", .body = std::move(body)};
}

// {"error": sentence}
Response refusal(unsigned status, std::string_view sentence);

}  // namespace hub
