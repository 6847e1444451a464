#include "hub/net/mqtt_client.h"

#include <fmt/format.h>
#include <mosquitto.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/posix/stream_descriptor.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <cerrno>
#include <cstring>
#include <map>
#include <utility>

#include "hub/net/beat.h"
#include "hub/net/patience.h"
#include "hub/net/reach.h"

namespace hub {
namespace {

namespace asio = boost::asio;
using asio::posix::stream_descriptor;
using boost::system::error_code;
using std::chrono::steady_clock;
using namespace std::chrono_literals;

constexpr int keepalive_s = 15;
constexpr int packets_at_once = 64;  // That are heard together.
constexpr auto tick = 500ms;         // Between looks at what is due: keep-alives, time limits.
constexpr unsigned most_in_flight = 1000;   // Messages that the broker has not confirmed.
constexpr std::size_t bytes_besides = 100;  // That a message takes besides topic and payload.

struct Destroy {
  void operator()(mosquitto* client) const { mosquitto_destroy(client); }
};

// One TCP connection as Asio sees it. Shared with the waits on it, which may end after it.
struct Line {
  explicit Line(asio::any_io_executor executor) : socket(executor), wake(executor) {}

  stream_descriptor socket;  // A second name of libmosquitto's, which it may close at any time.
  asio::steady_timer wake;
  bool is_readable = false, is_writable = false;
  bool awaits_reading = false, awaits_writing = false;
};

void await(const std::shared_ptr<Line>& line, stream_descriptor::wait_type what, bool Line::*awaits,
           bool Line::*is_ready) {
  if (*line.*awaits || *line.*is_ready) return;
  *line.*awaits = true;
  line->socket.async_wait(what, [line, awaits, is_ready](error_code) {
    *line.*awaits = false;
    *line.*is_ready = true;
    line->wake.cancel();
  });
}

// For as long as nothing is ready, at most until then.
asio::awaitable<void> sleep(std::shared_ptr<Line> line, Deadline until) {
  if (line->is_readable || line->is_writable) co_return;
  line->wake.expires_at(until);
  error_code woken;
  co_await line->wake.async_wait(returning(woken));
}

}  // namespace

struct MqttClient::Connection : std::enable_shared_from_this<Connection> {
  using Shared = std::shared_ptr<Connection>;

  Connection(asio::io_context& io, MqttLogin the_login, Events the_events)
      : context(io), login(std::move(the_login)), events(std::move(the_events)), pause(io) {
    mosquitto_lib_init();
  }
  ~Connection() {
    client.reset();
    mosquitto_lib_cleanup();
  }

  static asio::awaitable<void> keep_up(Shared);
  static asio::awaitable<std::string> session(Shared);
  static asio::awaitable<std::string> connect(Shared, asio::ip::tcp::endpoint, Deadline);
  static asio::awaitable<std::string> talk(Shared, Deadline answer_until);

  void make_client();
  void hang_up();
  std::string read();
  std::string write();
  bool has_more();
  std::string why(int code);
  void on_connected(int code);
  void on_heard(const mosquitto_message&);
  void on_confirmed(int id);
  bool publish(std::string_view topic, std::string_view payload, bool retain);
  void end();

  asio::io_context& context;
  const MqttLogin login;
  const Events events;
  asio::steady_timer pause;
  std::unique_ptr<mosquitto, Destroy> client;  // A new one each time: it keeps nothing for later.
  std::shared_ptr<Line> line;
  bool is_up = false;
  bool has_ended = false;
  bool has_heard = false;  // Something of which the end has not been told.
  std::string refusal;
  steady_clock::time_point up_since;
  std::map<int, std::size_t> unconfirmed;  // Bytes of each message.
  std::size_t unconfirmed_bytes = 0;
};

asio::awaitable<void> MqttClient::Connection::keep_up(Shared self) {
  const bool is_near = is_this_machine(self->login.host);
  co_await asio::post(self->context, asio::use_awaitable);  // Not within the constructor.
  Patience patience(is_near ? 500ms : 1000ms, is_near ? 500ms : 30'000ms);
  while (!self->has_ended) {
    const std::string why = co_await session(self);
    const auto stood =
        std::exchange(self->is_up, false) ? steady_clock::now() - self->up_since : 0s;
    self->hang_up();
    if (self->has_ended) co_return;
    self->events.lost(why);
    if (self->has_ended) co_return;
    self->pause.expires_after(patience.after(stood));
    error_code woken;
    co_await self->pause.async_wait(returning(woken));
  }
}

// From the first attempt to the loss, whose reason it returns.
asio::awaitable<std::string> MqttClient::Connection::session(Shared self) {
  const Deadline until = steady_clock::now() + time_to_connect;
  error_code error;
  const Addresses addresses =
      co_await find(self->login.host, static_cast<std::uint16_t>(self->login.port), until, error);
  if (error) co_return fmt::format("its name cannot be looked up: {}", phrase(error));
  std::string why;
  for (std::size_t i = 0; i < addresses.size() && !self->has_ended; ++i) {
    const Deadline until_next = share(until, addresses.size() - i);
    why = co_await connect(self, addresses[i], until_next);
    if (why.empty()) break;
  }
  if (!why.empty() || self->has_ended) co_return why;
  why = co_await talk(self, until);
  co_return why;
}

// Empty: the TCP connection stands.
asio::awaitable<std::string> MqttClient::Connection::connect(Shared self,
                                                             asio::ip::tcp::endpoint address,
                                                             Deadline until) {
  self->hang_up();
  self->make_client();
  const auto host = address.address().to_string();
  const int code =
      mosquitto_connect_async(self->client.get(), host.c_str(), address.port(), keepalive_s);
  if (code != MOSQ_ERR_SUCCESS) co_return self->why(code);

  self->line = std::make_shared<Line>(self->context.get_executor());
  error_code error;
  self->line->socket.assign(::dup(mosquitto_socket(self->client.get())), error);
  if (error) co_return error.message();
  await(self->line, stream_descriptor::wait_write, &Line::awaits_writing, &Line::is_writable);
  co_await sleep(self->line, until);
  if (self->has_ended) co_return "";
  if (!self->line->is_writable) co_return "it does not answer";

  int failure = 0;
  socklen_t size = sizeof failure;
  ::getsockopt(self->line->socket.native_handle(), SOL_SOCKET, SO_ERROR, &failure, &size);
  co_return failure ? std::strerror(failure) : "";
}

asio::awaitable<std::string> MqttClient::Connection::talk(Shared self, Deadline answer_until) {
  const auto line = self->line;
  std::string why;
  while (why.empty()) {
    await(line, stream_descriptor::wait_read, &Line::awaits_reading, &Line::is_readable);
    if (mosquitto_want_write(self->client.get())) {
      await(line, stream_descriptor::wait_write, &Line::awaits_writing, &Line::is_writable);
    }
    co_await sleep(line, next_beat(tick));
    if (self->has_ended) co_return "";

    if (std::exchange(line->is_readable, false)) why = self->read();
    if (self->has_ended) co_return "";
    if (why.empty() && std::exchange(line->is_writable, false)) why = self->write();
    if (why.empty()) why = self->why(mosquitto_loop_misc(self->client.get()));
    if (why.empty() && mosquitto_socket(self->client.get()) < 0) why = "the connection was lost";
    if (why.empty() && !self->is_up && steady_clock::now() > answer_until) {
      why = "it takes the connection and says nothing";
    }
  }
  co_return why;
}

void MqttClient::Connection::make_client() {
  refusal.clear();
  const auto* id = login.client_id.empty() ? nullptr : login.client_id.c_str();
  client.reset(mosquitto_new(id, true, this));
  if (!login.user.empty()) {
    mosquitto_username_pw_set(client.get(), login.user.c_str(), login.password.c_str());
  }
  if (login.will) {
    const auto& [topic, payload] = *login.will;
    mosquitto_will_set(client.get(), topic.c_str(), static_cast<int>(payload.size()),
                       payload.data(), 1, true);
  }
  // Else a run of answers waits for one round trip after the other.
  mosquitto_max_inflight_messages_set(client.get(), most_in_flight);
  mosquitto_int_option(client.get(), MOSQ_OPT_TCP_NODELAY, 1);  // Else each answer waits 40 ms.
  mosquitto_connect_callback_set(client.get(), [](auto*, void* self, int code) {
    static_cast<Connection*>(self)->on_connected(code);
  });
  mosquitto_message_callback_set(client.get(), [](auto*, void* self, const auto* message) {
    static_cast<Connection*>(self)->on_heard(*message);
  });
  mosquitto_publish_callback_set(client.get(), [](auto*, void* self, int id_of_message) {
    static_cast<Connection*>(self)->on_confirmed(id_of_message);
  });
}

std::string MqttClient::Connection::read() {
  // libmosquitto reads one packet a call, whatever it is told.
  int code = mosquitto_loop_read(client.get(), 1);
  for (int i = 1; i < packets_at_once && code == MOSQ_ERR_SUCCESS && has_more(); ++i) {
    code = mosquitto_loop_read(client.get(), 1);
  }
  const auto trouble = why(code);
  if (std::exchange(has_heard, false) && !has_ended && events.heard_all) events.heard_all();
  return trouble;
}

std::string MqttClient::Connection::write() {
  if (!mosquitto_want_write(client.get())) return {};
  return why(mosquitto_loop_write(client.get(), 1));
}

bool MqttClient::Connection::has_more() {
  pollfd watched{.fd = mosquitto_socket(client.get()), .events = POLLIN, .revents = 0};
  return !has_ended && watched.fd >= 0 && poll(&watched, 1, 0) > 0;
}

std::string MqttClient::Connection::why(int code) {
  if (code == MOSQ_ERR_SUCCESS) return {};
  if (code == MOSQ_ERR_ERRNO) return std::strerror(errno);
  return refusal.empty() ? mosquitto_strerror(code) : refusal;
}

void MqttClient::Connection::on_connected(int code) {
  if (code != 0) {
    refusal = mosquitto_connack_string(code);
    return;
  }
  is_up = true;
  up_since = steady_clock::now();
  for (const auto& topic : login.topics) {
    mosquitto_subscribe(client.get(), nullptr, topic.c_str(), 1);
  }
  if (!has_ended && events.connected) events.connected();
}

void MqttClient::Connection::on_heard(const mosquitto_message& message) {
  if (has_ended || !events.heard) return;
  has_heard = true;
  events.heard({.topic = message.topic,
                .payload = {static_cast<const char*>(message.payload),
                            static_cast<std::size_t>(message.payloadlen)},
                .is_retained = message.retain});
}

void MqttClient::Connection::on_confirmed(int id) {
  if (const auto sent = unconfirmed.extract(id)) unconfirmed_bytes -= sent.mapped();
}

bool MqttClient::Connection::publish(std::string_view topic, std::string_view payload,
                                     bool retain) {
  const auto bytes = topic.size() + payload.size() + bytes_besides;
  if (!is_up || unconfirmed_bytes + bytes > most_unsent) return false;
  int id = 0;
  const int code = mosquitto_publish(client.get(), &id, std::string(topic).c_str(),
                                     static_cast<int>(payload.size()), payload.data(), 1, retain);
  if (code != MOSQ_ERR_SUCCESS) return false;
  unconfirmed[id] += bytes;
  unconfirmed_bytes += bytes;
  line->wake.cancel();
  return true;
}

void MqttClient::Connection::hang_up() {
  if (line) {
    error_code ignored;
    line->socket.close(ignored);
    line->wake.cancel();
  }
  line.reset();
  client.reset();
  unconfirmed.clear();
  unconfirmed_bytes = 0;
}

// The client itself ends with the coroutine: it may be what calls us.
void MqttClient::Connection::end() {
  has_ended = true;
  pause.cancel();
  // A broker forgets the will of who says goodbye; but that we are gone is what it is to tell.
  if (is_up && !login.will) mosquitto_disconnect(client.get());
  is_up = false;
  if (line) {
    error_code ignored;
    line->socket.close(ignored);
    line->wake.cancel();
  }
}

MqttClient::MqttClient(asio::io_context& context, MqttLogin login, Events events)
    : connection_(std::make_shared<Connection>(context, std::move(login), std::move(events))) {
  asio::co_spawn(context, Connection::keep_up(connection_), asio::detached);
}

MqttClient::~MqttClient() { connection_->end(); }

bool MqttClient::is_connected() const { return connection_->is_up; }

bool MqttClient::publish(std::string_view topic, std::string_view payload, bool retain) {
  return connection_->publish(topic, payload, retain);
}

}  // namespace hub
