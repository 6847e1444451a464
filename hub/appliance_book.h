// What the analyst keeps: the channels that were looked at and what was learnt of them, their
// appliances, each run, and who said what. docs/insight_format.md is the page of its tables.
//
// Runs follow from the store and may be replaced by range; names and answers do not.

#pragma once

#include <cstdint>
#include <expected>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "hub/store/database.h"
#include "hub/store/store.h"
#include "insight/identification/channel_identifier.h"
#include "insight/identification/cycles.h"

namespace hub {

// Of a home, from 1. An appliance keeps it whatever is learnt anew.
using ApplianceNumber = std::int64_t;

struct BookedChannel {
  std::int64_t number = 0;  // From 1; 0: not in the book yet.
  std::string circuit;      // Id.
  std::string clamps;       // As clamps_of().
  std::int64_t epoch = 0;   // Rises when the identifier is made anew: run ids begin again.
  // Its identifier has looked at what lies between.
  measurement::Timestamp since{}, until{};
  std::string model;     // That judged last.
  std::string memory;    // As the identifier's.
  bool is_past = false;  // Its clamps belong to another circuit now, or to none.
};

struct BookedAppliance {
  ApplianceNumber number = 0;  // From 1.
  std::int64_t channel = 0;
  insight::KnownAppliance known;  // Its id is `unexplained` where no identifier knows it any more.
  std::vector<insight::Cycle> courses{};  // Its latest, where it is one that has courses.
};

struct BookedRun {
  std::int64_t channel = 0, epoch = 0;
  ApplianceNumber appliance = 0;
  insight::Run run;
};

// Something with a plug, and the breaker behind it.
struct Outlet {
  std::string circuit;  // Id.
  std::string room, name;

  friend bool operator==(const Outlet&, const Outlet&) = default;
};

// Something that somebody said.
struct Act {
  std::int64_t number = 0;  // From 1.
  measurement::Timestamp time{};
  std::string who;  // Empty: the owner, who has no name yet.
  std::int64_t channel = 0;
  std::string text;  // "answer 3: kettle"
  bool can_be_undone = false;
};

// Files outlive it. One thread.
class ApplianceBook {
 public:
  // Opens or creates the file. Throws std::runtime_error with one sentence.
  ApplianceBook(Files&, const std::string& file);

  std::vector<BookedChannel> channels();
  std::vector<BookedAppliance> appliances();

  // All or nothing; after an error nothing of it is kept. A channel without a number gets one.
  class Writing {
   public:
    explicit Writing(ApplianceBook&);
    ~Writing();  // Without finish() all is undone.
    Writing(const Writing&) = delete;
    Writing& operator=(const Writing&) = delete;

    void put(BookedChannel&);
    void put(const BookedAppliance&);
    void put(const BookedRun&, std::string_view model);
    void forget(const BookedRun&);
    // Those that begin within, of all epochs.
    void forget_runs(std::int64_t channel, TimeRange);
    // Runs that go on end here: nobody saw how they went on.
    void end_open_runs(std::int64_t channel, measurement::Timestamp);
    void add(const Act&, std::string_view memory_before);
    // Of the act that was added last: who had this run, or all of `from`, has them again when it is
    // undone.
    void hand_over(const BookedRun&);  // It is put afterwards.
    void hand_runs_over(ApplianceNumber from, ApplianceNumber to);
    // Runs of an epoch that begin then or later get another, since their numbers are given anew.
    void set_aside(std::int64_t channel, std::int64_t epoch, measurement::Timestamp begin,
                   std::int64_t to_epoch);
    void undone(std::int64_t act);
    void asked(std::int64_t day, ApplianceNumber);
    void put(const Outlet&);  // One of the same room and name has this breaker now.
    std::expected<void, StoreError> finish();

   private:
    void must(bool is_done) { is_good_ = is_good_ && is_done; }
    ApplianceBook& book_;
    bool is_good_, is_open_ = true;
  };

  // That overlap the range, by begin; at most `most`. None where the file cannot be read.
  std::vector<BookedRun> runs(TimeRange, std::size_t most);
  std::optional<BookedRun> run(std::int64_t channel, std::int64_t epoch, std::uint64_t id);
  // The newest first.
  std::vector<Act> acts(std::size_t most);
  std::string memory_before(std::int64_t act);
  std::vector<Outlet> outlets();  // By room and name.
  std::vector<ApplianceNumber> asked_on(std::int64_t day);

 private:
  Database database_;
  Statement put_channel_, put_appliance_, put_run_, runs_, run_, acts_, memory_before_;
};

}  // namespace hub
