// Lenz as Home Assistant sees it over MQTT: devices, sensors and their states.
//
//   live feed ──> lenz/HOME/ha/CIRCUIT/state     power, voltage, current, power factor; every 5 s
//   ledger    ──> lenz/HOME/ha/CIRCUIT/energy    counters in kWh, retained; every minute
//   home      ──> PREFIX/device/lenz_HOME[_CIRCUIT]/config, lenz/HOME/ha/panel     retained
//
// docs/home-assistant.md is the page of these topics. Written to
// https://www.home-assistant.io/integrations/mqtt/#mqtt-discovery (device bundles).

#pragma once

#include <chrono>
#include <functional>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "hub/home.h"
#include "hub/ledger.h"
#include "hub/live_feed.h"

namespace hub {

// Home, ledger and feed outlive it; after a change of the home, panel_changed() is called. Nothing
// is sent before connected(). One thread; time is an argument.
class HomeAssistantPublisher {
 public:
  // False: not connected, or too much waits to be sent; then it is tried again at a later tick.
  using Publish =
      std::function<bool(std::string_view topic, std::string_view payload, bool retain)>;

  static constexpr std::chrono::seconds live_every{5};
  static constexpr std::chrono::minutes energy_every{1};
  // What the broker had kept for us must have come by then: a counter that has been told to the
  // outside is taken up before a lower one could be sent.
  static constexpr std::chrono::seconds listen_first{5};
  // A meter that has been silent for so long is unavailable, and so are the sensors of its
  // circuits.
  static constexpr std::chrono::seconds silent_after{90};

  HomeAssistantPublisher(const Home&, Ledger&, LiveFeed&, std::string discovery_prefix, Publish);

  // To subscribe with QoS 1, and what the broker is to say (retained) when we are gone.
  std::vector<std::string> topics() const;
  struct Will {
    std::string topic, payload;
  };
  Will will() const;

  void connected(measurement::Timestamp now);
  void heard(std::string_view topic, std::string_view payload, bool is_retained,
             measurement::Timestamp now);
  void lost();
  void panel_changed(measurement::Timestamp now);
  void tick(measurement::Timestamp now);  // Some times a second.

 private:
  struct Meter {
    measurement::Timestamp heard_at{};  // The hub's time, so that a wrong clock there does no harm.
    measurement::Sample sample;
    std::optional<bool> told_online;
  };
  struct Told {
    measurement::Timestamp live_at{};
    measurement::Timestamp sample_at{};  // heard_at of the sample that was told last.
    std::string energy;                  // Payload told last; empty: none since we are connected.
    std::string config;
  };

  const Circuit* circuit(std::string_view id, measurement::Timestamp now) const;
  void take_back(std::string_view circuit, std::string_view payload);
  void look_at(std::string_view topic, std::string_view payload);
  void tell_devices(measurement::Timestamp now);
  void remove_strangers();
  void tell_meters(measurement::Timestamp now);
  void tell_live(const Circuit&, measurement::Timestamp now);
  void tell_energy(const Circuit&);
  std::string bundle(const Circuit&) const;
  std::string home_bundle(measurement::Timestamp now) const;
  bool publish(const std::string& topic, const std::string& payload, bool retain);

  const Home& home_;
  Ledger& ledger_;
  std::string prefix_;
  Publish publish_;
  measurement::Timestamp now_{};  // Of the last tick.
  std::optional<measurement::Timestamp> connected_at_;
  bool has_to_tell_devices_ = false;
  measurement::Timestamp energy_at_{};
  std::map<std::string, Meter, std::less<>> meters_;
  std::map<std::string, Told, std::less<>> told_;  // By circuit.
  std::map<std::string, std::string, std::less<>>
      kept_bundles_;  // By topic, as the broker had them.
  LiveFeed::Subscription subscription_;
};

}  // namespace hub
