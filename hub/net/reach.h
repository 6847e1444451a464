// Finding and reaching a server without waiting for it: what the clients of this folder share.

#pragma once

#include <netinet/tcp.h>

#include <algorithm>
#include <boost/asio/awaitable.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/redirect_error.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/this_coro.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <boost/beast/core/error.hpp>
#include <boost/beast/core/tcp_stream.hpp>
#include <chrono>
#include <cstdint>
#include <memory>
#include <string>
#include <utility>
#include <vector>

namespace hub {

using Deadline = std::chrono::steady_clock::time_point;
using Addresses = std::vector<boost::asio::ip::tcp::endpoint>;

inline constexpr std::chrono::seconds time_to_connect{10};

inline auto returning(boost::system::error_code& error) {
  return boost::asio::redirect_error(boost::asio::use_awaitable, error);
}

// As a sentence's end.
inline std::string phrase(const boost::system::error_code& error) {
  if (error == boost::beast::error::timeout || error == boost::asio::error::timed_out) {
    return "it did not answer in time";
  }
  if (error == boost::asio::error::eof) return "the other end hung up";
  return error.message();
}

// The addresses that need no asking: of a numeric host, and of this machine.
inline Addresses known_addresses(const std::string& host, std::uint16_t port) {
  using boost::asio::ip::address_v4, boost::asio::ip::address_v6;
  if (host == "localhost") return {{address_v4::loopback(), port}, {address_v6::loopback(), port}};
  boost::system::error_code error;
  const auto address = boost::asio::ip::make_address(host, error);
  if (error) return {};
  return {{address, port}};
}

inline bool is_this_machine(const std::string& host) {
  const auto addresses = known_addresses(host, 0);
  return !addresses.empty() && addresses.front().address().is_loopback();
}

// A thread of Asio looks names up, one at a time, and cannot be interrupted: at the deadline it is
// left to itself.
inline boost::asio::awaitable<Addresses> find(std::string host, std::uint16_t port, Deadline until,
                                              boost::system::error_code& error) {
  error = {};
  auto addresses = known_addresses(host, port);
  if (!addresses.empty()) co_return addresses;

  using boost::asio::ip::tcp;
  struct Search {
    tcp::resolver resolver;
    boost::asio::steady_timer end;
    bool is_over = false;
    boost::system::error_code error = boost::asio::error::timed_out;
    Addresses found;
  };
  const auto executor = co_await boost::asio::this_coro::executor;
  // Shared with the look-up, which may outlast our interest in it.
  const auto search = std::make_shared<Search>(
      Search{tcp::resolver(executor), boost::asio::steady_timer(executor, until)});
  search->resolver.async_resolve(
      host, std::to_string(port), tcp::resolver::numeric_service,
      [search](boost::system::error_code failure, const tcp::resolver::results_type& results) {
        search->is_over = true;
        search->error = failure;
        for (const auto& result : results) search->found.push_back(result.endpoint());
        search->end.cancel();
      });
  boost::system::error_code woken;
  if (!search->is_over) co_await search->end.async_wait(returning(woken));
  error = search->error;
  if (!error && search->found.empty()) error = boost::asio::error::host_not_found;
  co_return search->found;
}

// When to give an address up so that each of those left gets its share of the time.
inline Deadline share(Deadline until, std::size_t addresses_left) {
  const auto now = std::chrono::steady_clock::now();
  return now +
         (until - now) / static_cast<std::ptrdiff_t>(std::max<std::size_t>(addresses_left, 1));
}

// Small packets go at once, and a peer that has vanished is noticed within a minute.
inline void set_up(boost::asio::ip::tcp::socket& socket) {
  const auto set = [&](int level, int option, int value) {
    ::setsockopt(socket.native_handle(), level, option, &value, sizeof value);
  };
  set(IPPROTO_TCP, TCP_NODELAY, 1);
  set(SOL_SOCKET, SO_KEEPALIVE, 1);
  set(IPPROTO_TCP, TCP_KEEPIDLE, 30);
  set(IPPROTO_TCP, TCP_KEEPINTVL, 10);
  set(IPPROTO_TCP, TCP_KEEPCNT, 3);
  set(IPPROTO_TCP, TCP_USER_TIMEOUT, 60'000);
}

// Connects to the first address that answers.
inline boost::asio::awaitable<void> reach(boost::beast::tcp_stream& stream, std::string host,
                                          std::uint16_t port, Deadline until,
                                          boost::system::error_code& error) {
  const auto addresses = co_await find(std::move(host), port, until, error);
  if (error) co_return;
  for (std::size_t i = 0; i < addresses.size(); ++i) {
    stream.expires_at(share(until, addresses.size() - i));
    co_await stream.async_connect(addresses[i], returning(error));
    if (!error || error == boost::asio::error::operation_aborted) break;
  }
  stream.expires_never();
  if (!error) set_up(stream.socket());
}

}  // namespace hub
