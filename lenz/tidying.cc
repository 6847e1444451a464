#include "lenz/tidying.h"

#include <algorithm>
#include <chrono>
#include <utility>

#include "hub/net/beat.h"

namespace lenz {
namespace {

using std::chrono::steady_clock;
using namespace std::chrono_literals;

constexpr auto rest = 1000ms;   // Of a home without work.
constexpr auto shortest = 2ms;  // Between two pieces of work.
constexpr int share = 4;        // So many times as long as the work took it pauses.

}  // namespace

Tidying::Tidying(boost::asio::io_context& context, std::size_t homes, Work work)
    : timer_(context), homes_(homes), work_(std::move(work)) {
  if (homes_ > 0) go_on(hub::next_beat(turn()));
}

std::chrono::milliseconds Tidying::turn() const {
  return std::max<std::chrono::milliseconds>(rest / static_cast<int>(homes_), shortest);
}

void Tidying::go_on(steady_clock::time_point at) {
  timer_.expires_at(at);
  timer_.async_wait([this](boost::system::error_code error) {
    if (error) return;
    const auto begin = steady_clock::now();
    const bool is_done = work_(next_);
    const auto end = steady_clock::now();
    next_ = (next_ + 1) % homes_;
    const auto rested = end + std::max<steady_clock::duration>(shortest, share * (end - begin));
    go_on(is_done ? std::max(hub::next_beat(turn()), rested) : rested);
  });
}

}  // namespace lenz
