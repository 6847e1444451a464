#include "firmware/boards/linux/mqtt_transport.h"

#include <fmt/format.h>
#include <mosquitto.h>
#include <poll.h>

#include <algorithm>
#include <chrono>

namespace firmware::linux_board {
namespace {

constexpr int keepalive_s = 15;
constexpr std::int64_t retry_ms = 500;
constexpr int max_unconfirmed = 32;
constexpr int packets_at_once = 64;
constexpr std::size_t max_letters = 64;

std::int64_t steady_ms() {
  using namespace std::chrono;
  return duration_cast<milliseconds>(steady_clock::now().time_since_epoch()).count();
}

}  // namespace

MqttTransport::MqttTransport(MqttOptions options)
    : options_(std::move(options)),
      report_topic_(fmt::format("lenz/{}/{}/report", options_.home, options_.device)),
      reply_topic_(fmt::format("lenz/{}/{}/reply", options_.home, options_.device)),
      stored_topic_(fmt::format("lenz/{}/{}/stored", options_.home, options_.device)),
      request_topic_(fmt::format("lenz/{}/{}/request", options_.home, options_.device)) {
  mosquitto_lib_init();
  const auto& user = options_.user.empty() ? options_.device : options_.user;
  const auto& id = options_.client.empty() ? user : options_.client;
  client_.reset(mosquitto_new(id.c_str(), true, this));
  mosquitto_username_pw_set(client_.get(), user.c_str(), options_.password.c_str());
  mosquitto_int_option(client_.get(), MOSQ_OPT_TCP_NODELAY, 1);  // Else packets wait for others.
  mosquitto_connect_callback_set(client_.get(), on_connect);
  mosquitto_disconnect_callback_set(client_.get(), on_disconnect);
  mosquitto_message_callback_set(client_.get(), on_message);
  mosquitto_publish_callback_set(client_.get(), [](mosquitto*, void* self, int) {
    auto& unconfirmed = static_cast<MqttTransport*>(self)->unconfirmed_;
    unconfirmed = std::max(0, unconfirmed - 1);
  });
  mosquitto_max_inflight_messages_set(client_.get(), max_unconfirmed);
}

MqttTransport::~MqttTransport() {
  mosquitto_disconnect(client_.get());
  client_.reset();
  mosquitto_lib_cleanup();
}

void MqttTransport::Destroy::operator()(mosquitto* client) const { mosquitto_destroy(client); }

void MqttTransport::connect() {
  if (steady_ms() < next_try_ms_) return;
  next_try_ms_ = steady_ms() + retry_ms;
  const int code =
      mosquitto_connect(client_.get(), options_.host.c_str(), options_.port, keepalive_s);
  started_ = code == MOSQ_ERR_SUCCESS;
  if (!started_) fail(mosquitto_strerror(code));
}

void MqttTransport::fail(const std::string& why) {
  up_ = false;
  started_ = false;
  unconfirmed_ = 0;
  trouble_ = fmt::format(
      "The broker at {}:{} does not answer ({}): samples are kept and the link is tried again.",
      options_.host, options_.port, why);
}

void MqttTransport::poll(int wait_ms) {
  if (!started_) connect();
  // libmosquitto reads one packet a call, so all that has come takes several.
  int code = MOSQ_ERR_SUCCESS;
  for (int i = 0; i < packets_at_once && code == MOSQ_ERR_SUCCESS; ++i) {
    pollfd watched{.fd = mosquitto_socket(client_.get()), .events = POLLIN, .revents = 0};
    if (i == 0 && mosquitto_want_write(client_.get())) watched.events |= POLLOUT;
    const bool ready = ::poll(&watched, watched.fd >= 0 ? 1u : 0u, i == 0 ? wait_ms : 0) > 0;
    if (!started_) return;
    if (!ready || (watched.revents & ~POLLOUT) == 0) break;
    code = mosquitto_loop_read(client_.get(), 1);
  }
  if (code == MOSQ_ERR_SUCCESS) code = mosquitto_loop_write(client_.get(), 1);
  if (code == MOSQ_ERR_SUCCESS) code = mosquitto_loop_misc(client_.get());
  if (code != MOSQ_ERR_SUCCESS) fail(mosquitto_strerror(code));
}

void MqttTransport::drop() {
  mosquitto_disconnect(client_.get());
  fail("the link was dropped");
}

bool MqttTransport::send(Post post, std::span<const std::uint8_t> bytes) {
  if (!up_ || unconfirmed_ >= max_unconfirmed) return false;
  const auto& topic = post == Post::report ? report_topic_ : reply_topic_;
  const int code = mosquitto_publish(client_.get(), nullptr, topic.c_str(),
                                     static_cast<int>(bytes.size()), bytes.data(), 1, false);
  if (code != MOSQ_ERR_SUCCESS) return false;
  ++unconfirmed_;
  return true;
}

std::optional<MqttTransport::Received> MqttTransport::receive(std::span<std::uint8_t> buffer) {
  if (letters_.empty()) return std::nullopt;
  const auto letter = std::move(letters_.front());
  letters_.pop_front();
  const auto size = std::min(letter.bytes.size(), buffer.size());
  std::copy_n(letter.bytes.begin(), size, buffer.begin());
  return Received{letter.mail, size};
}

void MqttTransport::on_connect(mosquitto* client, void* self, int code) {
  auto& transport = *static_cast<MqttTransport*>(self);
  if (code != 0) return transport.fail(mosquitto_connack_string(code));
  transport.up_ = true;
  transport.trouble_.clear();
  ++transport.connections_;
  mosquitto_subscribe(client, nullptr, transport.stored_topic_.c_str(), 1);
  mosquitto_subscribe(client, nullptr, transport.request_topic_.c_str(), 1);
}

void MqttTransport::on_disconnect(mosquitto*, void* self, int code) {
  auto& transport = *static_cast<MqttTransport*>(self);
  transport.fail(code == 0 ? "the link was ended" : mosquitto_strerror(code));
}

void MqttTransport::on_message(mosquitto*, void* self, const mosquitto_message* message) {
  auto& transport = *static_cast<MqttTransport*>(self);
  auto& letters = transport.letters_;
  // A later answer says at least as much, and a request without a reply is made again.
  if (letters.size() == max_letters) letters.pop_front();
  const auto mail = transport.request_topic_ == message->topic ? Mail::request : Mail::stored;
  const auto* bytes = static_cast<const std::uint8_t*>(message->payload);
  letters.push_back({mail, {bytes, bytes + message->payloadlen}});
}

}  // namespace firmware::linux_board
