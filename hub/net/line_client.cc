#include "hub/net/line_client.h"

#include <fmt/format.h>

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/read_until.hpp>
#include <boost/asio/write.hpp>
#include <cassert>
#include <optional>

#include "hub/net/reach.h"
#include "hub/net/secure.h"

namespace hub {
namespace {

namespace asio = boost::asio;
using boost::system::error_code;
using std::chrono::steady_clock;
using Outcome = std::expected<void, std::string>;

}  // namespace

struct LineClient::Connection {
  using Shared = std::shared_ptr<Connection>;

  explicit Connection(asio::io_context& io) : context(io) {}

  static asio::awaitable<void> run(Shared, LineTalk, std::chrono::milliseconds limit, Done);
  static asio::awaitable<std::string> exchange(Shared, LineTalk, Deadline);
  static asio::awaitable<std::string> begin_tls(Shared, std::string host, Deadline);
  template <class Stream>
  static asio::awaitable<std::string> lines(Shared, Stream&, LineTalk&, LineStep&);

  void close() {
    if (secure) secure->next_layer().close();
    if (plain) plain->close();
  }

  asio::io_context& context;
  std::shared_ptr<asio::ssl::context> tls;
  std::optional<boost::beast::tcp_stream> plain;
  std::optional<SecureStream> secure;
  std::string heard;  // And not yet taken.
  bool is_busy = false;
  bool has_ended = false;
};

asio::awaitable<void> LineClient::Connection::run(Shared self, LineTalk talk,
                                                  std::chrono::milliseconds limit, Done done) {
  co_await asio::post(self->context, asio::use_awaitable);  // Never within talk().
  const auto server = fmt::format("{}:{}", talk.host, talk.port);
  std::string why;
  try {
    why = co_await exchange(self, std::move(talk), steady_clock::now() + limit);
  } catch (const std::exception& failure) {
    why = failure.what();
  }
  self->close();
  self->secure.reset();
  self->plain.reset();
  self->heard.clear();
  self->is_busy = false;
  if (self->has_ended) co_return;
  done(why.empty() ? Outcome()
                   : std::unexpected(fmt::format("{} does not answer: {}.", server, why)));
}

// Until a step that asks for TLS or ends; empty: it came.
template <class Stream>
asio::awaitable<std::string> LineClient::Connection::lines(Shared self, Stream& stream,
                                                           LineTalk& talk, LineStep& step) {
  error_code error;
  for (;;) {
    if (!step.say.empty()) {
      co_await asio::async_write(stream, asio::buffer(step.say), returning(error));
      if (error) co_return phrase(error);
    }
    if (step.must_secure || step.is_end) co_return "";
    const auto size = co_await asio::async_read_until(
        stream, asio::dynamic_buffer(self->heard, longest_line), '\n', returning(error));
    if (error == asio::error::not_found) co_return "its line is too long";
    if (error) co_return phrase(error);
    if (self->has_ended) co_return "";
    auto line = self->heard.substr(0, size - 1);
    self->heard.erase(0, size);
    if (line.ends_with('\r')) line.pop_back();
    step = talk.next(line);
  }
}

asio::awaitable<std::string> LineClient::Connection::begin_tls(Shared self, std::string host,
                                                               Deadline until) {
  // What was said in the clear before TLS stood could be anybody's.
  if (!self->heard.empty()) co_return "it spoke on before the connection was secure";
  self->tls = trusting_the_system();
  self->secure.emplace(std::move(*self->plain), *self->tls);
  self->plain.reset();
  expect(*self->secure, host);
  self->secure->next_layer().expires_at(until);
  error_code error;
  co_await self->secure->async_handshake(asio::ssl::stream_base::client, returning(error));
  co_return error ? reason(*self->secure, error) : "";
}

asio::awaitable<std::string> LineClient::Connection::exchange(Shared self, LineTalk talk,
                                                              Deadline until) {
  error_code error;
  self->plain.emplace(self->context);
  co_await reach(*self->plain, talk.host, static_cast<std::uint16_t>(talk.port),
                 std::min(until, steady_clock::now() + time_to_connect), error);
  if (error) co_return phrase(error);
  if (self->has_ended) co_return "";
  self->plain->expires_at(until);
  LineStep step;
  if (!talk.is_secure) {
    auto why = co_await lines(self, *self->plain, talk, step);
    if (!why.empty() || !step.must_secure || self->has_ended) co_return why;
  }
  auto why = co_await begin_tls(self, talk.host, until);
  if (!why.empty() || self->has_ended) co_return why;
  step = talk.is_secure ? LineStep{} : talk.next("");
  co_return co_await lines(self, *self->secure, talk, step);
}

LineClient::LineClient(asio::io_context& context)
    : connection_(std::make_shared<Connection>(context)) {}

LineClient::~LineClient() {
  connection_->has_ended = true;
  connection_->close();
}

void LineClient::talk(LineTalk talk, std::chrono::milliseconds limit, Done done) {
  assert(!connection_->is_busy && "BUG: a talk is begun while another is under way");
  connection_->is_busy = true;
  asio::co_spawn(connection_->context,
                 Connection::run(connection_, std::move(talk), limit, std::move(done)),
                 asio::detached);
}

}  // namespace hub
