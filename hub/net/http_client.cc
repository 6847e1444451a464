#include "hub/net/http_client.h"

#include <fmt/format.h>
#include <sys/socket.h>

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/post.hpp>
#include <boost/beast/core/flat_buffer.hpp>
#include <boost/beast/http.hpp>
#include <cassert>
#include <cerrno>
#include <optional>

#include "hub/net/reach.h"
#include "hub/net/secure.h"
#include "hub/net/server_url.h"

namespace hub {
namespace {

namespace asio = boost::asio;
namespace beast = boost::beast;
namespace http = boost::beast::http;
using boost::system::error_code;
using std::chrono::steady_clock;
using Message = http::request<http::string_body>;
using Answer = std::expected<HttpAnswer, std::string>;

constexpr std::size_t most_at_once = 1 << 20;  // Of what is read and not yet taken.
constexpr std::size_t most_header = 64 << 10;

// A connection to one server.
struct Line {
  Line(asio::io_context& context, const ServerUrl& url, asio::ssl::context* tls) : server(url) {
    if (tls) {
      secure.emplace(context, *tls);
    } else {
      plain.emplace(context);
    }
  }

  const ServerUrl server;
  std::optional<beast::tcp_stream> plain;
  std::optional<SecureStream> secure;
  beast::flat_buffer buffer{most_header + most_at_once};

  beast::tcp_stream& tcp() { return secure ? secure->next_layer() : *plain; }

  bool leads_to(const ServerUrl& url) const {
    return url.is_secure == server.is_secure && url.authority == server.authority;
  }

  // Servers end connections that are idle: then something can be read, their goodbye.
  bool is_alive() {
    char byte = 0;
    const auto size = ::recv(tcp().socket().native_handle(), &byte, 1, MSG_PEEK | MSG_DONTWAIT);
    return (size < 0 && (errno == EAGAIN || errno == EWOULDBLOCK)) || (size > 0 && secure);
  }
};

Message message_of(HttpRequest&& request, const ServerUrl& url) {
  const auto view = [](const std::string& text) { return beast::string_view(text); };
  Message message;
  message.version(11);
  message.method_string(view(request.method));
  message.target(view(url.target));
  message.set(http::field::host, view(url.authority));
  message.set(http::field::user_agent, "Lenz");
  for (const auto& [name, value] : request.headers) message.set(view(name), view(value));
  message.body() = std::move(request.body);
  message.prepare_payload();
  return message;
}

// Whether the connection may be used again is left in `keep`.
template <class Stream>
asio::awaitable<HttpAnswer> talk(Stream& stream, beast::flat_buffer& buffer, const Message& message,
                                 std::size_t most_body, bool& keep, error_code& error) {
  keep = false;
  co_await http::async_write(stream, message, returning(error));
  // A server that has heard enough answers before it has read all.
  if (error == beast::error::timeout) co_return HttpAnswer{};
  http::response_parser<http::string_body> parser;
  parser.header_limit(most_header);
  parser.body_limit(most_body);
  parser.skip(message.method() == http::verb::head);
  const bool is_written = !error;
  // Header and body at once would forget that the body is too long where some of it is there
  // already (Boost 1.74).
  co_await http::async_read_header(stream, buffer, parser, returning(error));
  if (!error) co_await http::async_read(stream, buffer, parser, returning(error));
  if (error) co_return HttpAnswer{};
  auto response = parser.release();
  keep = is_written && response.keep_alive() && buffer.size() == 0;
  co_return HttpAnswer{response.result_int(), std::move(response.body())};
}

std::string complaint(const ServerUrl& url, const error_code& error, std::size_t most_body,
                      std::chrono::milliseconds limit) {
  if (error == http::error::body_limit) {
    return fmt::format("The answer of {} is longer than {} bytes.", url.authority, most_body);
  }
  if (error == http::error::end_of_stream || error == http::error::partial_message ||
      error == asio::error::connection_reset || error == asio::ssl::error::stream_truncated) {
    return fmt::format("{} hung up in the middle of its answer.", url.authority);
  }
  if (error == beast::error::timeout || error == asio::error::timed_out) {
    return fmt::format("{} did not answer within {:.3g} s.", url.authority,
                       static_cast<double>(limit.count()) / 1000);
  }
  return fmt::format("{} does not answer: {}.", url.authority, phrase(error));
}

}  // namespace

struct HttpClient::Connection {
  using Shared = std::shared_ptr<Connection>;

  explicit Connection(asio::io_context& io) : context(io) {}

  static asio::awaitable<void> run(Shared, HttpRequest, std::chrono::milliseconds limit, Done);
  static asio::awaitable<Answer> exchange(Shared, HttpRequest, std::chrono::milliseconds limit);
  static asio::awaitable<std::string> connect(Shared, std::shared_ptr<Line>, Deadline);

  std::shared_ptr<Line> fresh_line(const ServerUrl&);

  asio::io_context& context;
  std::shared_ptr<asio::ssl::context> tls;  // From the first https:// on; its streams use it.
  std::shared_ptr<Line> line;               // Shared with the exchange under way.
  bool is_busy = false;
  bool has_ended = false;
};

asio::awaitable<void> HttpClient::Connection::run(Shared self, HttpRequest request,
                                                  std::chrono::milliseconds limit, Done done) {
  co_await asio::post(self->context, asio::use_awaitable);  // Never within send().
  Answer answer;
  try {
    answer = co_await exchange(self, std::move(request), limit);
  } catch (const std::exception& failure) {
    self->line.reset();
    answer = std::unexpected(fmt::format("A request cannot be sent: {}.", failure.what()));
  }
  self->is_busy = false;
  if (!self->has_ended) done(std::move(answer));
}

asio::awaitable<Answer> HttpClient::Connection::exchange(Shared self, HttpRequest request,
                                                         std::chrono::milliseconds limit) {
  const Deadline until = steady_clock::now() + limit;
  const auto url = parse_url(request.url, "http");
  if (!url) co_return std::unexpected(url.error());

  if (!self->line || !self->line->leads_to(*url) || !self->line->is_alive()) {
    self->line = self->fresh_line(*url);
    const Deadline until_connected = std::min(until, steady_clock::now() + time_to_connect);
    const std::string why = co_await connect(self, self->line, until_connected);
    if (!why.empty()) {
      self->line.reset();
      co_return std::unexpected(fmt::format("{} does not answer: {}.", url->authority, why));
    }
  }
  const auto line = self->line;
  if (self->has_ended) co_return std::unexpected("");

  const auto most_body = request.most_answer;
  const Message message = message_of(std::move(request), *url);
  line->tcp().expires_at(until);
  bool keep = false;
  error_code error;
  HttpAnswer answer;
  if (line->secure) {
    answer = co_await talk(*line->secure, line->buffer, message, most_body, keep, error);
  } else {
    answer = co_await talk(*line->plain, line->buffer, message, most_body, keep, error);
  }
  line->tcp().expires_never();
  if (!keep) self->line.reset();
  if (error) co_return std::unexpected(complaint(*url, error, most_body, limit));
  co_return answer;
}

// Empty: the connection stands.
asio::awaitable<std::string> HttpClient::Connection::connect(Shared self,
                                                             std::shared_ptr<Line> line,
                                                             Deadline until) {
  error_code error;
  co_await reach(line->tcp(), line->server.host, line->server.port, until, error);
  if (error) co_return phrase(error);
  if (self->has_ended || !line->secure) co_return "";
  expect(*line->secure, line->server.host);
  line->tcp().expires_at(until);
  co_await line->secure->async_handshake(asio::ssl::stream_base::client, returning(error));
  co_return error ? reason(*line->secure, error) : "";
}

std::shared_ptr<Line> HttpClient::Connection::fresh_line(const ServerUrl& url) {
  if (url.is_secure && !tls) tls = trusting_the_system();
  return std::make_shared<Line>(context, url, url.is_secure ? tls.get() : nullptr);
}

HttpClient::HttpClient(asio::io_context& context)
    : connection_(std::make_shared<Connection>(context)) {}

HttpClient::~HttpClient() {
  connection_->has_ended = true;
  if (connection_->line) connection_->line->tcp().close();
}

void HttpClient::send(HttpRequest request, std::chrono::milliseconds limit, Done done) {
  assert(!connection_->is_busy && "BUG: a request is sent while another is under way");
  connection_->is_busy = true;
  asio::co_spawn(connection_->context,
                 Connection::run(connection_, std::move(request), limit, std::move(done)),
                 asio::detached);
}

}  // namespace hub
