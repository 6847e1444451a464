// A world of partners on this machine, good ones and bad ones, for the tests of this folder.

#pragma once

#include <gtest/gtest.h>
#include <sys/socket.h>

#include <array>
#include <boost/asio.hpp>
#include <chrono>
#include <functional>
#include <list>
#include <string>
#include <string_view>

namespace hub {

// The only address of this machine that is used.
inline boost::asio::ip::tcp::endpoint on_loopback(unsigned short port) {
  return {boost::asio::ip::address_v4::loopback(), port};
}

// Takes connections on a free port, remembers what each has said, and says what it is told to.
// Never blocks: it works when the context does.
class BareServer {
 public:
  struct Guest {
    explicit Guest(boost::asio::ip::tcp::socket s) : socket(std::move(s)) {}
    boost::asio::ip::tcp::socket socket;
    std::string said;
    bool is_gone = false;
    std::array<char, 65536> chunk;

    void say(std::string_view text) {
      boost::system::error_code error;
      socket.non_blocking(false, error);
      boost::asio::write(socket, boost::asio::buffer(text), error);
    }
    void hang_up() {
      boost::system::error_code ignored;
      socket.shutdown(boost::asio::ip::tcp::socket::shutdown_both, ignored);
      socket.close(ignored);
    }
  };
  using Hears = std::function<void(Guest&)>;

  // `hears` is called whenever a guest has said something more.
  BareServer(boost::asio::io_context& io, Hears hears, unsigned short at_port = 0)
      : acceptor_(io, on_loopback(at_port)), hears_(std::move(hears)) {
    accept();
  }

  unsigned short port() const { return acceptor_.local_endpoint().port(); }
  std::list<Guest>& guests() { return guests_; }

 private:
  void accept() {
    acceptor_.async_accept([this](boost::system::error_code error, auto socket) {
      if (error) return;
      read(guests_.emplace_back(std::move(socket)));
      accept();
    });
  }
  void read(Guest& guest) {
    guest.socket.async_read_some(boost::asio::buffer(guest.chunk),
                                 [this, &guest](boost::system::error_code error, std::size_t size) {
                                   if (error == boost::asio::error::operation_aborted) return;
                                   guest.is_gone = error.failed();
                                   if (error) return;
                                   guest.said.append(guest.chunk.data(), size);
                                   if (hears_) hears_(guest);
                                   if (guest.socket.is_open()) read(guest);
                                 });
  }

  boost::asio::ip::tcp::acceptor acceptor_;
  Hears hears_;
  std::list<Guest> guests_;
};

// A machine that does not even answer a request to connect: its queue of those is full, so that the
// kernel drops every further one.
class DeafServer {
 public:
  explicit DeafServer(boost::asio::io_context& io) : acceptor_(io) {
    acceptor_.open(boost::asio::ip::tcp::v4());
    acceptor_.bind(on_loopback(0));
    acceptor_.listen(0);
    for (int i = 0; i < 3; ++i) {
      auto& socket = queue_.emplace_back(io);
      socket.open(boost::asio::ip::tcp::v4());
      socket.native_non_blocking(true);
      const auto to = on_loopback(port());
      // Asio's own would wait for the answer.
      ::connect(socket.native_handle(), to.data(), static_cast<socklen_t>(to.size()));
    }
  }

  unsigned short port() const { return acceptor_.local_endpoint().port(); }

 private:
  boost::asio::ip::tcp::acceptor acceptor_;
  std::list<boost::asio::ip::tcp::socket> queue_;
};

// A port at which nobody listens.
inline unsigned short deserted_port(boost::asio::io_context& io) {
  return boost::asio::ip::tcp::acceptor(io, on_loopback(0)).local_endpoint().port();
}

class OnLoopback : public testing::Test {
 protected:
  boost::asio::io_context io;

  // Lets everybody work until it holds, for at most so long.
  bool comes_true(const std::function<bool()>& holds,
                  std::chrono::milliseconds most = std::chrono::seconds(5)) {
    const auto end = std::chrono::steady_clock::now() + most;
    while (!holds()) {
      if (std::chrono::steady_clock::now() > end) return false;
      io.run_one_for(std::chrono::milliseconds(1));
      io.restart();
    }
    return true;
  }
  void let_work_for(std::chrono::milliseconds time) {
    io.run_for(time);
    io.restart();
  }
};

}  // namespace hub
