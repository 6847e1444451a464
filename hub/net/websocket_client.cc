#include "hub/net/websocket_client.h"

#include <fmt/format.h>

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/post.hpp>
#include <boost/beast/core/flat_buffer.hpp>
#include <boost/beast/ssl.hpp>
#include <boost/beast/websocket.hpp>
#include <boost/beast/websocket/ssl.hpp>
#include <deque>
#include <utility>

#include "hub/net/patience.h"
#include "hub/net/reach.h"
#include "hub/net/secure.h"
#include "hub/net/server_url.h"

namespace hub {
namespace {

namespace asio = boost::asio;
namespace beast = boost::beast;
namespace websocket = boost::beast::websocket;
using boost::system::error_code;
using std::chrono::steady_clock;
using namespace std::chrono_literals;

constexpr std::size_t most_unsent = 16 << 20;
constexpr std::size_t most_heard = 64 << 20;
constexpr std::size_t most_kept = 1 << 20;  // Of a buffer, from one message to the next.

using Plain = websocket::stream<beast::tcp_stream>;
using Secure = websocket::stream<SecureStream>;

// One connection, from the attempt to its end. Shared with what is under way on it.
struct Line {
  virtual ~Line() = default;
  virtual beast::tcp_stream& tcp() = 0;
  virtual void start_writing() = 0;

  bool is_up = false;
  bool is_writing = false;
  std::deque<std::string> unsent;
  std::size_t unsent_bytes = 0;

  void close() {
    is_up = false;
    tcp().close();
  }
};

template <class Socket>
struct LineOf;

// Until nothing is left. Of a loss, reading tells.
template <class Socket>
asio::awaitable<void> write(std::shared_ptr<LineOf<Socket>> line) {
  while (line->is_up && !line->unsent.empty()) {
    const auto text = std::move(line->unsent.front());
    line->unsent.pop_front();
    error_code error;
    co_await line->socket.async_write(asio::buffer(text), returning(error));
    if (error) co_return;
    line->unsent_bytes -= text.size();
  }
  line->is_writing = false;
}

template <class Socket>
struct LineOf final : Line, std::enable_shared_from_this<LineOf<Socket>> {
  template <class... Arguments>
  explicit LineOf(Arguments&... arguments) : socket(arguments...) {}

  beast::tcp_stream& tcp() override { return beast::get_lowest_layer(socket); }
  void start_writing() override {
    asio::co_spawn(tcp().get_executor(), write(this->shared_from_this()), asio::detached);
  }

  Socket socket;
};

// Of the socket's own layers; empty: they stand.
asio::awaitable<std::string> secure(Plain&, const std::string&, Deadline) { co_return ""; }

asio::awaitable<std::string> secure(Secure& socket, const std::string& host, Deadline until) {
  expect(socket.next_layer(), host);
  beast::get_lowest_layer(socket).expires_at(until);
  error_code error;
  co_await socket.next_layer().async_handshake(asio::ssl::stream_base::client, returning(error));
  co_return error ? reason(socket.next_layer(), error) : "";
}

template <class Socket>
asio::awaitable<std::string> open(std::shared_ptr<LineOf<Socket>> line, const ServerUrl& url) {
  const Deadline until = steady_clock::now() + time_to_connect;
  error_code error;
  co_await reach(line->tcp(), url.host, url.port, until, error);
  if (error) co_return phrase(error);
  const std::string why = co_await secure(line->socket, url.host, until);
  if (!why.empty()) co_return why;

  line->tcp().expires_never();  // From here on the WebSocket has time limits of its own.
  line->socket.set_option(websocket::stream_base::timeout{
      .handshake_timeout = time_to_connect,
      .idle_timeout = 60s,  // Asked whether it is still there after half of it.
      .keep_alive_pings = true});
  line->socket.set_option(websocket::stream_base::decorator([](websocket::request_type& request) {
    request.set(beast::http::field::user_agent, "Lenz");
  }));
  line->socket.read_message_max(most_heard);
  co_await line->socket.async_handshake(url.authority, url.target, returning(error));
  if (error == websocket::error::upgrade_declined) co_return "it does not speak WebSocket there";
  co_return error ? phrase(error) : "";
}

}  // namespace

struct WebSocketClient::Connection {
  using Shared = std::shared_ptr<Connection>;

  Connection(asio::io_context& io, std::string the_url, Events the_events)
      : address(std::move(the_url)), events(std::move(the_events)), context(io), pause(io) {}

  static asio::awaitable<void> keep_up(Shared);
  template <class Socket>
  static asio::awaitable<std::string> session(Shared, std::shared_ptr<LineOf<Socket>>,
                                              const ServerUrl&, steady_clock::duration& stood);
  template <class Socket>
  static asio::awaitable<std::string> talk(Shared, std::shared_ptr<LineOf<Socket>>);

  bool send(std::string);
  void end();

  const std::string address;
  const Events events;
  asio::io_context& context;
  asio::steady_timer pause;
  std::shared_ptr<Line> line;
  bool has_ended = false;
};

asio::awaitable<void> WebSocketClient::Connection::keep_up(Shared self) {
  co_await asio::post(self->context, asio::use_awaitable);  // Not within the constructor.
  const auto url = parse_url(self->address, "ws");
  if (!url) {
    if (!self->has_ended) self->events.lost(url.error());
    co_return;
  }
  const auto tls = url->is_secure ? trusting_the_system() : nullptr;
  Patience patience(1s, 60s);
  while (!self->has_ended) {
    steady_clock::duration stood{};
    std::string why;
    if (tls) {
      const auto line = std::make_shared<LineOf<Secure>>(self->context, *tls);
      why = co_await session(self, line, *url, stood);
    } else {
      const auto line = std::make_shared<LineOf<Plain>>(self->context);
      why = co_await session(self, line, *url, stood);
    }
    if (self->has_ended) co_return;
    self->events.lost(why);
    if (self->has_ended) co_return;
    self->pause.expires_after(patience.after(stood));
    error_code woken;
    co_await self->pause.async_wait(returning(woken));
  }
}

// From the attempt to the loss, whose reason it returns.
template <class Socket>
asio::awaitable<std::string> WebSocketClient::Connection::session(
    Shared self, std::shared_ptr<LineOf<Socket>> line, const ServerUrl& url,
    steady_clock::duration& stood) {
  self->line = line;
  std::string why = co_await open(line, url);
  if (why.empty() && !self->has_ended) {
    const auto since = steady_clock::now();
    why = co_await talk(self, line);
    stood = steady_clock::now() - since;
  }
  line->close();
  co_return why;
}

template <class Socket>
asio::awaitable<std::string> WebSocketClient::Connection::talk(
    Shared self, std::shared_ptr<LineOf<Socket>> line) {
  line->is_up = true;
  self->events.connected();
  beast::flat_buffer buffer;
  while (line->is_up) {
    error_code error;
    co_await line->socket.async_read(buffer, returning(error));
    if (!line->is_up) break;
    if (error == websocket::error::closed) co_return "the other end hung up";
    if (error == websocket::error::message_too_big) {
      co_return fmt::format("it sent more than {} bytes at once", most_heard);
    }
    if (error) co_return phrase(error);
    if (line->socket.got_text()) {
      self->events.heard({static_cast<const char*>(buffer.data().data()), buffer.size()});
    }
    buffer.consume(buffer.size());
    if (buffer.capacity() > most_kept) buffer.shrink_to_fit();
  }
  co_return "we hung up";
}

bool WebSocketClient::Connection::send(std::string text) {
  if (!line || !line->is_up || line->unsent_bytes + text.size() > most_unsent) return false;
  line->unsent_bytes += text.size();
  line->unsent.push_back(std::move(text));
  if (!std::exchange(line->is_writing, true)) line->start_writing();
  return true;
}

void WebSocketClient::Connection::end() {
  has_ended = true;
  pause.cancel();
  if (line) line->close();
}

WebSocketClient::WebSocketClient(asio::io_context& context, std::string url, Events events)
    : connection_(std::make_shared<Connection>(context, std::move(url), std::move(events))) {
  asio::co_spawn(context, Connection::keep_up(connection_), asio::detached);
}

WebSocketClient::~WebSocketClient() { connection_->end(); }

bool WebSocketClient::send(std::string text) { return connection_->send(std::move(text)); }

void WebSocketClient::hang_up() {
  if (connection_->line && connection_->line->is_up) connection_->line->close();
}

}  // namespace hub
