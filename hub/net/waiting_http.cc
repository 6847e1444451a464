#include "hub/net/waiting_http.h"

#include <boost/asio/io_context.hpp>
#include <optional>

namespace hub {

using std::chrono::steady_clock;

WaitingHttp::WaitingHttp()
    : context_(std::make_unique<boost::asio::io_context>()), client_(*context_) {}

WaitingHttp::~WaitingHttp() = default;

void WaitingHttp::allow(std::chrono::milliseconds time) { until_ = steady_clock::now() + time; }

std::expected<HttpAnswer, std::string> WaitingHttp::ask(HttpRequest request) {
  const auto left = std::chrono::floor<std::chrono::milliseconds>(until_ - steady_clock::now());
  if (left <= std::chrono::milliseconds(0)) return std::unexpected("There is no time left.");
  std::optional<std::expected<HttpAnswer, std::string>> answer;
  client_.send(std::move(request), left, [&](auto heard) { answer = std::move(heard); });
  context_->restart();
  while (!answer) context_->run_one();  // The limit ends it.
  return std::move(*answer);
}

}  // namespace hub
