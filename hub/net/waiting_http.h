// One request at a time to a server of somebody else, while everybody waits: for the few answers
// without which there is nothing to go on with. All else is HttpClient's.

#pragma once

#include <chrono>
#include <expected>
#include <memory>
#include <string>

#include "hub/net/http_client.h"

namespace hub {

class WaitingHttp {
 public:
  WaitingHttp();
  ~WaitingHttp();

  // All requests until the next call share this time.
  void allow(std::chrono::milliseconds);

  // The error is one sentence.
  std::expected<HttpAnswer, std::string> ask(HttpRequest);

 private:
  std::unique_ptr<boost::asio::io_context> context_;
  HttpClient client_;
  std::chrono::steady_clock::time_point until_{};
};

}  // namespace hub
