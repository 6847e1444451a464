#include "lenz/meter_line.h"

#include <fmt/format.h>

#include <boost/asio/io_context.hpp>
#include <optional>
#include <random>
#include <stdexcept>

#include "hub/meter_requests.h"
#include "hub/net/mqtt_client.h"
#include "measurement/request_codec.h"

namespace lenz {

using namespace std::chrono_literals;
using measurement::Reply;
using measurement::Request;

namespace {

constexpr auto ask_again_every = 2s;

std::uint64_t draw() {
  std::random_device random;
  return std::uint64_t{random()} << 32 | random() | 1;  // Not 0.
}

}  // namespace

struct MeterLine::Connection {
  Connection(const hub::BrokerAddress& broker, const std::string& home, const std::string& name)
      : device(name),
        topic(fmt::format("lenz/{}/{}/", home, name)),
        mqtt(context, broker.login({topic + "reply"}),
             {.connected = [] {},
              .heard = [this](const hub::MqttMessage& message) { hear(message.payload); },
              .heard_all = [] {},
              .lost = [this](const std::string& why) { trouble = why; }}) {}

  void hear(std::string_view payload) {
    measurement::DecodedReply decoded;
    const std::span bytes(reinterpret_cast<const std::uint8_t*>(payload.data()), payload.size());
    if (!measurement::decode_reply(bytes, decoded) || decoded.reply.id != waited_for) return;
    if (decoded.reply.outcome == Reply::Outcome::busy) return;  // It is asked again.
    firmware.assign(decoded.reply.diagnostics.firmware);
    reply = decoded.reply;
    reply->diagnostics.firmware = firmware;
  }

  std::string device, topic, trouble, firmware;
  std::uint64_t waited_for = 0;
  std::optional<Reply> reply;
  boost::asio::io_context context;
  hub::MqttClient mqtt;
};

MeterLine::MeterLine(const hub::BrokerAddress& broker, std::string home, std::string device)
    : connection_(std::make_unique<Connection>(broker, home, device)) {}

MeterLine::~MeterLine() = default;

Reply MeterLine::ask(Request request, std::chrono::seconds patience) {
  auto& connection = *connection_;
  request.id = connection.waited_for = draw();
  connection.reply.reset();
  std::array<std::uint8_t, measurement::max_request_bytes> bytes;
  const auto size = measurement::encode(request, bytes);
  if (!size) throw std::runtime_error(measurement::sentence(size.error()));
  const std::string_view payload(reinterpret_cast<const char*>(bytes.data()), *size);
  const auto end = std::chrono::steady_clock::now() + patience +
                   request.windows * hub::MeterRequests::longest_window;
  auto next = std::chrono::steady_clock::now();
  bool was_sent = false;
  while (!connection.reply && std::chrono::steady_clock::now() < end) {
    if (std::chrono::steady_clock::now() >= next && connection.mqtt.is_connected()) {
      was_sent = connection.mqtt.publish(connection.topic + "request", payload, false) || was_sent;
      next += ask_again_every;
    }
    connection.context.run_for(50ms);
    connection.context.restart();
  }
  if (connection.reply) return *connection.reply;
  if (!was_sent) {
    throw std::runtime_error(
        fmt::format("The hub's broker does not answer ({}): see that `lenz hub` runs.",
                    connection.trouble.empty() ? "no connection" : connection.trouble));
  }
  throw std::runtime_error(fmt::format(
      "The meter {} does not reply: see that it is on, and that its firmware takes requests.",
      connection.device));
}

}  // namespace lenz
