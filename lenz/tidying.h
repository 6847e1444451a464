// What homes do when nobody is waiting, one after the other.

#pragma once

#include <boost/asio/io_context.hpp>
#include <boost/asio/steady_timer.hpp>
#include <cstddef>
#include <functional>

namespace lenz {

// A short piece of work of each home in turn, so that old samples are packed: a single home has its
// turn once a second, and sooner while work is left. Of the time, at most a fifth is spent. One
// thread; the context outlives it.
class Tidying {
 public:
  // `work` of home i of `homes`; true: nothing is left for now.
  using Work = std::function<bool(std::size_t home)>;
  Tidying(boost::asio::io_context&, std::size_t homes, Work);

 private:
  std::chrono::milliseconds turn() const;  // From one home to the next.
  void go_on(std::chrono::steady_clock::time_point);

  boost::asio::steady_timer timer_;
  const std::size_t homes_;
  const Work work_;
  std::size_t next_ = 0;
};

}  // namespace lenz
