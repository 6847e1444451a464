// What every circuit has used and produced, hour by hour and in all: the number that leaves the
// house for Home Assistant, InfluxDB and Prometheus.
//
//   store ── changes ──> follow() ──> hours of circuits ──> counter(), a total that never falls
//
// Import and export are told apart within each sample, as the circuit's netting says. All of it is
// computed from the store and can be computed again; only what the outside was told is not.

#pragma once

#include <cstdint>
#include <expected>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "hub/circuit_energy.h"
#include "hub/home.h"
#include "hub/store/database.h"
#include "hub/store/store.h"

namespace hub {

struct HourOfEnergy {
  measurement::Timestamp begin;  // A whole hour of UTC.
  Energy gained;                 // Within it.
  Energy counter;                // At its end: the circuit's counter, as counter() gives it.
  std::uint64_t revision = 0;    // Rises whenever `gained` changes.
};

// Files, store and home outlive it. One thread.
class Ledger {
 public:
  // Only one at a time may follow the store; beside it, others may read what it wrote.
  enum class Use : std::uint8_t { follow, read };

  // Opens or creates the file. Throws std::runtime_error with one sentence. Where a circuit's
  // channels or multipliers are no longer what they were, its hours are computed again by follow().
  Ledger(Files&, const std::string& file, Store&, const Home&, Use = Use::follow);

  // Takes in what the store has stored since the last time, at most `most` hours of a device, so
  // that a call is short. True: nothing is left. Only minutes that are over at `now` are looked at.
  std::expected<bool, StoreError> follow(measurement::Timestamp now, std::size_t most = 1);

  // Hours in which the circuit had energy or samples, oldest first; of a circuit that is not known,
  // and where the file cannot be read, none.
  std::vector<HourOfEnergy> hours(std::string_view circuit, TimeRange);

  // Those that changed after `revision`, of all times, oldest first, at most `most`.
  std::vector<HourOfEnergy> changed(std::string_view circuit, std::uint64_t revision,
                                    std::size_t most);

  // Of the hour that changed last; 0: none did.
  std::uint64_t revision() const { return revision_; }

  // Up to the last whole minute that was followed. It never falls, whatever is corrected, lost or
  // restored: it stands still until the measured energy has caught up with what was told before,
  // and after catch_up_time goes on from there, since what is missing will not come back.
  Energy counter(std::string_view circuit);

  // The outside was told this much (a retained message, a row of statistics): counter() goes on
  // from there. After a restore the ledger may know less than the outside does.
  void told(std::string_view circuit, const Energy&);

  static constexpr std::chrono::hours catch_up_time{1};

  // How far somebody has read: the store's changes, an hour's revision. 0 where nothing was noted.
  std::uint64_t bookmark(const std::string& name);
  void set_bookmark(const std::string& name, std::uint64_t);

 private:
  struct Circuit {
    Energy counted;  // The sum of its hours.
    Energy base;     // What counter() is ahead of that: told before, and not to be counted again.
    Energy told;
    bool is_recounted = false;  // Its hours are made anew: counter() stands still meanwhile.
    bool is_kept = true;        // In the file, all of it.
    std::optional<measurement::Timestamp> short_since;  // The outside knows more than we do.
  };
  using DeviceHour = std::pair<std::string, measurement::Timestamp>;

  void begin_circuits(Use);
  std::expected<bool, StoreError> take_changes(measurement::Timestamp now);
  std::expected<void, StoreError> recount(const DeviceHour&, measurement::Timestamp end);
  std::expected<void, StoreError> write(const DeviceHour&, const std::map<std::string, Energy>&);
  std::expected<void, StoreError> catch_up(measurement::Timestamp now);
  bool keep(const std::string& id, const Circuit&);
  std::vector<HourOfEnergy> read(Statement&, std::string_view circuit);
  bool begin();
  std::expected<void, StoreError> commit();
  std::unexpected<StoreError> undo();

  Database database_;
  Store& store_;
  const Home& home_;
  Statement find_bookmark_, put_bookmark_, find_hour_, put_hour_, put_circuit_, counted_before_,
      hours_, changed_;
  std::map<std::string, Circuit, std::less<>> circuits_;
  std::set<DeviceHour> due_;
  // Hours that go on: how far they are counted and what exactly, so that a minute costs a minute.
  struct Counted {
    measurement::Timestamp until;
    std::map<std::string, ExactEnergy> gained;
  };
  std::map<DeviceHour, Counted> counted_;
  std::map<DeviceHour, measurement::Timestamp> waiting_;  // Until this minute is over.
  measurement::Timestamp end_{};                          // Of the last minute that is over.
  std::uint64_t revision_ = 0;                            // Of the hours.
  std::optional<std::uint64_t> followed_;  // The store's revision, once all that is due is done.
};

}  // namespace hub
