#include "hub/engine/http_engine_line.h"

namespace hub {

namespace {

// 100,000 steps, four numbers each, of some boots.
constexpr std::size_t most_answer = 64 << 20;

}  // namespace

EngineAnswer HttpEngineLine::ask(const EngineRequest& request) {
  auto answer = http_.ask({.method = "POST",
                           .url = request.url,
                           .headers = request.headers,
                           .body = request.body,
                           .most_answer = most_answer});
  if (!answer) return {0, answer.error()};
  return {answer->status, std::move(answer->body)};
}

}  // namespace hub
