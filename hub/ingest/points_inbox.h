// Points that are written over HTTP, and who waits until they are on the disk: many are put there
// by one commit.

#pragma once

#include <chrono>
#include <cstdint>
#include <expected>
#include <functional>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "hub/home.h"
#include "hub/ingest/written_points.h"
#include "hub/ingest/written_samples.h"
#include "hub/live_feed.h"
#include "hub/store/store.h"

namespace hub {

// Store, feed and home outlive it. One thread, that of the hub: what meters sent goes to the disk
// with the same commit, whoever calls for it.
class PointsInbox {
 public:
  using Done = std::function<void(std::expected<void, StoreError>)>;

  PointsInbox(Store& store, LiveFeed& live, const Home& home);

  // As WrittenPoints::take(). Nothing is durable yet. After an error those who waited are told too,
  // since the store has undone theirs as well.
  std::expected<WrittenPoints::Taken, StoreError> take(std::string_view text,
                                                       std::chrono::nanoseconds unit,
                                                       measurement::Timestamp now);

  // `done` is called by commit(), or earlier when what was taken is lost.
  void when_stored(Done done) { waiting_.push_back(std::move(done)); }
  bool is_waited_for() const { return !waiting_.empty(); }

  void commit();

 private:
  void finish(const std::expected<void, StoreError>&);
  void notice_loss();
  void tell();

  Store& store_;
  LiveFeed& live_;
  WrittenSamples samples_;
  WrittenPoints points_;
  std::uint64_t undone_ = 0;      // As the store counted it the last time.
  measurement::Timestamp now_{};  // Of the take() that runs.
  std::vector<Done> waiting_;

  struct Newest {
    measurement::Timestamp time{};
    measurement::Sample sample;
    bool is_told = true;
  };
  std::map<std::string, Newest, std::less<>> newest_;  // Of each device.
};

}  // namespace hub
