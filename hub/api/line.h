// A connection that is plain or, after a handshake, under TLS: to Asio and Beast one kind of
// stream.

#pragma once

#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/ssl/context.hpp>
#include <boost/beast/core/tcp_stream.hpp>
#include <boost/beast/ssl/ssl_stream.hpp>
#include <optional>
#include <utility>

namespace hub {

class Line {
 public:
  using Tls = boost::beast::ssl_stream<boost::beast::tcp_stream&>;
  using executor_type = boost::beast::tcp_stream::executor_type;

  explicit Line(boost::asio::ip::tcp::socket socket) : tcp_(std::move(socket)) {}

  executor_type get_executor() { return tcp_.get_executor(); }

  // What carries it, with the time limit of either kind.
  boost::beast::tcp_stream& tcp() { return tcp_; }

  // From here on all goes through this, whose handshake the caller makes.
  Tls& begin_tls(boost::asio::ssl::context& context) { return tls_.emplace(tcp_, context); }
  Tls* tls() { return tls_ ? &*tls_ : nullptr; }

  template <class Buffers, class Token>
  auto async_read_some(const Buffers& buffers, Token&& token) {
    return tls_ ? tls_->async_read_some(buffers, std::forward<Token>(token))
                : tcp_.async_read_some(buffers, std::forward<Token>(token));
  }
  template <class Buffers, class Token>
  auto async_write_some(const Buffers& buffers, Token&& token) {
    return tls_ ? tls_->async_write_some(buffers, std::forward<Token>(token))
                : tcp_.async_write_some(buffers, std::forward<Token>(token));
  }

 private:
  boost::beast::tcp_stream tcp_;
  std::optional<Tls> tls_;
};

}  // namespace hub
