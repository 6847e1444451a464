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

Timestamp believed(std::optional<Timestamp> heard_at, Timestamp now) {
  const bool is_believed = heard_at && *heard_at <= now + earliest && *heard_at >= now - latest;
  return is_believed ? *heard_at : now;
}

}  // namespace

LorawanIngest::LorawanIngest(const std::vector<LorawanMeter>& meters, Hub& hub, Store& store,
                             std::function<void(const std::string&)> say)
    : say_(std::move(say)) {
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
  if (!trouble) return;
  const bool is_fresh = meter.complained_at && now - *meter.complained_at < 10min;
  if (is_fresh && now >= *meter.complained_at) return;
  meter.complained_at = now;
  say_(*trouble);
}

}  // namespace hub
