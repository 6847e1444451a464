#include "hub/api/server.h"

#include <fmt/format.h>
#include <poll.h>

#include <array>
#include <boost/asio.hpp>
#include <boost/asio/ssl.hpp>
#include <boost/beast/core.hpp>
#include <boost/beast/http.hpp>
#include <deque>
#include <iostream>
#include <limits>
#include <set>
#include <stdexcept>

#include "hub/api/line.h"
#include "hub/api/url.h"

namespace hub {
namespace {

namespace asio = boost::asio;
namespace beast = boost::beast;
namespace http = boost::beast::http;
namespace ssl = boost::asio::ssl;
using asio::ip::tcp;
using boost::system::error_code;
using namespace std::chrono_literals;

constexpr std::uint64_t most_at_once = 65'536;  // That is read of a body.
// Of the hub's thread, for an answer that is made in pieces: short answers are made without a
// pause.
constexpr std::chrono::milliseconds turn{5};

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

// What `make` gives; a refusal where it fails.
template <class Make>
std::invoke_result_t<Make&> answer_of(const Request& request, Make&& make) {
  try {
    return make();
  } catch (const std::exception& failure) {
    std::clog << fmt::format("The answer to {} {} failed: {}\n", request.method,
                             request.target.substr(0, request.target.find('?')), failure.what());
    return refusal(500, "The hub failed to answer this; its log says why.");
  }
}

// Shared, since the watch for its end may be the last to let go of it.
struct Connection {
  Connection(tcp::socket socket, std::string address_)
      : stream(std::move(socket)), address(std::move(address_)), wake(stream.get_executor()) {}

  Line stream;
  const std::string address;
  Way way = Way::here;

  // For a live stream.
  std::shared_ptr<void> subscription;
  std::deque<std::string> queue;
  std::size_t queued_bytes = 0;
  bool is_over = false;
  asio::steady_timer wake;

  // The other end is gone, or says nothing more.
  bool is_left() {
    pollfd end{.fd = stream.tcp().socket().native_handle(), .events = POLLRDHUP, .revents = 0};
    return ::poll(&end, 1, 0) != 0;
  }

  void close() {
    subscription = {};
    is_over = true;
    error_code ignored;
    stream.tcp().socket().close(ignored);
    wake.cancel();
  }
};

Request request_of(const http::request<http::string_body>& message, const Connection& connection) {
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
      .address = connection.address,
      .way = connection.way,
  };
}

}  // namespace

struct Listening {
  Listening(asio::io_context& io, const Routes& routes_, ServerLimits limits_)
      : acceptor(io), routes(&routes_), limits(limits_) {}

  std::size_t connections_of(const std::string& address) const {
    return static_cast<std::size_t>(
        std::ranges::count(connections, address, [](auto* one) { return one->address; }));
  }

  tcp::acceptor acceptor;
  std::shared_ptr<ssl::context> tls;                  // Null: plain.
  std::chrono::steady_clock::time_point handshake{};  // When the next one is due at the earliest.
  const Routes* routes;                               // Null once the server has ended.
  const ServerLimits limits;
  std::set<Connection*> connections;
  std::size_t listeners = 0;
  std::deque<Connection*> line;  // For an answer that is made in pieces, one answer at a time.
};

namespace {

using SharedListening = std::shared_ptr<Listening>;
using SharedConnection = std::shared_ptr<Connection>;

auto returning(error_code& error) { return asio::redirect_error(asio::use_awaitable, error); }

asio::awaitable<bool> write(SharedListening listening, SharedConnection connection,
                            http::response<http::string_body> message) {
  error_code error;
  connection->stream.tcp().expires_after(listening->limits.idle);
  co_await http::async_write(connection->stream, message, returning(error));
  co_return !error && listening->routes;
}

// Closing while the other end still sends would take the answer from it; so what comes is read and
// dropped for a short while. Under TLS the end is said first, else the answer might be cut short.
asio::awaitable<void> hang_up(SharedConnection connection) {
  error_code error;
  auto& tcp = connection->stream.tcp();
  tcp.expires_after(1s);
  if (auto* tls = connection->stream.tls()) co_await tls->async_shutdown(returning(error));
  tcp.socket().shutdown(tcp::socket::shutdown_send, error);
  std::array<char, 4096> dropped;
  for (std::size_t bytes = 0; !error && bytes < 1024 * 1024;) {
    bytes += co_await tcp.async_read_some(asio::buffer(dropped), returning(error));
  }
}

// Called while the feed tells all its listeners, when none may leave: one that is too slow is only
// cut off, and its coroutine takes it away later.
void enqueue(Connection& connection, std::string text, std::size_t most_bytes) {
  connection.queued_bytes += text.size();
  if (connection.queued_bytes > most_bytes) {
    connection.is_over = true;
    error_code ignored;
    connection.stream.tcp().socket().close(ignored);
  } else {
    connection.queue.push_back(std::move(text));
  }
  connection.wake.cancel();
}

// A listener says nothing more, so anything readable is its end; under TLS, too.
void watch_for_end(SharedConnection connection) {
  auto& socket = connection->stream.tcp().socket();
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
    connection->stream.tcp().expires_after(listening->limits.idle);
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
  connection->stream.tcp().expires_after(listening->limits.idle);
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

// As many pieces as fit in a turn; then all else has as much time as they took, however many wait
// for such answers. Nothing: nobody waits for this one any more.
asio::awaitable<std::optional<Response>> make(SharedListening listening,
                                              SharedConnection connection, const Request& request,
                                              Pieces pieces) {
  auto& line = listening->line;
  line.push_back(connection.get());
  std::optional<Response> answer;
  while (listening->routes && !connection->is_left()) {
    asio::steady_timer::duration pause = 1s;  // Or until it is the first's turn.
    if (line.front() == connection.get()) {
      const auto begin = std::chrono::steady_clock::now();
      do {
        answer = answer_of(request, pieces);
        pause = std::chrono::steady_clock::now() - begin;
      } while (!answer && pause < turn);
      if (answer) break;
    }
    connection->wake.expires_after(pause);
    error_code woken;
    co_await connection->wake.async_wait(returning(woken));
  }
  std::erase(line, connection.get());
  if (!line.empty()) line.front()->wake.cancel();
  co_return answer;
}

// A body that is longer than usual is read only when the one who sends it may.
std::optional<Response> make_room(const Listening& listening, const Connection& connection,
                                  http::request_parser<http::string_body>& parser) {
  auto most = listening.limits.body_bytes;
  const auto length = parser.content_length();
  if (parser.chunked() || (length && *length > most)) {
    auto allowed = listening.routes->most_body_bytes(request_of(parser.get(), connection));
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
                                beast::flat_buffer& buffer) {
  http::request_parser<http::string_body> parser;
  parser.header_limit(listening->limits.header_bytes);
  parser.body_limit(std::numeric_limits<std::uint64_t>::max());  // Until the header is known.
  error_code error;
  connection->stream.tcp().expires_after(listening->limits.idle);
  co_await http::async_read_header(connection->stream, buffer, parser, returning(error));
  if (!listening->routes) co_return false;
  std::optional<Response> refused;
  if (!error) refused = make_room(*listening, *connection, parser);
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
  const auto request = request_of(message, *connection);
  auto response = answer_of(request, [&] { return listening->routes->answer(request); });
  if (response.pieces) {
    auto made = co_await make(listening, connection, request, std::move(response.pieces));
    if (!made) co_return false;
    response = std::move(*made);
  }
  if (response.stream) {
    co_await listen(listening, connection, std::move(response), message.version());
    co_return false;
  }
  if (response.later) {
    response = co_await wait_for(listening, connection, std::move(response));
    if (!listening->routes) co_return false;
  }
  const bool keep_alive = message.keep_alive() && connection->way != Way::plain;
  auto out = message_of(std::move(response), message.version(), keep_alive,
                        message.method() == http::verb::head);
  const bool written = co_await write(listening, connection, std::move(out));
  if (written && !keep_alive) co_await hang_up(connection);
  co_return written&& keep_alive;
}

// Finds out whether TLS is spoken, and begins it; false: nobody is there, or no handshake comes of
// it. What was read of a plain request is left in the buffer.
asio::awaitable<bool> greet(SharedListening listening, SharedConnection connection,
                            beast::flat_buffer& buffer) {
  error_code error;
  auto& tcp = connection->stream.tcp();
  tcp.expires_after(listening->limits.handshake);
  const bool is_tls = co_await beast::async_detect_ssl(tcp, buffer, returning(error));
  connection->way = is_tls ? Way::tls : Way::plain;
  if (error || !listening->routes || !is_tls) co_return !error && listening->routes;
  auto& tls = connection->stream.begin_tls(*listening->tls);
  const auto used =
      co_await tls.async_handshake(ssl::stream_base::server, buffer.data(), returning(error));
  buffer.consume(used);
  co_return !error && listening->routes;
}

asio::awaitable<void> serve(SharedListening listening, SharedConnection connection) {
  beast::flat_buffer buffer(listening->limits.header_bytes + listening->limits.body_bytes);
  bool goes_on = !listening->tls || co_await greet(listening, connection, buffer);
  while (goes_on) goes_on = co_await serve_one(listening, connection, buffer);
  connection->close();
  listening->connections.erase(connection.get());
}

// Without waiting: a connection too many must not take any time of the others. By TLS nothing can
// be said before a handshake, so it is only closed.
void turn_away(tcp::socket socket) {
  error_code ignored;
  socket.non_blocking(true, ignored);
  socket.write_some(asio::buffer(std::string_view(
                        "HTTP/1.1 503 Service Unavailable\r\nContent-Length: 0\r\n"
                        "X-Content-Type-Options: nosniff\r\nConnection: close\r\n\r\n")),
                    ignored);
}

bool has_room(const Listening& listening, const std::string& address) {
  return listening.connections.size() < listening.limits.connections &&
         (!listening.tls ||
          listening.connections_of(address) < listening.limits.connections_of_address);
}

// When the next connection may be taken.
std::chrono::steady_clock::time_point paced(Listening& listening) {
  const auto& limits = listening.limits;
  const auto each = std::chrono::nanoseconds(1s) / limits.handshakes_per_s;
  const auto saved = each * static_cast<std::int64_t>(limits.connections);
  listening.handshake = std::max(listening.handshake, std::chrono::steady_clock::now() - saved);
  return listening.handshake += each;
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
      continue;
    }
    const auto peer = socket.remote_endpoint(error);
    auto address = error ? "" : counted_address(peer.address().to_string());
    if (!has_room(*listening, address)) {
      if (!listening->tls) turn_away(std::move(socket));
      continue;
    }
    socket.set_option(tcp::no_delay(true), error);
    auto connection = std::make_shared<Connection>(std::move(socket), std::move(address));
    listening->connections.insert(connection.get());
    asio::co_spawn(executor, serve(listening, std::move(connection)), asio::detached);
    if (listening->tls) {
      pause.expires_at(paced(*listening));
      co_await pause.async_wait(returning(error));
    }
  }
}

tcp::endpoint loopback(const std::string& address, std::uint16_t port) {
  error_code error;
  const auto ip = asio::ip::make_address(address, error);
  if (error || !ip.is_loopback()) {
    throw std::runtime_error(
        fmt::format("Lenz cannot listen on {}: without TLS it listens on this machine only, so "
                    "give 127.0.0.1 or ::1.",
                    address));
  }
  return {ip, port};
}

void open(tcp::acceptor& acceptor, tcp::endpoint endpoint) {
  error_code error;
  acceptor.open(endpoint.protocol(), error);
  if (error == asio::error::address_family_not_supported && endpoint.address().is_unspecified()) {
    endpoint = {tcp::v4(), endpoint.port()};  // A machine without IPv6.
    acceptor.open(endpoint.protocol(), error);
  }
  if (!error) acceptor.set_option(tcp::acceptor::reuse_address(true), error);
  if (!error && endpoint.address().is_unspecified() && endpoint.address().is_v6()) {
    acceptor.set_option(asio::ip::v6_only(false), error);
  }
  if (!error) acceptor.bind(endpoint, error);
  if (!error) acceptor.listen(asio::socket_base::max_listen_connections, error);
  if (error) {
    throw std::runtime_error(
        fmt::format("Port {} of {} cannot be opened ({}): stop the program that uses it, or choose "
                    "another port (0 takes a free one).",
                    endpoint.port(), endpoint.address().to_string(), error.message()));
  }
}

std::expected<std::shared_ptr<ssl::context>, std::string> tls_of(const TlsCertificate& shown) {
  auto tls = std::make_shared<ssl::context>(ssl::context::tls_server);
  auto* native = tls->native_handle();
  SSL_CTX_set_min_proto_version(native, TLS1_2_VERSION);
  SSL_CTX_set_options(native, SSL_OP_NO_RENEGOTIATION | SSL_OP_NO_COMPRESSION);
  SSL_CTX_set_cipher_list(native, "ECDHE+AESGCM:ECDHE+CHACHA20");  // Of TLS 1.2.
  SSL_CTX_set_session_cache_mode(native, SSL_SESS_CACHE_OFF);  // The other end keeps its ticket.
  error_code error;
  tls->use_certificate_chain(asio::buffer(shown.chain), error);
  if (error)
    return std::unexpected("The certificate is none: it must be PEM, its chain behind it.");
  // Else OpenSSL asks for one at the terminal, and waits.
  tls->set_password_callback([](auto, auto) { return std::string(); });
  tls->use_private_key(asio::buffer(shown.key), ssl::context::pem, error);
  if (error) {
    return std::unexpected(
        "The key is none, or another certificate's: it must be PEM, without a password.");
  }
  return tls;
}

}  // namespace

Server::Server(asio::io_context& io, const Routes& routes, const std::string& address,
               std::uint16_t port, ServerLimits limits)
    : listening_(std::make_shared<Listening>(io, routes, limits)) {
  open(listening_->acceptor, loopback(address, port));
  asio::co_spawn(io, accept(listening_), asio::detached);
}

Server::Server(asio::io_context& io, const Routes& routes, const TlsCertificate& certificate,
               const std::string& address, std::uint16_t port, ServerLimits limits)
    : listening_(std::make_shared<Listening>(io, routes, limits)) {
  const auto shown = show(certificate);
  if (!shown) throw std::runtime_error(shown.error());
  error_code error;
  const auto ip = address.empty() ? asio::ip::address(asio::ip::address_v6::any())
                                  : asio::ip::make_address(address, error);
  if (error) {
    throw std::runtime_error(
        fmt::format("\"{}\" is no address: give one of this machine's, or none for all.", address));
  }
  open(listening_->acceptor, {ip, port});
  asio::co_spawn(io, accept(listening_), asio::detached);
}

Server::~Server() {
  listening_->routes = nullptr;
  error_code ignored;
  listening_->acceptor.close(ignored);
  for (auto* connection : listening_->connections) connection->close();
}

std::uint16_t Server::port() const { return listening_->acceptor.local_endpoint().port(); }

std::expected<void, std::string> Server::show(const TlsCertificate& certificate) {
  auto made = tls_of(certificate);
  if (!made) return std::unexpected(std::move(made.error()));
  listening_->tls = *std::move(made);
  return {};
}

}  // namespace hub
