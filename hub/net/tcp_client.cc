#include "hub/net/tcp_client.h"

#include <array>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/write.hpp>
#include <deque>
#include <utility>

#include "hub/net/patience.h"
#include "hub/net/reach.h"

namespace hub {
namespace {

namespace asio = boost::asio;
using boost::system::error_code;
using std::chrono::steady_clock;
using namespace std::chrono_literals;

constexpr std::size_t most_unsent = 1 << 20;

// One connection, from the attempt to its end. Shared with what is under way on it.
struct Line {
  explicit Line(asio::io_context& context) : stream(context) {}

  boost::beast::tcp_stream stream;
  bool is_up = false;
  bool is_writing = false;
  std::deque<std::vector<std::uint8_t>> unsent;
  std::size_t unsent_bytes = 0;

  void close() {
    is_up = false;
    stream.close();
  }
};

// Until nothing is left. Of a loss, reading tells.
asio::awaitable<void> write(std::shared_ptr<Line> line) {
  while (line->is_up && !line->unsent.empty()) {
    const auto bytes = std::move(line->unsent.front());
    line->unsent.pop_front();
    error_code error;
    co_await asio::async_write(line->stream, asio::buffer(bytes), returning(error));
    if (error) co_return;
    line->unsent_bytes -= bytes.size();
  }
  line->is_writing = false;
}

}  // namespace

struct TcpClient::Connection {
  using Shared = std::shared_ptr<Connection>;

  Connection(asio::io_context& io, std::string the_host, int the_port, Events the_events)
      : host(std::move(the_host)),
        port(static_cast<std::uint16_t>(the_port)),
        events(std::move(the_events)),
        context(io),
        pause(io) {}

  static asio::awaitable<void> keep_up(Shared);
  static asio::awaitable<std::string> session(Shared, std::shared_ptr<Line>);

  bool send(std::vector<std::uint8_t>);
  void end();

  const std::string host;
  const std::uint16_t port;
  const Events events;
  asio::io_context& context;
  asio::steady_timer pause;
  std::shared_ptr<Line> line;
  bool has_ended = false;
};

asio::awaitable<void> TcpClient::Connection::keep_up(Shared self) {
  co_await asio::post(self->context, asio::use_awaitable);  // Not within the constructor.
  Patience patience(1s, 60s);
  while (!self->has_ended) {
    const auto line = self->line = std::make_shared<Line>(self->context);
    const Deadline until = steady_clock::now() + time_to_connect;
    error_code error;
    co_await reach(line->stream, self->host, self->port, until, error);
    std::string why = phrase(error);
    const auto since = steady_clock::now();
    if (!error && !self->has_ended) why = co_await session(self, line);
    const auto stood = error ? 0ns : steady_clock::now() - since;
    line->close();
    if (self->has_ended) co_return;
    self->events.lost(why);
    if (self->has_ended) co_return;
    self->pause.expires_after(patience.after(stood));
    co_await self->pause.async_wait(returning(error));
  }
}

// From the connection to the loss, whose reason it returns.
asio::awaitable<std::string> TcpClient::Connection::session(Shared self,
                                                            std::shared_ptr<Line> line) {
  line->is_up = true;
  self->events.connected();
  std::array<std::uint8_t, 16384> bytes;
  while (line->is_up) {
    error_code error;
    const std::size_t size =
        co_await line->stream.async_read_some(asio::buffer(bytes), returning(error));
    if (!line->is_up) break;
    if (error) co_return phrase(error);
    self->events.heard(std::span(bytes).first(size));
  }
  co_return "we hung up";
}

bool TcpClient::Connection::send(std::vector<std::uint8_t> bytes) {
  if (!line || !line->is_up || line->unsent_bytes + bytes.size() > most_unsent) return false;
  line->unsent_bytes += bytes.size();
  line->unsent.push_back(std::move(bytes));
  if (!std::exchange(line->is_writing, true)) asio::co_spawn(context, write(line), asio::detached);
  return true;
}

void TcpClient::Connection::end() {
  has_ended = true;
  pause.cancel();
  if (line) line->close();
}

TcpClient::TcpClient(asio::io_context& context, std::string host, int port, Events events)
    : connection_(std::make_shared<Connection>(context, std::move(host), port, std::move(events))) {
  asio::co_spawn(context, Connection::keep_up(connection_), asio::detached);
}

TcpClient::~TcpClient() { connection_->end(); }

bool TcpClient::send(std::vector<std::uint8_t> bytes) {
  return connection_->send(std::move(bytes));
}

void TcpClient::hang_up() {
  if (connection_->line && connection_->line->is_up) connection_->line->close();
}

}  // namespace hub
