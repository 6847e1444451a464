#include "lenz/tidying.h"

#include <algorithm>
#include <chrono>
#include <utility>

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
  if (homes_ > 0) go_on(rest / static_cast<int>(homes_));
}

void Tidying::go_on(steady_clock::duration after) {
  timer_.expires_after(after);
  timer_.async_wait([this](boost::system::error_code error) {
    if (error) return;
    const auto begin = steady_clock::now();
    const bool is_done = work_(next_);
    const auto taken = steady_clock::now() - begin;
    next_ = (next_ + 1) % homes_;
    const auto turn = is_done ? rest / static_cast<int>(homes_) : shortest;
    go_on(std::max<steady_clock::duration>({turn, shortest, share * taken}));
  });
}

}  // namespace lenz
