// Home Assistant's long-term statistics of our counters, made to equal the ledger: which rows to
// write so that a dashboard shows each hour's energy in its hour, and none twice.
//
// A row of an hour has `state`, the counter at its end, and `sum`, which the dashboard takes
// differences of. Home Assistant's compiler moves both by the same step and starts `sum` at 0, so
// sum - state is one number for the whole life of a sensor: its offset. It changes only where the
// counter was reset or somebody adjusted the sum by hand. (home-assistant/core,
// components/sensor/recorder.py and components/recorder/statistics.py.)

#pragma once

#include <chrono>
#include <cstddef>
#include <expected>
#include <functional>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "hub/home.h"
#include "hub/integrations/home_assistant_conversation.h"
#include "hub/integrations/home_assistant_sensors.h"
#include "hub/ledger.h"
#include "hub/partners.h"

namespace hub {

struct StatisticsRow {
  measurement::Timestamp start;  // A whole hour of UTC.
  double state = 0;              // kWh
  double sum = 0;                // kWh

  friend bool operator==(const StatisticsRow&, const StatisticsRow&) = default;
};

// What is to be written under one statistic id.
struct StatisticsChange {
  std::string statistic_id;
  std::string name;          // For people.
  std::string unit = "kWh";  // In which Home Assistant keeps it.
  struct Row {
    StatisticsRow row;
    bool existed = true;
    StatisticsRow before;  // As it was; where it did not exist, one that shows no energy.
  };
  std::vector<Row> rows;  // Oldest first.
  // After the rows: all sums from a time on are raised (recorder/adjust_sum_statistics).
  struct Raise {
    measurement::Timestamp from;
    double kwh = 0;
  };
  std::optional<Raise> raise;
};

struct StatisticsPlan {
  std::vector<StatisticsChange> changes;
  std::vector<std::string> notes;  // Sentences: what was left out, and why.

  bool is_empty() const;
  std::size_t rows() const;
};

// For a dry run: a line for each run of hours.
std::string describe(const StatisticsPlan&);

// The plan that takes another one back. A row that did not exist cannot be deleted: it is
// overwritten with one that shows no energy.
StatisticsPlan reversed(const StatisticsPlan&);

// The file of an undo: JSON, to be read by parse_undo(). The error is a sentence.
std::string undo_file(const StatisticsPlan& done, measurement::Timestamp now);
std::expected<StatisticsPlan, std::string> parse_undo(std::string_view file);

// Rows of one counter that differ from the ledger by more than a milliwatt-hour.
// `hours`: oldest first, from the first that may have changed to the last that is closed.
// `existing`: what Home Assistant has, oldest first, from the last row before those hours on.
// `is_ours`: rows are only ours (external ids); else Home Assistant must have begun the series, and
// hours before its first row are left out. Sentences about what cannot be put right go to `notes`.
std::vector<StatisticsChange::Row> differing_rows(std::span<const HourOfEnergy> hours, Direction,
                                                  std::span<const StatisticsRow> existing,
                                                  bool is_ours, const std::string& name,
                                                  std::vector<std::string>& notes);

// The statistics of a sensor that ours replaces, put before our first row; ours are raised so that
// they continue its sum. Both oldest first, in kWh. Doing it twice changes nothing.
StatisticsChange continued(std::span<const StatisticsRow> old_rows,
                           std::span<const StatisticsRow> ours);

// Sends a plan. The conversation outlives it; one plan at a time.
class StatisticsWriter {
 public:
  static constexpr std::size_t most_rows = 1000;  // Of one message.
  // Rows that were sent; the error is a sentence.
  using Done = std::function<void(std::expected<std::size_t, std::string>)>;

  explicit StatisticsWriter(HomeAssistantConversation& conversation)
      : conversation_(conversation) {}

  void write(StatisticsPlan, Done);
  bool is_busy() const { return static_cast<bool>(done_); }

 private:
  void next();
  void end(std::expected<std::size_t, std::string>);

  HomeAssistantConversation& conversation_;
  StatisticsPlan plan_;
  Done done_;
  std::size_t change_ = 0, row_ = 0, sent_ = 0;
};

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
  // again until they change. After a failure it waits 1, 2, 4, ... at most 60 minutes.
  // `told` gets each plan that was written, and sentences about failures.
  void tick(measurement::Timestamp now);
  std::function<void(const StatisticsPlan&)> wrote;
  std::function<void(const std::string&)> say;

 private:
  struct Counter {  // A sensor with hours that may differ.
    std::string circuit, key, name, statistic_id, unit;
    Direction direction{};
    std::vector<HourOfEnergy> hours;
    std::vector<StatisticsRow> existing;
  };
  struct Mark {
    std::string circuit;
    std::uint64_t revision = 0;
  };

  std::string bookmark(std::string_view circuit) const;
  void gather(measurement::Timestamp now);
  void find_entities();
  void find_units();
  void read_rows();
  void plan_rows();
  void write();
  void end(std::expected<StatisticsPlan, std::string>);

  const Home& home_;
  Ledger& ledger_;
  StatisticsTarget target_;
  HomeAssistantConversation& conversation_;
  StatisticsWriter writer_;

  Choice choice_;
  Done done_;
  measurement::Timestamp now_{};
  std::vector<Counter> counters_;
  std::vector<Mark> marks_;
  std::size_t at_ = 0;
  StatisticsPlan plan_;
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
