#include "hub/ingest/mqtt_ingest.h"

#include <fmt/format.h>

#include <array>
#include <map>
#include <span>

#include "hub/net/mqtt_client.h"
#include "measurement/report_codec.h"

namespace hub {
namespace {

using measurement::Sample;

// "lenz/home/meter-1/report" -> "meter-1"
std::string_view device_of(std::string_view topic) {
  const auto end = topic.rfind('/');
  const auto begin = topic.rfind('/', end - 1) + 1;
  return topic.substr(begin, end - begin);
}

}  // namespace

struct MqttIngest::Client {
  Client(boost::asio::io_context& context, Hub& the_hub, std::string the_home,
         const BrokerAddress& address, std::function<measurement::Timestamp()> clock,
         std::function<void(const std::string&)> speaker)
      : hub(the_hub),
        home(std::move(the_home)),
        now(std::move(clock)),
        say(std::move(speaker)),
        broker(fmt::format("{}:{}", address.host, address.port)),
        mqtt(context,
             {.host = address.host,
              .port = address.port,
              .user = address.user,
              .password = address.password,
              .client_id = "lenz-hub",
              .topics = {fmt::format("lenz/{}/+/report", home)}},
             {.connected = [this] { connected(); },
              .heard = [this](const MqttMessage& message) { heard(message); },
              .heard_all = [this] { confirm(); },
              .lost = [this](const std::string& why) { lost(why); }}) {}

  void complain(const std::string& kind, const std::string& text) {
    auto& last = complained[kind];
    const auto time = now();
    if (time - last < std::chrono::minutes(1) && time >= last) return;
    last = time;
    say(text);
  }

  void lost(const std::string& why) {
    complain("broker", fmt::format("The broker at {} does not answer ({}): meters keep their "
                                   "samples; check that it runs. Trying again.",
                                   broker, why));
  }

  void connected() {
    complained.erase("broker");
    if (const auto all = hub.all_stored()) {
      for (const auto& one : *all) acknowledge(one, true);
    }
  }

  void heard(const MqttMessage& message) {
    const std::span bytes(reinterpret_cast<const std::uint8_t*>(message.payload.data()),
                          message.payload.size());
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
    mqtt.publish(topic, {reinterpret_cast<const char*>(bytes.data()), *used}, false);
  }

  Hub& hub;
  std::string home;
  std::function<measurement::Timestamp()> now;
  std::function<void(const std::string&)> say;
  const std::string broker;
  std::vector<Sample> samples = std::vector<Sample>(measurement::max_samples_per_report);
  std::map<std::string, measurement::Timestamp> complained;
  bool pending = false;
  std::uint64_t refused = 0;
  MqttClient mqtt;  // Last: it ends before what it calls.
};

MqttIngest::MqttIngest(boost::asio::io_context& context, Hub& hub, std::string home,
                       BrokerAddress broker, std::function<measurement::Timestamp()> now,
                       std::function<void(const std::string&)> say)
    : client_(std::make_unique<Client>(context, hub, std::move(home), broker, std::move(now),
                                       std::move(say))) {}

MqttIngest::~MqttIngest() = default;

bool MqttIngest::is_connected() const { return client_->mqtt.is_connected(); }

std::uint64_t MqttIngest::refused() const { return client_->refused; }

}  // namespace hub
