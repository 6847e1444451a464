// What others measured, put into the store as if a meter had: the one way in for imports and for
// points that are written over HTTP.
//
//   instants of a device ── known already? ──> boots of its days ──> Store::append
//                                      energy gained ──> running totals
//
// Writing twice is writing once: what the store has of a channel in a second is never written
// again, whoever wrote it, so retried, late and overlapping writes land in the right place.

#pragma once

#include <array>
#include <chrono>
#include <cstdint>
#include <expected>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "hub/store/store.h"
#include "measurement/report.h"

namespace hub {

// One instant of a device. It is told what was gained, not totals.
class Instant {
 public:
  Instant(measurement::Timestamp time_, std::size_t chips) : time(time_), sample_(chips) {}

  // In whole steps; a chip's quantity counts for the chip of the channel, which is added if need
  // be. `imported` and `exported` are what was gained in the time that the instant stands for.
  void put(measurement::Quantity, std::size_t channel, std::int64_t steps);

  // Takes what `other` has and this has not.
  void add(const Instant& other);

  measurement::Timestamp time;
  // How long its power counts where nothing counted the energy; absent: since the instant before,
  // but at most 2.5 periods.
  std::optional<std::chrono::milliseconds> stands_for{};
  std::size_t rows = 1;  // Of a file or a body, that it is made of.

 private:
  friend class WrittenSamples;
  void drop(std::uint64_t measured, std::uint64_t counted, std::uint64_t sensed);
  void widen(std::size_t chips);

  measurement::Sample sample_;  // Its totals are gains.
  std::uint64_t measured_ = 0;  // Bit c: channel c has something else than energy.
  std::uint64_t counted_ = 0;   // Bit c: channel c has energy.
  std::uint64_t sensed_ = 0;    // Bit k: chip k has something of its own, such as its voltage.
};

// Both ends included.
struct StepRange {
  std::int64_t least = 1, most = 0;

  bool holds(std::int64_t steps) const { return least <= steps && steps <= most; }
};
// What is within physical reason, in steps: 10 MW, 10 kV, 100 kA, 100 MWh at once. Nothing of what
// is derived.
StepRange range_of(measurement::Quantity);
bool is_in_range(measurement::Quantity, std::int64_t steps);

// A boot is called by a day and a count, so that no two writers meet. One minute that a meter of
// another kind measured in is known as a whole: two stories of one clamp would count twice.
class WrittenSamples {
 public:
  using Append = std::function<std::expected<void, StoreError>(
      const measurement::ReportHeader&, std::span<const measurement::Sample>)>;

  // The store is only read from, and outlives this; `append` brings the samples to it.
  WrittenSamples(Store& store, Append append) : store_(store), append_(std::move(append)) {}
  // Commits are the caller's.
  explicit WrittenSamples(Store& store);

  struct Taken {
    std::size_t added = 0;  // Rows of instants that brought something new.
    std::size_t known = 0;  // Of those that did not.
  };

  // Who is written for.
  struct Writer {
    std::string device;
    std::size_t chips = 0;
    std::optional<std::chrono::milliseconds> period{};  // Absent: the least that was seen.
    std::uint64_t counters = 0;  // Bit c: channel c's energy is told, so it is not integrated.
  };

  // Instants in rising order of time, one of each. Those of a second that has one already are
  // known.
  std::expected<Taken, StoreError> take(const Writer&, std::span<Instant> instants);

  // To be called when a commit failed: what was taken since the last one is not there.
  void forget() { devices_.clear(); }

 private:
  static constexpr std::size_t seconds_an_hour = 3600;
  using Totals = std::array<std::int64_t, measurement::max_channels>;

  // Its samples' times and totals rise.
  struct Boot {
    std::uint64_t name = 0;
    measurement::Timestamp newest{};
    std::uint64_t next_number = 0;
    measurement::Origin origin{};
    std::array<Totals, 2> total{};      // Imported and exported, in mWh.
    std::array<Totals, 2> remainder{};  // Of what was integrated, in 0.1 W x 1 ms.
  };
  struct Day {
    measurement::Timestamp begin{};
    std::vector<Boot> boots;
    std::uint64_t next_count = 0;
  };
  // The channels and chips of a second that are known; bits as Instant has them.
  struct Second {
    std::uint64_t measured = 0, counted = 0, sensed = 0;
  };
  struct Hour {
    measurement::Timestamp begin{};
    std::array<Second, seconds_an_hour> seconds{};
  };
  struct Device {
    std::optional<measurement::Timestamp> newest;
    std::chrono::milliseconds newest_stands_for{};
    std::optional<std::chrono::milliseconds> period;  // The least that was seen.
    std::vector<Day> days;                            // The two that were used last.
    // Nothing is known of what is later than all there is, so that whoever writes in order needs no
    // more than the second that was written last. `unknown_from` is the end of the newest minute
    // that the store had.
    measurement::Timestamp unknown_from{};
    measurement::Timestamp latest_begin{};
    Second latest;
    std::unique_ptr<Hour> hour;  // Of the late writer's; null until there is one.
  };

  std::expected<Device*, StoreError> device_of(const std::string& name);
  std::expected<Second*, StoreError> known_at(const std::string& name, Device&,
                                              measurement::Timestamp);
  std::expected<void, StoreError> look_up(const std::string& name, Device&,
                                          measurement::Timestamp hour);
  std::expected<Boot*, StoreError> boot_at(const std::string& name, Device&,
                                           measurement::Timestamp);
  static std::chrono::milliseconds stands_for(Device&, const Instant&);
  static void count(Instant&, std::chrono::milliseconds stands_for, std::uint64_t counters, Boot&);

  Store& store_;
  Append append_;
  std::map<std::string, Device> devices_;
  std::vector<measurement::Sample> samples_;  // Of the report that is being made.
};

}  // namespace hub
