// A small house for tests: a meter that keeps what it could not send, the hub with its store and
// ledger, a broker and a Home Assistant, each of which can be away. A minute at a time.

#pragma once

#include <stdlib.h>

#include <deque>
#include <filesystem>
#include <optional>
#include <stdexcept>
#include <string>
#include <vector>

#include "hub/files/disk.h"
#include "hub/hub.h"
#include "hub/integrations/home_assistant_backfill.h"
#include "hub/integrations/home_assistant_discovery.h"
#include "hub/integrations/home_assistant_fake.h"
#include "hub/ledger.h"
#include "hub/live_feed.h"
#include "hub/store/sqlite_store.h"

namespace hub {

inline const measurement::Timestamp house_begins =
    std::chrono::sys_days(std::chrono::year(2026) / 3 / 1) + std::chrono::hours(6);

inline Home small_home() {
  Home home;
  home.id = "maple";
  home.name = "Maple Street";
  home.zone = "Europe/Berlin";
  home.country = "DE";
  home.currency = "EUR";
  auto& panel = home.panels.emplace_back();
  const auto add = [&](const char* id, const char* name, CircuitKind kind, const char* parent,
                       std::vector<ChannelUse> channels) {
    Circuit circuit;
    circuit.id = id;
    circuit.name = name;
    circuit.kind = kind;
    circuit.parent = parent;
    circuit.rating_a = 16;
    circuit.legs = {1};
    circuit.channels = std::move(channels);
    panel.circuits.push_back(circuit);
  };
  add("mains", "Mains", CircuitKind::grid, "", {{"meter", 0, 1}});
  add("fridge", "Fridge", CircuitKind::load, "mains", {{"meter", 1, 1}});
  panel.circuits.back().room = "Kitchen";
  add("roof", "Roof", CircuitKind::solar, "mains", {{"meter", 2, 1}});
  add("spare", "Spare", CircuitKind::load, "mains", {});
  return home;
}

class House {
 public:
  using Timestamp = measurement::Timestamp;

  explicit House(StatisticsTarget target = StatisticsTarget::sensor) : target_(target) {
    // What is tried here is not the disk: memory does, where there is some.
    const std::filesystem::path memory = "/dev/shm";
    const auto place =
        std::filesystem::exists(memory) ? memory : std::filesystem::temp_directory_path();
    std::string name = (place / "lenz_house_XXXXXX").string();
    folder = mkdtemp(name.data());
    start_hub();
  }
  ~House() {
    stop_hub();
    std::filesystem::remove_all(folder);
  }
  House(const House&) = delete;
  House& operator=(const House&) = delete;

  // The fridge takes 10 Wh in each minute of an even hour of the day and 13 in an odd one; the grid
  // gives twice that; the roof makes 20 Wh a minute from 10 to 14 o'clock.
  static std::int64_t fridge_mwh(Timestamp minute) {
    return hour_of(minute) % 2 == 0 ? 10'000 : 13'000;
  }
  static std::int64_t roof_mwh(Timestamp minute) {
    return hour_of(minute) >= 10 && hour_of(minute) < 14 ? 20'000 : 0;
  }
  static int hour_of(Timestamp time) {
    const auto day = std::chrono::floor<std::chrono::days>(time);
    return static_cast<int>(std::chrono::floor<std::chrono::hours>(time - day).count());
  }
  static double fridge_kwh_in_hour(Timestamp hour) {
    return 60 * static_cast<double>(fridge_mwh(hour)) / 1e6;
  }
  static double roof_kwh_in_hour(Timestamp hour) {
    return 60 * static_cast<double>(roof_mwh(hour)) / 1e6;
  }

  void lose_broker() {
    is_broker_up = false;
    if (publisher) publisher->lost();
    broker.leave("hub");
    broker.leave("home assistant");
    // It lets everybody know, or they notice when it is back.
    broker.retained[publisher ? publisher->will().topic : "lenz/maple/ha/status"] = "offline";
  }
  void regain_broker() {
    is_broker_up = true;
    if (hub) join_broker();
    if (home_assistant.is_up) home_assistant.join();
  }

  void run(std::chrono::minutes duration) {
    for (auto end = now + duration; now < end; now += std::chrono::minutes(1)) minute();
  }
  void run_until(Timestamp end) { run(std::chrono::ceil<std::chrono::minutes>(end - now)); }

  void stop_hub() {
    if (!publisher) return;
    if (is_broker_up) broker.publish(publisher->will().topic, publisher->will().payload, true);
    broker.leave("hub");
    conversation->lost("stopped");
    backfill.reset();
    conversation.reset();
    publisher.reset();
    hub.reset();
    ledger.reset();
    store.reset();
  }
  void start_hub() {
    store.emplace(disk, folder);
    ledger.emplace(disk, folder + "/ledger.db", *store, home);
    hub.emplace(*store, feed);
    hub->admit("meter");
    publisher.emplace(home, *ledger, feed, "homeassistant",
                      [this](std::string_view topic, std::string_view payload, bool retain) {
                        return is_broker_up &&
                               broker.publish(std::string(topic), std::string(payload), retain);
                      });
    conversation.emplace("secret", [this](std::string text) {
      if (!home_assistant.is_up) return false;
      home_assistant.receive(text);
      return true;
    });
    home_assistant.reply = [this](const std::string& text) { conversation->heard(text, now); };
    backfill.emplace(home, *ledger, target_, *conversation);
    backfill->wrote = [this](const StatisticsPlan& plan) { written += plan.rows(); };
    join_broker();
    join_home_assistant();
  }
  // The hub's disk is replaced by a copy of it; meters that still have what was lost send it again.
  void restore(const std::string& copy, bool meter_has_all) {
    stop_hub();
    std::filesystem::remove_all(folder);
    std::filesystem::copy(copy, folder, std::filesystem::copy_options::recursive);
    if (meter_has_all) unsent = measured;
    start_hub();
  }
  void join_broker() {
    if (!is_broker_up) return;
    publisher->connected(now);
    broker.subscribe("hub", publisher->topics(),
                     [this](const auto& topic, const auto& payload, bool is_retained) {
                       publisher->heard(topic, payload, is_retained, now);
                     });
  }
  void join_home_assistant() {
    if (!home_assistant.is_up) return;
    home_assistant.new_connection();
    conversation->connected(now);
    home_assistant.greet();
  }

  Home home = small_home();
  std::string folder;
  Disk disk;
  Timestamp now = house_begins;
  bool is_meter_connected = true, is_broker_up = true;
  std::deque<measurement::Sample> unsent, measured;
  std::uint64_t next_number = 0;
  std::int64_t totals[3] = {0, 0, 0};
  std::size_t written = 0;  // Rows that the hub has sent by itself.

  FakeBroker broker;
  FakeHomeAssistant home_assistant{broker, house_begins};
  LiveFeed feed;
  std::optional<SqliteStore> store;
  std::optional<Ledger> ledger;
  std::optional<Hub> hub;
  std::optional<HomeAssistantPublisher> publisher;
  std::optional<HomeAssistantConversation> conversation;
  std::optional<StatisticsBackfill> backfill;

 private:
  void measure() {
    using measurement::Quantity;
    totals[1] += fridge_mwh(now);
    totals[0] += 2 * fridge_mwh(now);
    totals[2] += roof_mwh(now);
    measurement::Sample sample(1);
    sample.number = next_number++;
    sample.uptime = now + std::chrono::seconds(30) - house_begins;
    sample.put_steps(Quantity::voltage, 0, 2301);
    sample.put_steps(Quantity::frequency, 0, 4998);
    for (std::size_t c = 0; c < 3; ++c) {
      const bool makes = c == 2;
      sample.put_steps(Quantity::current, c, 3000);
      sample.put_steps(Quantity::active_power, c, makes ? -6000 : 6000);
      sample.put_steps(Quantity::imported, c, makes ? 0 : totals[c]);
      sample.put_steps(Quantity::exported, c, makes ? totals[c] : 0);
    }
    unsent.push_back(sample);
    measured.push_back(sample);
  }
  void deliver() {
    while (!unsent.empty()) {
      std::vector<measurement::Sample> report;
      while (!unsent.empty() && report.size() < measurement::max_samples_per_report) {
        report.push_back(unsent.front());
        unsent.pop_front();
      }
      const auto taken = hub->accept({{.device = "meter",
                                       .boot = 7,
                                       .period = std::chrono::minutes(1),
                                       .chips = 1,
                                       .booted_at = house_begins},
                                      report},
                                     now);
      if (!taken) throw std::runtime_error("the hub refused a report");
    }
    if (!hub->confirm()) throw std::runtime_error("the hub could not keep a report");
  }
  void minute() {
    measure();
    const auto in_it = now;
    now += std::chrono::seconds(30);
    if (hub && is_meter_connected) deliver();
    if (hub) {
      EXPECT_TRUE(store->tidy(now));
      for (int i = 0; i < 10'000 && !ledger->follow(now, 100).value_or(true); ++i) continue;
      publisher->tick(now);
      publisher->tick(now += std::chrono::seconds(6));
      conversation->tick(now);
      backfill->tick(now);
    }
    now = in_it;
    home_assistant.advance(in_it + std::chrono::minutes(1));
  }

  StatisticsTarget target_;
};

}  // namespace hub
