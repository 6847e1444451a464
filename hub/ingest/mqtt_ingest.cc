#include "hub/ingest/mqtt_ingest.h"

#include <fmt/format.h>
#include <mosquitto.h>
#include <poll.h>

#include <array>
#include <boost/asio/io_context.hpp>
#include <boost/asio/posix/stream_descriptor.hpp>
#include <boost/asio/steady_timer.hpp>
#include <map>
#include <span>

#include "measurement/report_codec.h"

namespace hub {
namespace {

namespace asio = boost::asio;
using asio::posix::stream_descriptor;
using measurement::Sample;

constexpr int keepalive_s = 15;
constexpr int packets_at_once = 64;  // That share one commit.
constexpr auto tick = std::chrono::milliseconds(500);

// "lenz/home/meter-1/report" -> "meter-1"
std::string_view device_of(std::string_view topic) {
  const auto end = topic.rfind('/');
  const auto begin = topic.rfind('/', end - 1) + 1;
  return topic.substr(begin, end - begin);
}

}  // namespace

struct MqttIngest::Client {
  Client(asio::io_context& context, Hub& the_hub, std::string the_home, BrokerAddress address,
         std::function<measurement::Timestamp()> clock,
         std::function<void(const std::string&)> speaker)
      : hub(the_hub),
        home(std::move(the_home)),
        broker(std::move(address)),
        now(std::move(clock)),
        say(std::move(speaker)),
        socket(context),
        timer(context) {
    mosquitto_lib_init();
    client = mosquitto_new("lenz-hub", true, this);
    mosquitto_username_pw_set(client, broker.user.c_str(), broker.password.c_str());
    mosquitto_int_option(client, MOSQ_OPT_TCP_NODELAY, 1);  // Else each answer waits 40 ms.
    mosquitto_connect_callback_set(
        client, [](auto*, void* self, int code) { static_cast<Client*>(self)->connected(code); });
    mosquitto_message_callback_set(client, [](auto*, void* self, const auto* message) {
      static_cast<Client*>(self)->heard(*message);
    });
    connect();
    beat();
  }

  ~Client() {
    release();
    mosquitto_disconnect(client);
    mosquitto_destroy(client);
    mosquitto_lib_cleanup();
  }

  void complain(const std::string& kind, const std::string& text) {
    auto& last = complained[kind];
    const auto time = now();
    if (time - last < std::chrono::minutes(1) && time >= last) return;
    last = time;
    say(text);
  }

  void connect() {
    release();
    const int code = mosquitto_connect(client, broker.host.c_str(), broker.port, keepalive_s);
    if (code != MOSQ_ERR_SUCCESS) return lost(mosquitto_strerror(code));
    socket.assign(mosquitto_socket(client));
    watch();
    write();
  }

  void lost(const char* why) {
    release();
    complain("broker", fmt::format("The broker at {}:{} does not answer ({}): meters keep their "
                                   "samples; check that it runs. Trying again.",
                                   broker.host, broker.port, why));
  }

  // The descriptor is mosquitto's: it closes it.
  void release() {
    if (socket.is_open()) socket.release();
  }

  void connected(int code) {
    if (code != 0) return lost(mosquitto_connack_string(code));
    complained.erase("broker");
    const auto topic = fmt::format("lenz/{}/+/report", home);
    mosquitto_subscribe(client, nullptr, topic.c_str(), 1);
    if (const auto all = hub.all_stored()) {
      for (const auto& one : *all) acknowledge(one, true);
    }
  }

  void watch() {
    socket.async_wait(stream_descriptor::wait_read, [this](boost::system::error_code error) {
      if (error) return;
      // libmosquitto reads one packet a call, whatever it is told.
      int code = mosquitto_loop_read(client, 1);
      for (int i = 1; i < packets_at_once && code == MOSQ_ERR_SUCCESS && is_readable(); ++i) {
        code = mosquitto_loop_read(client, 1);
      }
      confirm();
      if (code != MOSQ_ERR_SUCCESS) return lost(mosquitto_strerror(code));
      write();
      watch();
    });
  }

  bool is_readable() {
    pollfd watched{.fd = mosquitto_socket(client), .events = POLLIN, .revents = 0};
    return watched.fd >= 0 && poll(&watched, 1, 0) > 0;
  }

  void write() {
    if (!socket.is_open() || !mosquitto_want_write(client)) return;
    socket.async_wait(stream_descriptor::wait_write, [this](boost::system::error_code error) {
      if (error) return;
      mosquitto_loop_write(client, 1);
      write();
    });
  }

  void beat() {
    timer.expires_after(tick);
    timer.async_wait([this](boost::system::error_code error) {
      if (error) return;
      if (!socket.is_open()) {
        connect();
      } else if (const int code = mosquitto_loop_misc(client); code != MOSQ_ERR_SUCCESS) {
        lost(mosquitto_strerror(code));
      }
      write();
      beat();
    });
  }

  void heard(const mosquitto_message& message) {
    const std::span bytes(static_cast<const std::uint8_t*>(message.payload),
                          static_cast<std::size_t>(message.payloadlen));
    const std::string device(device_of(message.topic));
    const auto decoded = measurement::decode(bytes, samples);
    if (!decoded) return refuse(device, measurement::sentence(decoded.error()));
    if (decoded->header.device != device) {
      return refuse(device, "It speaks in the name of another meter.");
    }
    const auto accepted =
        hub.accept({decoded->header, std::span(samples).first(decoded->count)}, now());
    if (!accepted) refuse(device, sentence(accepted.error()));
    pending = true;
  }

  void refuse(const std::string& device, const char* why) {
    ++refused;
    complain("refused " + device, fmt::format("A report of {} was refused: {}", device, why));
  }

  void confirm() {
    if (!pending) return;
    pending = false;
    const auto acknowledged = hub.confirm();
    if (!acknowledged) {
      return complain("store", fmt::format("Nothing can be stored: {} Meters keep their samples.",
                                           sentence(acknowledged.error())));
    }
    for (const auto& one : *acknowledged) acknowledge(one, false);
  }

  void acknowledge(const Hub::Acknowledgement& one, bool asking_again) {
    std::array<std::uint8_t, 1024> bytes;
    const auto used =
        measurement::encode({.ranges = one.ranges, .asking_again = asking_again}, bytes);
    if (!used) return;
    const auto topic = fmt::format("lenz/{}/{}/stored", home, one.device);
    mosquitto_publish(client, nullptr, topic.c_str(), static_cast<int>(*used), bytes.data(), 1,
                      false);
  }

  Hub& hub;
  std::string home;
  BrokerAddress broker;
  std::function<measurement::Timestamp()> now;
  std::function<void(const std::string&)> say;
  stream_descriptor socket;
  asio::steady_timer timer;
  mosquitto* client = nullptr;
  std::vector<Sample> samples = std::vector<Sample>(measurement::max_samples_per_report);
  std::map<std::string, measurement::Timestamp> complained;
  bool pending = false;
  std::uint64_t refused = 0;
};

MqttIngest::MqttIngest(asio::io_context& context, Hub& hub, std::string home, BrokerAddress broker,
                       std::function<measurement::Timestamp()> now,
                       std::function<void(const std::string&)> say)
    : client_(std::make_unique<Client>(context, hub, std::move(home), std::move(broker),
                                       std::move(now), std::move(say))) {}

MqttIngest::~MqttIngest() = default;

std::uint64_t MqttIngest::refused() const { return client_->refused; }

}  // namespace hub
