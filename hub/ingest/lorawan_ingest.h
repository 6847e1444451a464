// Meters that are heard over LoRaWAN, from the broker to which a network server publishes.

#pragma once

#include <functional>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "hub/hub.h"
#include "hub/ingest/summary_meter.h"
#include "hub/net/mqtt_client.h"
#include "hub/partners.h"
#include "hub/store/store.h"

namespace hub {

// Hub and store outlive it. `say` gets one sentence when something is wrong, at most once in ten
// minutes for each meter. A meter whose summaries wait for an introduction is asked for one, over
// its network server, at most once in ten minutes. Not for other threads.
class LorawanIngest {
 public:
  using Publish = std::function<void(std::string_view topic, std::string_view payload)>;

  LorawanIngest(const std::vector<LorawanMeter>&, Hub&, Store&, Publish,
                std::function<void(const std::string&)> say);

  // What the broker's connection must subscribe.
  std::vector<std::string> topics() const;

  // Other messages are passed over, and uplinks of devices that partners.toml does not name.
  void hear(const MqttMessage&, measurement::Timestamp now);

 private:
  struct Meter {
    SummaryMeter summaries;
    unsigned port = 0;
    std::optional<measurement::Timestamp> complained_at{}, asked_at{};
  };

  std::map<std::string, Meter, std::less<>> meters_;  // By their EUIs.
  Publish publish_;
  std::function<void(const std::string&)> say_;
};

}  // namespace hub
