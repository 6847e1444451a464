// What circuits took and gave in each quarter of an hour, as bills are made of it.
//
// An hour's quarters add up to the ledger's hour, in which legs were netted sample by sample; what
// was counted over a gap lies evenly in it, and `covered` says how much of a quarter was measured.

#pragma once

#include <chrono>
#include <cstdint>
#include <expected>
#include <functional>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "hub/home.h"
#include "hub/ledger.h"
#include "hub/store/store.h"
#include "insight/bill/bill.h"
#include "insight/bill/zone.h"

namespace hub {

using UtcOffset = std::function<std::chrono::minutes(measurement::Timestamp)>;

// The clocks of a home within a range, from what they are ahead of UTC at a time. Changes that lie
// less than a day apart are not told from none.
insight::Zone zone_of(const UtcOffset&, TimeRange);

// Local days as time.
TimeRange range_of(const insight::BillingPeriod&, const insight::Zone&);
insight::BillingPeriod month_of(std::chrono::year_month);

// The quarters that touch a range.
TimeRange whole_quarters(TimeRange);
// Rows of zeros; nothing of them is covered.
insight::QuarterHours no_quarters(TimeRange);
// Adds what lies in both; `to` keeps its range. What is covered becomes the less of the two.
void add(insight::QuarterHours& to, const insight::QuarterHours&);
// What is left of a circuit without one under it, which may produce: nothing falls below zero.
void take_away(insight::QuarterHours& from, const insight::QuarterHours&);

// Store and home outlive it. Reads each month of a circuit once, and then again what has changed of
// it: from the first hour that did to its end. What is given is what the store has at the time of
// the question, but for what came in the minute before it. One thread.
class QuarterBook {
 public:
  using GiveLedger = std::function<Ledger*()>;       // Empty, or null: there is none.
  static constexpr std::chrono::days prepared{400};  // So far back step() reads.

  QuarterBook(Store& store, const Home& home, GiveLedger ledger);

  // Reads a month of a circuit, some milliseconds of work. True: nothing is left for now.
  std::expected<bool, StoreError> step(measurement::Timestamp now);
  // Nothing of what step() reads is missing: circuit() has it at once.
  bool is_ready() const { return is_ready_; }
  // The same of a month of one of these circuits that lies in the range. True: circuit() has all of
  // them at once. Of one `now` each is read once, whatever comes in meanwhile.
  std::expected<bool, StoreError> prepare(const std::vector<std::string>& circuits, TimeRange,
                                          measurement::Timestamp now);

  // The quarters that touch the range, as far as `now`. Of a circuit without a clamp nothing is
  // covered.
  std::expected<insight::QuarterHours, StoreError> circuit(std::string_view id, TimeRange,
                                                           measurement::Timestamp now);
  // When the first sample of any meter of the home was stored; absent: there is none.
  std::expected<std::optional<measurement::Timestamp>, StoreError> first();
  // Rises when something that was given is no longer so, other than by the hours before it going
  // on; at most once in a minute, or a past of months that comes in would let all begin anew each
  // time.
  std::uint64_t revision() const { return revision_; }

 private:
  using Month = std::int64_t;  // Since 1970, of UTC.
  // Of a circuit, from the month's begin; a vector that would say nothing is empty.
  struct Chunk {
    std::size_t count = 0;
    std::vector<std::uint32_t> imported, exported;  // mWh
    std::vector<float> covered;
    measurement::Timestamp read_at{};
    measurement::Timestamp sound{};  // What lies before it needs no second look: on an hour.
    bool has_changed = false;        // Since it was read, behind `sound`.
  };
  using Key = std::pair<std::string, Month>;
  using Earliest = std::map<std::pair<std::string, Month>, measurement::Timestamp>;

  bool is_known(const Key&, measurement::Timestamp now) const;
  std::expected<const Chunk*, StoreError> chunk(const Key&, measurement::Timestamp now);
  std::expected<insight::QuarterHours, StoreError> read(const std::string& circuit, TimeRange);
  std::expected<const std::vector<Gap>*, StoreError> gaps_near(const std::string& device,
                                                               TimeRange);
  std::expected<bool, StoreError> look_for_changes(measurement::Timestamp now);
  void take_changes(const Earliest&);
  void follow_ledger();
  void forget_from(const Key&, measurement::Timestamp);
  bool is_silent(const Key&, measurement::Timestamp from) const;
  std::vector<std::string> circuits_read() const;
  std::vector<Key> due(measurement::Timestamp now, measurement::Timestamp begun) const;

  Store& store_;
  const Home& home_;
  const GiveLedger ledger_;
  std::map<Key, Chunk> chunks_;
  // Of what is read now: all circuits of a meter have the same. As long as nothing changes.
  struct Gaps {
    TimeRange range;
    std::vector<Gap> found;
  };
  std::map<std::pair<std::string, Month>, Gaps> gaps_;
  std::optional<measurement::Timestamp> first_;
  // Of the store's changes; of the ledger's hours; of what is given.
  std::uint64_t seen_ = 0, followed_ = 0, revision_ = 1;
  bool is_late_ = false;  // Something was given that is no longer so.
  measurement::Timestamp raised_at_{};
  bool knows_changes_ = false;  // Those of before the start have been passed over.
  bool is_ready_ = false;
};

}  // namespace hub
