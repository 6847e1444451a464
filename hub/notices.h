// What people are told, when and by which channel: at once, after quiet hours or with others once a
// week; each thing once; again until the channel has taken it.

#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "hub/rules.h"
#include "measurement/units.h"

namespace hub {

struct Notice {
  std::uint64_t number = 0;  // From 1, given by the queue.
  std::string about;  // What it is of: "finding 3", "rule Garage". The same is not told again.
  Sending sending = Sending::today;
  bool is_danger = false;
  measurement::Timestamp time{};  // What it tells of.
  std::string title, text;        // A line; a line or more.
};

// A value: memory() is given back at the next start. One thread.
class NoticeQueue {
 public:
  static constexpr std::size_t most_waiting = 200;  // The oldest goes first, which say() tells.
  static constexpr std::size_t most_recent = 50;
  static constexpr std::chrono::minutes first_pause{1}, longest_pause{60};  // Between two tries.
  static constexpr std::chrono::hours given_up_after{24};                   // Of trying.

  using UtcOffset = std::function<std::chrono::minutes(measurement::Timestamp)>;

  // A damaged or foreign memory: nothing waits, and what was told may be told again.
  NoticeQueue(UtcOffset, std::string_view memory);

  void set(const NoticeTimes& times) { times_ = times; }
  // Their names; what waits for others is dropped.
  void set_channels(std::vector<std::string> channels);
  const std::vector<std::string>& channels() const { return channels_; }

  // False: the same was told within `again_after`. Without channels it is only kept as recent.
  bool add(Notice, measurement::Timestamp now, std::chrono::minutes again_after);

  // It is not so any more: what waits of it is not sent.
  void withdraw(std::string_view about);

  // What a channel is to send now; then done() is called. All that is in a digest comes as one.
  std::optional<Notice> next(const std::string& channel, measurement::Timestamp now);
  void done(const std::string& channel, const Notice&, bool is_taken, measurement::Timestamp now);

  // The newest first.
  std::vector<Notice> recent() const { return recent_; }
  std::size_t waiting() const { return waiting_.size(); }
  std::uint64_t lost() const { return lost_; }  // Dropped for want of room, or given up.
  std::string memory() const;
  // Rises with each change of memory().
  std::uint64_t revision() const { return revision_; }

 private:
  struct Waiting {
    Notice notice;
    std::string channel;
    std::uint32_t tries = 0;
    measurement::Timestamp first_try{}, next_try{};
  };
  bool is_due(const Notice&, measurement::Timestamp now) const;
  bool is_quiet(measurement::Timestamp now) const;
  measurement::Timestamp last_digest(measurement::Timestamp now) const;
  bool take_memory(std::string_view);

  UtcOffset utc_offset_;
  NoticeTimes times_;
  std::vector<std::string> channels_;
  std::vector<Waiting> waiting_;  // The oldest first.
  std::vector<Notice> recent_;
  std::map<std::string, measurement::Timestamp, std::less<>> told_;  // By about.
  std::uint64_t last_number_ = 0, lost_ = 0, revision_ = 0;
};

}  // namespace hub
