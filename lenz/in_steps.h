// Work in short steps on the hub's thread, so that nobody waits for it: as long as something is
// left, one go after the other with pauses between them, else a look now and then.

#pragma once

#include <boost/asio/io_context.hpp>
#include <boost/asio/steady_timer.hpp>
#include <chrono>
#include <expected>
#include <functional>
#include <string>

#include "hub/store/store.h"

namespace lenz {

class InSteps {
 public:
  // True: nothing is left for now.
  using Step = std::function<std::expected<bool, hub::StoreError>()>;

  // After an error, or a std::runtime_error, `say` is told "`what`: <why>." once, and it goes on
  // later. The context outlives it.
  InSteps(boost::asio::io_context&, Step, std::string what,
          std::function<void(const std::string&)> say);

 private:
  void wait_until(std::chrono::steady_clock::time_point);
  void work();

  boost::asio::steady_timer timer_;
  const Step step_;
  const std::string what_;
  const std::function<void(const std::string&)> say_;
  bool has_failed_ = false;
};

}  // namespace lenz
