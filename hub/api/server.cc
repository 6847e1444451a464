#include "hub/api/server.h"

#include <fmt/format.h>

#include <array>
#include <boost/asio.hpp>
#include <boost/beast/core.hpp>
#include <boost/beast/http.hpp>
#include <deque>
#include <iostream>
#include <limits>
#include <set>
#include <stdexcept>

namespace hub {
namespace {

namespace asio = boost::asio;
namespace beast = boost::beast;
namespace http = boost::beast::http;
using asio::ip::tcp;
using boost::system::error_code;
using namespace std::chrono_literals;

constexpr std::uint64_t most_at_once = 65'536;  // That is read of a body.

constexpr std::array<std::pair<std::string_view, std::string_view>, 5> headers_of_every_answer = {{
    {"Content-Security-Policy",
     "default-src 'self'; style-src 'self' 'unsafe-inline'; img-src 'self' data:; "
     "frame-ancestors 'none'; base-uri 'none'; form-action 'none'"},
    {"X-Content-Type-Options", "nosniff"},
    {"Referrer-Policy", "no-referrer"},
    {"Cross-Origin-Opener-Policy", "same-origin"},
    {"Cross-Origin-Resource-Policy", "same-origin"},
}};

// One header's value; text that no check accepts when it came more than once.
std::string_view only(const http::fields& fields, http::field name) {
  const auto [begin, end] = fields.equal_range(name);
  if (begin == end) return {};
  if (std::next(begin) != end) return "sent twice";
  return {begin->value().data(), begin->value().size()};
}

Request request_of(const http::request<http::string_body>& message, std::string_view address) {
  return {
      .method = {message.method_string().data(), message.method_string().size()},
      .target = {message.target().data(), message.target().size()},
      .host = only(message, http::field::host),
      .origin = only(message, http::field::origin),
      .accept = only(message, http::field::accept),
      .content_type = only(message, http::field::content_type),
      .cookie = only(message, http::field::cookie),
      .authorization = only(message, http::field::authorization),
      .if_none_match = only(message, http::field::if_none_match),
      .content_encoding = only(message, http::field::content_encoding),
      .body = message.body(),
      .address = address,
  };
}

template <class Message>
void put_headers(Message& message, const Response& response) {
  const auto view = [](std::string_view text) {
    return beast::string_view(text.data(), text.size());
  };
  message.result(response.status);
  message.set(http::field::cache_control, "no-store");
  for (const auto& [name, value] : headers_of_every_answer) message.set(view(name), view(value));
  if (!response.content_type.empty()) {
    message.set(http::field::content_type, view(response.content_type));
  }
  for (const auto& [name, value] : response.headers) message.set(view(name), view(value));
}

http::response<http::string_body> message_of(Response&& response, unsigned version, bool keep_alive,
                                             bool is_head) {
  http::response<http::string_body> message;
  message.version(version);
  put_headers(message, response);
  message.keep_alive(keep_alive);
  if (response.status != 204 && response.status != 304) {
    message.content_length(response.body.size());
  }
  if (!is_head) message.body() = std::move(response.body);
  return message;
}

// What to say about a request that could not be read; nothing when nobody is there to be told.
std::optional<Response> complaint(error_code error) {
  if (error == http::error::end_of_stream || error == http::error::partial_message) {
    return std::nullopt;
  }
  if (error == http::error::header_limit || error == http::error::buffer_overflow) {
    return refusal(431, "The request's header is too long.");
  }
  if (error == http::error::body_limit) return refusal(413, "The request's body is too long.");
  if (error.category() != make_error_code(http::error::bad_method).category()) return std::nullopt;
  return refusal(400, "This is not a well-formed HTTP request.");
}

Response answer_of(const Routes& routes, const Request& request) {
  try {
    return routes.answer(request);
  } catch (const std::exception& failure) {
    std::clog << fmt::format("The answer to {} {} failed: {}\n", request.method,
                             request.target.substr(0, request.target.find('?')), failure.what());
    return refusal(500, "The hub failed to answer this; its log says why.");
  }
}

// Shared, since the watch for its end may be the last to let go of it.
struct Connection {
  explicit Connection(tcp::socket socket)
      : stream(std::move(socket)), wake(stream.get_executor()) {}

  beast::tcp_stream stream;

  // For a live stream.
  std::shared_ptr<void> subscription;
  std::deque<std::string> queue;
  std::size_t queued_bytes = 0;
  bool is_over = false;
  asio::steady_timer wake;

  void close() {
    subscription = {};
    is_over = true;
    error_code ignored;
    stream.socket().close(ignored);
    wake.cancel();
  }
};

}  // namespace

struct Listening {
  Listening(asio::io_context& io, const Routes& routes_, ServerLimits limits_)
      : acceptor(io), routes(&routes_), limits(limits_) {}

  tcp::acceptor acceptor;
  const Routes* routes;  // Null once the server has ended.
  const ServerLimits limits;
  std::set<Connection*> connections;
  std::size_t listeners = 0;
};

namespace {

using SharedListening = std::shared_ptr<Listening>;
using SharedConnection = std::shared_ptr<Connection>;

auto returning(error_code& error) { return asio::redirect_error(asio::use_awaitable, error); }

asio::awaitable<bool> write(SharedListening listening, SharedConnection connection,
                            http::response<http::string_body> message) {
  error_code error;
  connection->stream.expires_after(listening->limits.idle);
  co_await http::async_write(connection->stream, message, returning(error));
  co_return !error && listening->routes;
}

// Closing while the other end still sends would take the answer from it; so what comes is read and
// dropped for a short while.
asio::awaitable<void> hang_up(SharedConnection connection) {
  error_code error;
  connection->stream.socket().shutdown(tcp::socket::shutdown_send, error);
  connection->stream.expires_after(1s);
  std::array<char, 4096> dropped;
  for (std::size_t bytes = 0; !error && bytes < 1024 * 1024;) {
    bytes += co_await connection->stream.async_read_some(asio::buffer(dropped), returning(error));
  }
}

// Called while the feed tells all its listeners, when none may leave: one that is too slow is only
// cut off, and its coroutine takes it away later.
void enqueue(Connection& connection, std::string text, std::size_t most_bytes) {
  connection.queued_bytes += text.size();
  if (connection.queued_bytes > most_bytes) {
    connection.is_over = true;
    error_code ignored;
    connection.stream.socket().close(ignored);
  } else {
    connection.queue.push_back(std::move(text));
  }
  connection.wake.cancel();
}

// A listener says nothing more, so anything readable is its end.
void watch_for_end(SharedConnection connection) {
  auto& socket = connection->stream.socket();
  socket.async_wait(tcp::socket::wait_read, [connection = std::move(connection)](error_code) {
    connection->is_over = true;
    connection->wake.cancel();
  });
}

asio::awaitable<bool> send_queue(SharedListening listening, SharedConnection connection,
                                 const Stream& stream) {
  while (!connection->queue.empty()) {
    if (!stream.may_go_on()) co_return false;
    const std::string text = std::move(connection->queue.front());
    connection->queue.pop_front();
    error_code error;
    connection->stream.expires_after(listening->limits.idle);
    co_await asio::async_write(connection->stream, asio::buffer(text), returning(error));
    connection->queued_bytes -= text.size();
    if (error || connection->is_over || !listening->routes) co_return false;
  }
  co_return true;
}

asio::awaitable<void> send_stream(SharedListening listening, SharedConnection connection,
                                  Response response, unsigned version) {
  http::response<http::empty_body> head;
  head.version(version);
  put_headers(head, response);
  head.keep_alive(false);  // The stream ends with the connection.
  error_code error;
  connection->stream.expires_after(listening->limits.idle);
  co_await http::async_write(connection->stream, head, returning(error));
  if (error.failed() && error != http::error::end_of_stream) co_return;
  if (!listening->routes) co_return;

  const Stream& stream = *response.stream;
  connection->subscription =
      stream.start([&to = *connection, most_bytes = listening->limits.queued_bytes](
                       std::string text) { enqueue(to, std::move(text), most_bytes); });
  watch_for_end(connection);
  while (!connection->is_over) {
    const bool sent = co_await send_queue(listening, connection, stream);
    if (!sent) co_return;
    connection->wake.expires_after(listening->limits.heartbeat);
    error_code woken;
    co_await connection->wake.async_wait(returning(woken));
    if (!listening->routes) co_return;
    if (!woken) enqueue(*connection, ": still here\n\n", listening->limits.queued_bytes);
  }
}

asio::awaitable<void> listen(SharedListening listening, SharedConnection connection,
                             Response response, unsigned version) {
  if (listening->listeners >= listening->limits.listeners) {
    auto refused = refusal(503, "Too many pages listen already: close some.");
    const bool written = co_await write(listening, connection,
                                        message_of(std::move(refused), version, false, false));
    if (written) co_await hang_up(connection);
    co_return;
  }
  ++listening->listeners;
  co_await send_stream(listening, connection, std::move(response), version);
  --listening->listeners;
  connection->close();
}

// What comes of a later answer; the hub's own end is one too.
asio::awaitable<Response> wait_for(SharedListening listening, SharedConnection connection,
                                   Response response) {
  const auto answer = std::make_shared<std::optional<Response>>();
  response.later([answer, connection](Response given) {
    *answer = std::move(given);
    connection->wake.cancel();
  });
  while (!*answer && listening->routes) {
    connection->wake.expires_after(listening->limits.idle);
    error_code woken;
    co_await connection->wake.async_wait(returning(woken));
  }
  co_return *answer ? std::move(**answer) : refusal(503, "The hub ends.");
}

// A body that is longer than usual is read only when the one who sends it may.
std::optional<Response> make_room(const Listening& listening, std::string_view address,
                                  http::request_parser<http::string_body>& parser) {
  auto most = listening.limits.body_bytes;
  const auto length = parser.content_length();
  if (parser.chunked() || (length && *length > most)) {
    auto allowed = listening.routes->most_body_bytes(request_of(parser.get(), address));
    if (!allowed && length) return std::move(allowed.error());
    if (allowed) most = std::max<std::uint64_t>(most, *allowed);
  }
  if (length && *length > most) return complaint(http::error::body_limit);
  parser.body_limit(most);
  return std::nullopt;
}

// Some hold a long body back until they are told that it will be read.
asio::awaitable<void> ask_for_body(SharedConnection connection,
                                   const http::request<http::string_body>& message) {
  if (!beast::iequals(message[http::field::expect], "100-continue")) co_return;
  error_code error;
  constexpr std::string_view go_on = "HTTP/1.1 100 Continue\r\n\r\n";
  co_await asio::async_write(connection->stream, asio::buffer(go_on), returning(error));
}

// One request and its answer; false: the connection ends.
asio::awaitable<bool> serve_one(SharedListening listening, SharedConnection connection,
                                beast::flat_buffer& buffer, std::string_view address) {
  http::request_parser<http::string_body> parser;
  parser.header_limit(listening->limits.header_bytes);
  parser.body_limit(std::numeric_limits<std::uint64_t>::max());  // Until the header is known.
  error_code error;
  connection->stream.expires_after(listening->limits.idle);
  co_await http::async_read_header(connection->stream, buffer, parser, returning(error));
  if (!listening->routes) co_return false;
  std::optional<Response> refused;
  if (!error) refused = make_room(*listening, address, parser);
  if (!error && !refused) {
    co_await ask_for_body(connection, parser.get());
    // A buffer that is empty stays as small as it is, and so do the pieces that are read into it.
    buffer.reserve(std::min<std::uint64_t>(parser.content_length().value_or(0), most_at_once));
    co_await http::async_read(connection->stream, buffer, parser, returning(error));
    if (!listening->routes) co_return false;
  }
  if (error || refused) {
    if (!refused) refused = complaint(error);
    if (!refused) co_return false;
    const bool written =
        co_await write(listening, connection, message_of(std::move(*refused), 11, false, false));
    if (written) co_await hang_up(connection);
    co_return false;
  }

  const auto& message = parser.get();
  const auto request = request_of(message, address);
  auto response = answer_of(*listening->routes, request);
  if (response.stream) {
    co_await listen(listening, connection, std::move(response), message.version());
    co_return false;
  }
  if (response.later) {
    response = co_await wait_for(listening, connection, std::move(response));
    if (!listening->routes) co_return false;
  }
  const bool keep_alive = message.keep_alive();
  auto out = message_of(std::move(response), message.version(), keep_alive,
                        message.method() == http::verb::head);
  const bool written = co_await write(listening, connection, std::move(out));
  if (written && !keep_alive) co_await hang_up(connection);
  co_return written&& keep_alive;
}

asio::awaitable<void> serve(SharedListening listening, SharedConnection connection) {
  error_code error;
  const auto peer = connection->stream.socket().remote_endpoint(error);
  const std::string address = error ? "" : peer.address().to_string();
  beast::flat_buffer buffer(listening->limits.header_bytes + listening->limits.body_bytes);
  for (bool goes_on = true; goes_on;) {
    goes_on = co_await serve_one(listening, connection, buffer, address);
  }
  connection->close();
  listening->connections.erase(connection.get());
}

// Without waiting: a connection too many must not take any time of the others.
void turn_away(tcp::socket socket) {
  error_code ignored;
  socket.non_blocking(true, ignored);
  socket.write_some(asio::buffer(std::string_view(
                        "HTTP/1.1 503 Service Unavailable\r\nContent-Length: 0\r\n"
                        "X-Content-Type-Options: nosniff\r\nConnection: close\r\n\r\n")),
                    ignored);
}

asio::awaitable<void> accept(SharedListening listening) {
  const auto executor = co_await asio::this_coro::executor;
  asio::steady_timer pause(executor);
  while (listening->routes) {
    tcp::socket socket(executor);
    error_code error;
    co_await listening->acceptor.async_accept(socket, returning(error));
    if (!listening->routes) co_return;
    if (error) {
      // Out of file handles, most likely: trying again at once would only burn the processor.
      pause.expires_after(100ms);
      co_await pause.async_wait(returning(error));
    } else if (listening->connections.size() >= listening->limits.connections) {
      turn_away(std::move(socket));
    } else {
      socket.set_option(tcp::no_delay(true), error);
      auto connection = std::make_shared<Connection>(std::move(socket));
      listening->connections.insert(connection.get());
      asio::co_spawn(executor, serve(listening, std::move(connection)), asio::detached);
    }
  }
}

void open(tcp::acceptor& acceptor, const std::string& address, std::uint16_t port) {
  error_code error;
  const auto ip = asio::ip::make_address(address, error);
  if (error || !ip.is_loopback()) {
    throw std::runtime_error(
        fmt::format("Lenz cannot listen on {}: until TLS is configured it listens on this machine "
                    "only, so give "
                    "127.0.0.1 or ::1.",
                    address));
  }
  const tcp::endpoint endpoint(ip, port);
  acceptor.open(endpoint.protocol(), error);
  if (!error) acceptor.set_option(tcp::acceptor::reuse_address(true), error);
  if (!error) acceptor.bind(endpoint, error);
  if (!error) acceptor.listen(asio::socket_base::max_listen_connections, error);
  if (error) {
    throw std::runtime_error(
        fmt::format("Port {} of {} cannot be opened ({}): stop the program that uses it, or choose "
                    "another port (0 takes a free one).",
                    port, address, error.message()));
  }
}

}  // namespace

Server::Server(boost::asio::io_context& io, const Routes& routes, const std::string& address,
               std::uint16_t port, ServerLimits limits)
    : listening_(std::make_shared<Listening>(io, routes, limits)) {
  open(listening_->acceptor, address, port);
  asio::co_spawn(io, accept(listening_), asio::detached);
}

Server::~Server() {
  listening_->routes = nullptr;
  error_code ignored;
  listening_->acceptor.close(ignored);
  for (auto* connection : listening_->connections) connection->close();
}

std::uint16_t Server::port() const { return listening_->acceptor.local_endpoint().port(); }

}  // namespace hub
