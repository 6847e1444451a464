// One request at a time to a server of somebody else, without ever waiting for it.

#pragma once

#include <chrono>
#include <cstddef>
#include <expected>
#include <functional>
#include <memory>
#include <string>
#include <utility>
#include <vector>

namespace boost::asio {
class io_context;
}

namespace hub {

struct HttpRequest {
  std::string method = "POST";
  std::string url;  // http:// or https:// (checked against the system's certificates).
  std::vector<std::pair<std::string, std::string>> headers;
  std::string body;
  std::size_t most_answer = 1 << 20;  // Bytes of the answer's body; a longer one is an error.
};

struct HttpAnswer {
  unsigned status = 0;
  std::string body;
};

// The context outlives it. Connections are kept for the next request to the same server.
class HttpClient {
 public:
  using Done = std::function<void(std::expected<HttpAnswer, std::string>)>;

  explicit HttpClient(boost::asio::io_context&);
  ~HttpClient();  // `done` of a request under way is not called any more.

  // `done` is called once, later, on the context's thread; the error is one sentence. A request
  // while another is under way is our own mistake.
  void send(HttpRequest, std::chrono::milliseconds limit, Done done);

 private:
  struct Connection;
  std::shared_ptr<Connection> connection_;  // Also held by what is under way on the context.
};

}  // namespace hub
