// Receives every report, whatever brought it here.

#pragma once

#include <cstdint>
#include <expected>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "hub/live_feed.h"
#include "hub/store/store.h"
#include "measurement/report.h"

namespace hub {

enum class Rejected : std::uint8_t {
  unknown_device,    // Nobody admitted a meter of this name.
  implausible_time,  // Before 2000 or after 2100.
  not_stored,        // The store failed; the meter keeps the samples and sends them again.
};
const char* sentence(Rejected);

// The store and the feed must outlive the hub. One thread owns it.
class Hub {
 public:
  Hub(Store& store, LiveFeed& live) : store_(store), live_(live) {}

  void admit(std::string device) { known_.try_emplace(std::move(device)); }
  // Those that are admitted: when the newest report came, absent since this hub's start.
  struct Known {
    std::optional<measurement::Timestamp> heard;
    measurement::Timestamp newest{};  // Sample.
  };
  const std::map<std::string, Known, std::less<>>& known() const { return known_; }

  // Known? plausible? new? -> kept and told. Nothing is acknowledged before confirm().
  // `now` gives samples of a meter that does not know the time theirs: the last of them is of now.
  std::expected<void, Rejected> accept(const measurement::Report&, measurement::Timestamp now);

  struct Acknowledgement {
    std::string device;
    std::vector<measurement::StoredRange> ranges;
  };
  // As the store's.
  void hand_over() { store_.hand_over(); }
  void synced() { store_.synced(); }

  // Puts all that was accepted on the disk. What of it may be acknowledged is said by confirm().
  std::expected<void, StoreError> commit();
  // Commits, and says what may be acknowledged of all that was accepted since the last time. After
  // an error none of it may; the meters send it again.
  std::expected<std::vector<Acknowledgement>, StoreError> confirm();

  // What is on the disk of every admitted device: for meters, after this hub has started.
  std::expected<std::vector<Acknowledgement>, StoreError> all_stored();

 private:
  using Starts = std::set<std::pair<std::uint64_t, measurement::Stream>>;
  // Of these boots and streams first, then of the newest.
  std::expected<Acknowledgement, StoreError> acknowledgement(const std::string& device,
                                                             const Starts& first);

  Store& store_;
  LiveFeed& live_;
  std::map<std::string, Known, std::less<>> known_;
  std::map<std::string, Starts> unconfirmed_;  // What each device's reports were of.
};

}  // namespace hub
