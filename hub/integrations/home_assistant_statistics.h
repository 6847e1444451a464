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
#include <map>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "hub/integrations/home_assistant_conversation.h"
#include "hub/integrations/home_assistant_sensors.h"
#include "hub/ledger.h"

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

// A line for each run of hours, without the notes; nothing of an empty plan.
std::string describe(const StatisticsPlan&);

// The plan that takes another one back. A row that did not exist cannot be deleted: it is
// overwritten with one that shows no energy.
StatisticsPlan reversed(const StatisticsPlan&);

// What was done, as a JSON file; and the plan that takes it back, for StatisticsWriter. The error
// is a sentence.
std::string undo_file(const StatisticsPlan& done, measurement::Timestamp now);
std::expected<StatisticsPlan, std::string> parse_undo(std::string_view file);

// Rows of one counter that differ from the ledger by more than a milliwatt-hour.
//
// From the last row before `hours` on, each hour's sum rises by what the ledger says was gained in
// it, so that the hours show what they should; and where Home Assistant compiles the series, the
// last hour's sum is the counter's plus the present offset, so that its own next row continues it.
// What Home Assistant shows beyond that, or less, stays in the hours in which it is, and is told: a
// sum that was adjusted by hand, a counter that had begun anew, a hub that was restored and whose
// meters had dropped what was lost, clamps that were corrected.
//
// `hours`: oldest first, from the first that may have changed to the last that is closed.
// `existing`: what Home Assistant has, oldest first, from the last row before those hours on, or
// all. `is_ours`: an external id; else Home Assistant must have begun the series, and hours before
// its first row are left out, for they would show as one great bar.
// The error is a sentence without its subject: why nothing can be put right.
struct DifferingRows {
  std::vector<StatisticsChange::Row> rows;
  std::string note;  // A sentence without its subject, or nothing.
};
std::expected<DifferingRows, std::string> differing_rows(std::span<const HourOfEnergy> hours,
                                                         Direction,
                                                         std::span<const StatisticsRow> existing,
                                                         bool is_ours);

// The statistics of a sensor that ours replaces, put before our first row; ours are raised so that
// they continue its sum. Both oldest first, in kWh, ours not empty; the ids are the caller's to
// fill in. Doing it twice changes nothing.
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

// Rows as `recorder/statistics_during_period` answered them for one id, in kWh; what has no state
// or no sum is passed over.
std::vector<StatisticsRow> statistics_rows(const nlohmann::json& result, const std::string& id);

// The question for them, hour by hour.
nlohmann::json statistics_question(const std::string& id, measurement::Timestamp from);

// id -> unit, among what `recorder/get_statistics_metadata` answered.
std::map<std::string, std::string> statistics_units(const nlohmann::json& metadata);

// "2026-01-31T18:00:00+00:00"
std::string iso_time(measurement::Timestamp);

}  // namespace hub
