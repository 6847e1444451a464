#include "lenz/in_steps.h"

#include <fmt/format.h>

#include <algorithm>
#include <stdexcept>
#include <utility>

namespace lenz {
namespace {

using std::chrono::steady_clock;
using namespace std::chrono_literals;

constexpr auto beat = 200ms;    // Of looking for something new.
constexpr auto longest = 20ms;  // Of one go, after which others have their turn.
constexpr auto shortest = 2ms;  // Between two goes.
constexpr int share = 3;        // So many times as long as a go took it pauses.
constexpr auto after_trouble = 10s;

}  // namespace

InSteps::InSteps(boost::asio::io_context& context, Step step, std::string what,
                 std::function<void(const std::string&)> say)
    : timer_(context), step_(std::move(step)), what_(std::move(what)), say_(std::move(say)) {
  wait(beat);
}

void InSteps::wait(steady_clock::duration time) {
  timer_.expires_after(time);
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
    return wait(after_trouble);
  }
  has_failed_ = false;
  const auto taken = steady_clock::now() - begin;
  wait(is_done ? beat : std::max<steady_clock::duration>(shortest, share * taken));
}

}  // namespace lenz
