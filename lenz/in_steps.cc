#include "lenz/in_steps.h"

#include <fmt/format.h>

#include <algorithm>
#include <stdexcept>
#include <utility>

#include "hub/net/beat.h"

namespace lenz {
namespace {

using std::chrono::steady_clock;
using namespace std::chrono_literals;

constexpr auto beat = 250ms;    // Of looking for something new.
constexpr auto longest = 20ms;  // Of one go, after which others have their turn.
constexpr auto shortest = 2ms;  // Between two goes.
constexpr int share = 3;        // So many times as long as a go took it pauses.
constexpr auto after_trouble = 10s;

}  // namespace

InSteps::InSteps(boost::asio::io_context& context, Step step, std::string what,
                 std::function<void(const std::string&)> say)
    : timer_(context), step_(std::move(step)), what_(std::move(what)), say_(std::move(say)) {
  wait_until(hub::next_beat(beat));
}

void InSteps::wait_until(steady_clock::time_point time) {
  timer_.expires_at(time);
  timer_.async_wait([this](boost::system::error_code error) {
    if (!error) work();
  });
}

void InSteps::work() {
  const auto begin = steady_clock::now();
  bool is_done = false;
  std::string trouble;
  try {
    while (!is_done && steady_clock::now() - begin < longest) {
      const auto done = step_();
      if (!done) {
        trouble = hub::sentence(done.error());
        break;
      }
      is_done = *done;
    }
  } catch (const std::runtime_error& failure) {
    trouble = failure.what();
  }
  if (!trouble.empty()) {
    if (!std::exchange(has_failed_, true)) say_(fmt::format("{}: {}.", what_, trouble));
    return wait_until(steady_clock::now() + after_trouble);
  }
  has_failed_ = false;
  const auto end = steady_clock::now();
  wait_until(is_done ? hub::next_beat(beat)
                     : end + std::max<steady_clock::duration>(shortest, share * (end - begin)));
}

}  // namespace lenz
