// One conversation in lines with a server of somebody else, without ever waiting for it: what SMTP
// and its like need of a connection.

#pragma once

#include <chrono>
#include <expected>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <utility>

namespace boost::asio {
class io_context;
}

namespace hub {

struct LineStep {
  std::string say;  // Sent as it is; may be empty.
  bool must_secure =
      false;  // Afterwards TLS begins; next() is called with an empty line once it stands.
  bool is_end = false;  // Afterwards we hang up.
};

struct LineTalk {
  std::string host;
  int port = 0;
  bool is_secure = false;  // From the first byte on; checked against the system's certificates.
  // Called with each line, without its end. What it refers to lives until `done` or the client's
  // end.
  std::function<LineStep(std::string_view line)> next;
};

// The context outlives it.
class LineClient {
 public:
  static constexpr std::size_t longest_line = 4096;
  using Done = std::function<void(std::expected<void, std::string>)>;

  explicit LineClient(boost::asio::io_context&);
  ~LineClient();  // `next` and `done` are not called any more.

  // `done` is called once, later, on the context's thread: after is_end, or with one sentence. A
  // talk while another is under way is our own mistake.
  void talk(LineTalk, std::chrono::milliseconds limit, Done);

 private:
  struct Connection;
  std::shared_ptr<Connection> connection_;  // Also held by what is under way on the context.
};

}  // namespace hub
