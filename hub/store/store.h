// Keeps samples and gives them back by time. Knows nothing of where they came
// from (MQTT, LoRaWAN, ...) or who asks (API, insight, Grafana).

#pragma once

#include <cstddef>
#include <cstdint>
#include <expected>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "measurement/report.h"
#include "measurement/sample.h"

namespace hub {

struct TimeRange {
  measurement::Timestamp begin;  // Included.
  measurement::Timestamp end;    // Not included.
};

enum class StoreError : std::uint8_t {
  full,         // The disk has no room.
  corrupted,    // What is on the disk is not what was written.
  unavailable,  // The disk or the file does not answer.
  too_long,     // More steps than one answer may have: ask for longer steps or a shorter range.
};
const char* sentence(StoreError);

// A channel's part in the active power of several, which are added sample by sample.
struct Share {
  std::size_t channel = 0;
  double multiplier = 1;

  friend auto operator<=>(const Share&, const Share&) = default;
};

// One quantity of one chip or channel of one device; or the active power of several channels
// together, which is there where all of them are.
struct Series {
  std::string device;
  measurement::Quantity quantity;
  std::size_t index = 0;
  std::vector<Share> together = {};  // Instead of the index.
};

// What is asked of instants. Where it is the mean alone, the rest may stay empty and costs nothing.
enum class Columns : std::uint8_t { all, mean };

// Equal steps from `begin`. A step without a sample is NaN in every column.
struct Points {
  measurement::Timestamp begin;
  std::chrono::milliseconds step;
  std::vector<float> mean, min, max;  // Units of the quantity. Empty for totals.
  std::vector<double> gained;  // For totals only: what the total rose by in the step, in mWh.
};

struct Appended {
  std::size_t added = 0;      // Samples that were not known before.
  std::size_t duplicate = 0;  // Samples that were: storing twice is storing once.
};

struct Gap {
  std::optional<std::size_t> channel;  // Absent: the whole device was silent.
  TimeRange range;
};

// What came in over a device's whole life; in the same transaction as the samples.
struct Tally {
  std::uint64_t reports = 0;    // That brought at least one new sample.
  std::uint64_t duplicate = 0;  // That brought nothing new.
  std::uint64_t lost = 0;  // Samples that the meter had to drop before anybody had stored them.
};

class Store {
 public:
  virtual ~Store() = default;

  // Takes the samples of one report; header.booted_at must be known. Times are fixed by the first
  // booted_at that a boot came with. Nothing is durable, and nothing may be acknowledged, before
  // commit() has returned without an error; after an error all since the last commit is undone.
  virtual std::expected<Appended, StoreError> append(const measurement::ReportHeader&,
                                                     std::span<const measurement::Sample>) = 0;
  virtual std::expected<void, StoreError> commit() = 0;

  // Many stores on one file system are committed faster together: hand_over() writes what was
  // appended, Volume::sync() puts it on the disk, synced() says so, and commit() has no disk left
  // to wait for. Whoever leaves one of them out only waits longer.
  virtual void hand_over() {}
  virtual void synced() {}

  // How often something that was appended was undone before its commit, by whatever call failed.
  virtual std::uint64_t undone() const = 0;

  // A range of a series at a step: whole seconds up to 59, or whole minutes, counted from 1970.
  // Steps that lie only partly in the range are given whole. What was appended is seen before the
  // commit too. StoreError::too_long for more than max_steps.
  static constexpr std::size_t max_steps = 100'000;
  virtual std::expected<Points, StoreError> read(const Series&, TimeRange,
                                                 std::chrono::milliseconds step,
                                                 Columns = Columns::all) = 0;
  // Which channels belong together, so that what they do is summed up while it comes in: their
  // least and greatest power by the minute is read as fast as that of one channel, and stays when
  // the samples go. Both hold from the next hour on.
  virtual std::expected<void, StoreError> keep_together(std::vector<Series>) { return {}; }

  // Newest sample in time, with its time. One that is older than the store keeps samples has its
  // number, and all values are absent.
  struct Last {
    measurement::Timestamp time;
    measurement::Sample sample;
  };
  virtual std::expected<std::optional<Last>, StoreError> last(std::string_view device) = 0;

  // Where nothing was measured, oldest first, within the range: pieces between samples that lie
  // further apart than 1.5 periods, and pieces in which one channel was absent.
  virtual std::expected<std::vector<Gap>, StoreError> gaps(std::string_view device, TimeRange) = 0;

  // Numbers on disk, newest boots first, at most `most`.
  virtual std::expected<std::vector<measurement::StoredRange>, StoreError> stored(
      std::string_view device, std::size_t most) = 0;

  virtual std::expected<Tally, StoreError> tally(std::string_view device) = 0;

  // Of the device's newest boot.
  virtual std::expected<measurement::Origin, StoreError> origin(std::string_view device) = 0;

  // Every sample of a device in a range, by boot, then stream, then number.
  struct Kept {
    std::uint64_t boot = 0;
    measurement::Stream stream{};
    measurement::Timestamp time;
    measurement::Sample sample;
  };
  virtual std::expected<std::vector<Kept>, StoreError> samples(std::string_view device,
                                                               TimeRange) = 0;

  // A boot's totals when a time began: the greatest before it of every channel that is asked for
  // (bit c: channel c); absent where there is none.
  virtual std::expected<measurement::Sample, StoreError> totals_before(std::string_view device,
                                                                       std::uint64_t boot,
                                                                       measurement::Timestamp,
                                                                       std::uint64_t channels) = 0;

  // Minutes whose samples, or whose gained energy, have changed after a revision, in the order of
  // their last change, at most `most`. Of what has been committed: a minute once the next one has
  // begun, or with the next tidy() when it is over. Whoever keeps a copy of what is stored
  // remembers the last revision that it was given: the store is its queue.
  struct Change {
    std::uint64_t revision = 0;  // From 1.
    std::string device;
    measurement::Timestamp minute;  // Its begin.
  };
  virtual std::expected<std::vector<Change>, StoreError> changes(std::uint64_t after,
                                                                 std::size_t most) = 0;
  virtual std::expected<std::vector<std::string>, StoreError> devices() = 0;

  // Makes what is stored smaller, a short piece of work at a time; nothing that is read changes by
  // it. True: there is nothing left to do for now.
  virtual std::expected<bool, StoreError> tidy(measurement::Timestamp now) = 0;
};

}  // namespace hub
