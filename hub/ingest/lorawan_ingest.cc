#include "hub/ingest/lorawan_ingest.h"

#include <fmt/format.h>

#include <utility>

#include "hub/ingest/lorawan_uplink.h"

namespace hub {

using measurement::Timestamp;
using namespace std::chrono_literals;

namespace {

// A gateway's clock is believed as far as a server may have kept an uplink.
constexpr std::chrono::minutes latest = 6h, earliest = 1min;

constexpr std::chrono::minutes pause = 10min;  // Between two complaints, or two questions.

bool is_time(std::optional<Timestamp> last, Timestamp now) {
  return !last || now - *last >= pause || now < *last;
}

// The topic of what goes down, from that of what came up; what a downlink of the one byte 1 asks
// for is the meter's to know.
//   application/A/device/D/event/up -> application/A/device/D/command/down
//   v3/A/devices/D/up               -> v3/A/devices/D/down/push
struct Question {
  std::string topic, payload;
};
Question introduction_of(std::string_view up, std::string_view dev_eui, unsigned port) {
  constexpr std::string_view one = "AQ==";
  if (up.starts_with("v3/")) {
    return {fmt::format("{}down/push", up.substr(0, up.size() - 2)),
            fmt::format(R"({{"downlinks":[{{"f_port":{},"frm_payload":"{}"}}]}})", port, one)};
  }
  constexpr std::string_view event = "event/up";
  return {fmt::format("{}command/down", up.substr(0, up.size() - event.size())),
          fmt::format(R"({{"devEui":"{}","confirmed":false,"fPort":{},"data":"{}"}})", dev_eui,
                      port, one)};
}

Timestamp believed(std::optional<Timestamp> heard_at, Timestamp now) {
  const bool is_believed = heard_at && *heard_at <= now + earliest && *heard_at >= now - latest;
  return is_believed ? *heard_at : now;
}

}  // namespace

LorawanIngest::LorawanIngest(const std::vector<LorawanMeter>& meters, Hub& hub, Store& store,
                             Publish publish, std::function<void(const std::string&)> say)
    : publish_(std::move(publish)), say_(std::move(say)) {
  for (const auto& meter : meters) {
    const SummarySource source{meter.device, meter.channels, meter.period};
    meters_.try_emplace(meter.dev_eui,
                        Meter{.summaries = SummaryMeter(source, hub, store), .port = meter.port});
  }
}

std::vector<std::string> LorawanIngest::topics() const {
  std::vector<std::string> topics = {"v3/+/devices/+/up"};
  for (const auto& [dev_eui, meter] : meters_) {
    topics.push_back(fmt::format("application/+/device/{}/event/up", dev_eui));
  }
  return topics;
}

void LorawanIngest::hear(const MqttMessage& message, Timestamp now) {
  if (message.is_retained) return;
  const auto uplink = lorawan_uplink(message.topic, message.payload);
  const auto found = uplink ? meters_.find(uplink->dev_eui) : meters_.end();
  if (found == meters_.end() || uplink->port != found->second.port) return;
  auto& meter = found->second;
  const auto trouble = meter.summaries.hear(uplink->payload, believed(uplink->heard_at, now), now);
  if (meter.summaries.waiting() > 0 && is_time(meter.asked_at, now)) {
    meter.asked_at = now;
    const auto [topic, payload] = introduction_of(message.topic, uplink->dev_eui, meter.port);
    publish_(topic, payload);
  }
  if (!trouble || !is_time(meter.complained_at, now)) return;
  meter.complained_at = now;
  say_(*trouble);
}

}  // namespace hub
