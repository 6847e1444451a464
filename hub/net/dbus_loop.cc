#include "hub/net/dbus_loop.h"

#include <poll.h>
#include <sdbus-c++/Error.h>
#include <sdbus-c++/IConnection.h>
#include <unistd.h>

#include <boost/asio/io_context.hpp>
#include <boost/asio/posix/stream_descriptor.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/steady_timer.hpp>
#include <chrono>
#include <utility>

namespace hub {

namespace asio = boost::asio;
using asio::posix::stream_descriptor;
using boost::system::error_code;

namespace {

constexpr int messages_at_once = 64;

}  // namespace

struct DbusLoop::Watch : std::enable_shared_from_this<Watch> {
  Watch(asio::io_context& context, sdbus::IConnection& the_connection,
        std::function<void(const std::string&)> when_lost)
      : connection(&the_connection), lost(std::move(when_lost)), socket(context), timer(context) {
    socket.assign(::dup(connection->getEventLoopPollData().fd));
  }

  // Works off what there is, and waits for more.
  void work() {
    is_posted = false;
    if (!connection) return;
    try {
      for (int i = 0; i < messages_at_once; ++i) {
        const bool has_more = connection->processPendingRequest();
        if (!connection) return;  // A handler has ended us.
        if (!has_more) return wait();
      }
      post();
    } catch (const sdbus::Error& error) {
      end();
      lost(error.getMessage());
    }
  }

  void wait() {
    const auto wanted = connection->getEventLoopPollData();
    if ((wanted.events & POLLIN) != 0) await(stream_descriptor::wait_read, awaits_reading);
    if ((wanted.events & POLLOUT) != 0) await(stream_descriptor::wait_write, awaits_writing);
    const auto due = wanted.getRelativeTimeout();
    if (!due) {
      timer.cancel();
      return;
    }
    timer.expires_after(*due);
    timer.async_wait([self = shared_from_this()](error_code error) {
      if (!error) self->work();
    });
  }

  void await(stream_descriptor::wait_type what, bool& is_awaited) {
    if (std::exchange(is_awaited, true)) return;
    socket.async_wait(what, [self = shared_from_this(), &is_awaited](error_code error) {
      is_awaited = false;
      if (!error) self->work();
    });
  }

  void post() {
    if (std::exchange(is_posted, true)) return;
    asio::post(socket.get_executor(), [self = shared_from_this()] { self->work(); });
  }

  void end() {
    connection = nullptr;
    error_code ignored;
    socket.close(ignored);
    timer.cancel();
  }

  sdbus::IConnection* connection;  // Null: it is over.
  const std::function<void(const std::string&)> lost;
  stream_descriptor socket;  // A second name of the connection's.
  asio::steady_timer timer;
  bool awaits_reading = false, awaits_writing = false, is_posted = false;
};

DbusLoop::DbusLoop(asio::io_context& context, sdbus::IConnection& connection,
                   std::function<void(const std::string&)> lost)
    : watch_(std::make_shared<Watch>(context, connection, std::move(lost))) {
  watch_->post();
}

DbusLoop::~DbusLoop() { watch_->end(); }

void DbusLoop::sent() { watch_->post(); }

}  // namespace hub
