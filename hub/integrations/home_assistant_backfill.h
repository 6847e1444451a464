// Puts Home Assistant's statistics right over its WebSocket: late hours, and the history of a
// sensor that one of ours replaces.

#pragma once

#include <chrono>
#include <cstdint>
#include <expected>
#include <functional>
#include <map>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "hub/home.h"
#include "hub/integrations/home_assistant_conversation.h"
#include "hub/integrations/home_assistant_sensors.h"
#include "hub/integrations/home_assistant_statistics.h"
#include "hub/ledger.h"
#include "hub/partners.h"

namespace hub {

// Brings late hours to Home Assistant. Home, ledger and conversation outlive it.
//
// An hour is taken once it has been over for settle: Home Assistant compiles it some seconds after
// its end and loses the hour of all its sensors when a row is already there.
class StatisticsBackfill {
 public:
  static constexpr std::chrono::minutes settle{15};

  StatisticsBackfill(const Home&, Ledger&, StatisticsTarget, HomeAssistantConversation&);

  struct Choice {
    bool write = true;       // Else only plan.
    bool all_hours = false;  // Else those that have changed since they were last found right.
  };
  using Done = std::function<void(std::expected<StatisticsPlan, std::string>)>;

  // The plan that was written or, where not to write, would be. Refused while one is under way.
  void run(Choice, measurement::Timestamp now, Done);

  // In the hub: runs by itself whenever closed hours have changed. A run that found something to
  // write is followed by another that reads it back; hours that are found right are not looked at
  // again until they change. After a failure it waits 1, 2, 4, ... at most 60 minutes, and at most
  // 15 where something could not be put right.
  void tick(measurement::Timestamp now);
  std::function<void(const StatisticsPlan&)> wrote;  // Each plan that tick() has written.
  std::function<void(const std::string&)> say;       // A sentence about each failure.

 private:
  struct Counter {  // A sensor with hours that may differ.
    std::string circuit, key, name, statistic_id, unit;
    Direction direction{};
    std::vector<HourOfEnergy> hours;
  };

  std::string bookmark(std::string_view circuit) const;
  void gather(measurement::Timestamp now);
  void find_entities();
  void find_units();
  void read_rows(bool from_the_beginning);
  void plan_rows(std::span<const StatisticsRow> existing);
  void write();
  void end(std::expected<StatisticsPlan, std::string>);
  void note_run(const std::expected<StatisticsPlan, std::string>&);

  const Home& home_;
  Ledger& ledger_;
  StatisticsTarget target_;
  HomeAssistantConversation& conversation_;
  StatisticsWriter writer_;

  Choice choice_;
  Done done_;
  measurement::Timestamp now_{};
  std::vector<Counter> counters_;
  std::map<std::string, std::uint64_t> marks_;  // By circuit: the revision that is then right.
  std::size_t at_ = 0;
  StatisticsPlan plan_;
  std::vector<std::string> said_;  // Notes of the last run.
  measurement::Timestamp next_run_{};
  std::chrono::minutes wait_{1};
};

// `lenz import home-assistant`: the hours of a sensor that one of ours replaces.
class StatisticsContinuation {
 public:
  StatisticsContinuation(const Home&, HomeAssistantConversation&);

  struct Choice {
    std::string from;     // Statistic id of the old sensor: "sensor.fridge_energy".
    std::string circuit;  // Id of ours.
    std::string key;      // Which of its counters; empty: the usual one.
    bool write = true;
  };
  using Done = StatisticsBackfill::Done;
  void run(Choice, measurement::Timestamp now, Done);

 private:
  void find_entity();
  void find_units();
  void read_rows();
  void finish(const nlohmann::json& rows);
  void end(std::expected<StatisticsPlan, std::string>);

  const Home& home_;
  HomeAssistantConversation& conversation_;
  StatisticsWriter writer_;
  Choice choice_;
  Done done_;
  measurement::Timestamp now_{};
  std::string ours_, unit_;
};

}  // namespace hub
