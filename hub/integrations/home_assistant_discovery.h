// Lenz as Home Assistant sees it over MQTT: devices, sensors and their states.
//
//   live feed ──> lenz/HOME/ha/CIRCUIT/state     power, voltage, current, power factor; every 5 s
//   ledger    ──> lenz/HOME/ha/CIRCUIT/energy    counters in kWh, retained; every minute
//   analyst   ──> lenz/HOME/ha/appliance/NUMBER/state  of those with a name; when something changes
//             ──> lenz/HOME/ha/power_cut          the latest, and what did not come back; retained
//   health    ──> lenz/HOME/ha/health/ASSET      whether something is found of it; retained
//             ──> lenz/HOME/ha/notice           each notice, once
//   home      ──> PREFIX/device/lenz_HOME[_CIRCUIT]/config, lenz/HOME/ha/panel     retained
//
// docs/home-assistant.md is the page of these topics. Written to
// https://www.home-assistant.io/integrations/mqtt/#mqtt-discovery (device bundles).

#pragma once

#include <chrono>
#include <functional>
#include <map>
#include <nlohmann/json.hpp>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "hub/analyst.h"
#include "hub/health_desk.h"
#include "hub/home.h"
#include "hub/integrations/home_assistant_sensors.h"
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
  // So long after it was told of an entity Home Assistant listens to its topic, before which events
  // would be lost; it takes none that the broker has kept.
  static constexpr std::chrono::seconds heard_after{5};
  // A meter that has been silent for so long is unavailable, and so are the sensors of its
  // circuits.
  static constexpr std::chrono::seconds silent_after{90};

  HomeAssistantPublisher(const Home&, Ledger&, LiveFeed&, std::string discovery_prefix, Publish);

  // From where appliances are told; without it none are. Those that are only described are not.
  using Appliances = std::function<std::vector<ApplianceState>(measurement::Timestamp now)>;
  void tell_appliances_of(Appliances appliances) { appliances_of_ = std::move(appliances); }

  // And of power cuts.
  using PowerCut = std::function<std::optional<PowerCuts::Report>(measurement::Timestamp now)>;
  void tell_power_cuts_of(PowerCut power_cut) { power_cut_of_ = std::move(power_cut); }

  // And of the condition of equipment; what people are told goes out by the channel "mqtt".
  void tell_health_of(std::function<HealthDesk*()> health) { health_of_ = std::move(health); }

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
    measurement::Timestamp time{};  // Of the newest sample, never later than it came.
    measurement::Sample sample;
    bool is_told = false;        // Its sample, as far as it concerns the meter itself.
    std::optional<bool> online;  // As told; absent: not yet.
    measurement::Timestamp told_at{};
  };
  struct Told {
    measurement::Timestamp live_at{};    // When.
    measurement::Timestamp sample_at{};  // Of which sample.
    std::string energy;                  // Empty: none since we are connected.
    std::size_t sensors = 0;
  };

  const Panel& panel() const { return panel_at(home_, now_); }
  bool is_live(const std::string& device) const;
  std::string topic(std::string_view end) const;  // lenz/HOME/ha/...
  std::string config_topic(std::string_view identifier) const;
  void take_back(std::string_view circuit, std::string_view payload);
  void keep_bundle(std::string_view topic, std::string_view payload);
  std::set<std::string> devices() const;
  nlohmann::json availability(const std::string& device) const;
  std::string home_bundle() const;
  std::string circuit_bundle(const Circuit&, const std::vector<SensorRow>&) const;
  bool tell_devices();
  bool tell_bundle(const std::string& topic, const std::string& bundle);
  void tell_meters();
  void tell_live(const Circuit&);
  void tell_energy(const Circuit&);
  void look_at_appliances();
  std::string appliance_bundle(const ApplianceState&) const;
  void tell_appliance(const ApplianceState&);
  void tell_power_cut();
  void look_at_health();
  void tell_health();

  const Home& home_;
  Ledger& ledger_;
  std::string prefix_;
  Publish publish_;
  measurement::Timestamp now_{};  // Of the last call.
  std::optional<measurement::Timestamp> connected_at_;
  bool must_tell_devices_ = false;
  bool is_listening_ = true;             // Home Assistant, as far as it has said.
  measurement::Timestamp devices_at_{};  // When it was told of them.
  measurement::Timestamp energy_at_{};
  std::map<std::string, Meter, std::less<>> meters_;
  std::map<std::string, Told, std::less<>> told_;  // By circuit.
  Appliances appliances_of_;
  std::vector<ApplianceState> appliances_;  // That are shown.
  measurement::Timestamp appliances_at_{};
  std::map<ApplianceNumber, std::string> appliances_told_;
  PowerCut power_cut_of_;
  std::string power_cut_told_;
  measurement::Timestamp power_cut_at_{};
  std::function<HealthDesk*()> health_of_;
  struct AssetState {
    std::string key, name, state;  // "appliance_3"; as people call it; JSON.
  };
  std::vector<AssetState> assets_;  // That are shown, by key.
  measurement::Timestamp health_at_{};
  std::map<std::string, std::string> health_told_;  // By key.
  std::map<std::string, std::string, std::less<>>
      bundles_;  // Ours that the broker keeps, by topic.
  LiveFeed::Subscription subscription_;
};

}  // namespace hub
