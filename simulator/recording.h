// A real household played back: a folder with `recording.json` (what was
// measured) and `samples.csv.gz` or several `samples-YYYY-MM.csv.gz`, read in
// name order and never held as a whole.
//
//   samples:  time_s,<column>,...   one row per instant; an empty cell is missing
//   columns:  <meter>_<suffix>      _w _va _var _v _a _pf _hz _on
//
// A row's values stand for the recording's interval_s, or until the next row if
// that comes sooner. Then the meter has no mains until the next row: a gap of
// the recording is a power cut. An empty cell of power is no load.

#pragma once

#include <cstdint>
#include <filesystem>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "simulator/scene.h"

namespace simulator {

struct RecordingOptions {
  // The part that is played, in seconds after the recording's first row; no end: to its last.
  double begin_s = 0;
  std::optional<double> end_s{};
  // What time_s = 0 is in recordings that do not know the time of day (`clock` is `none`).
  measurement::Timestamp epoch{std::chrono::sys_days(std::chrono::year_month_day(
      std::chrono::year(2020), std::chrono::January, std::chrono::day(1)))};
};

// One channel per column of active power, and per column of apparent power whose meter has no
// active one (mains of REDD and others), which plays as active power at power factor 1. Channels
// are called as their columns.
//
// The voltage is nominal throughout; the mains of a 120 V house is both legs, so it is played as
// one clamp at 240 V, on chips of its own (a chip has one voltage). The meter's reactive power is
// used where it was recorded, else what its power factor says (as inductive), else none. Its
// current is used where it was recorded, but never less than the powers need at the nominal
// voltage.
class Recording final : public Scene {
 public:
  // Reads the part to be played once, for the greatest currents: about 2 s for a million rows.
  // Throws std::runtime_error naming the file, the line and what is wrong with it.
  explicit Recording(const std::filesystem::path& folder, const RecordingOptions& = {});
  ~Recording() override;

  const std::vector<Channel>& channels() const override { return channels_; }
  measurement::Hertz line_frequency() const override { return frequency_; }

  // Before the part that is played the meter has no mains; after it there are mains and no load, so
  // that what flowed last can be read. Throws like the constructor when the file has changed.
  Moment advance(measurement::Timestamp now, std::span<ChipInput> chips) override;

  // The part that is played.
  measurement::Timestamp begin() const { return begin_; }
  measurement::Timestamp end() const { return end_; }

  // Share of it that lies behind, 0 to 1.
  double progress() const;

  // What a channel's column says was used from the first `now` to the latest, by the rule above:
  // summed in whole deciwatts times milliseconds and rounded once, here. Throws std::out_of_range
  // when no channel is called so.
  measurement::MilliwattHours recorded_mwh(std::string_view column) const;

 private:
  class Rows;

  // One line of the samples.
  struct Row {
    measurement::Timestamp time{};
    std::vector<std::int64_t> cells;  // In millionths of the column's unit.
  };

  // Where a channel finds its values in a row; absent: not recorded.
  struct Source {
    std::size_t power = 0;
    std::optional<std::size_t> reactive_power, current, power_factor;
    std::int64_t energy = 0;  // In deciwatts times milliseconds.
  };

  void add(const std::string& column, const Source&, measurement::Volts);
  void survey(const RecordingOptions&);
  void count_until(measurement::Timestamp);
  ChannelLoad load(std::size_t channel, const Row&) const;

  std::filesystem::path folder_;
  measurement::Hertz frequency_{};
  std::chrono::milliseconds interval_{};
  measurement::Timestamp epoch_{};
  std::vector<std::string> columns_;  // After time_s.
  std::vector<Channel> channels_;
  std::vector<std::optional<Source>> sources_;  // Of each channel; none for a spare one.
  std::vector<measurement::Volts> voltages_;    // Of each chip.
  measurement::Timestamp begin_{}, end_{};

  std::unique_ptr<Rows> rows_;
  std::optional<measurement::Timestamp> now_;  // Of the latest advance.
  std::optional<Row> row_, next_;  // The one that was reached last, and the one after it.
};

}  // namespace simulator
