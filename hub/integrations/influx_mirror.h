// Keeps a copy of what is stored in an InfluxDB, 1.x or 2.x.
//
//   store ── changes after the bookmark ──> lines ──> next() ··· HTTP ··· done() ──> bookmark
//
// The store itself is the queue: however long InfluxDB is away, the mirror goes on where it
// stopped, and late samples go to their own time. Points are named by measurement, tags and time,
// so writing one twice is writing it once, and everything is: a server that answers before its
// disk has the data (VictoriaMetrics does, InfluxDB can be told to) may forget its last seconds
// when it is killed, so a minute after the first writing there is a second, and only then the
// bookmark moves.

#pragma once

#include <cstddef>
#include <cstdint>
#include <deque>
#include <expected>
#include <functional>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "hub/home.h"
#include "hub/integrations/influx_points.h"
#include "hub/ledger.h"
#include "hub/partners.h"
#include "hub/store/store.h"

namespace hub {

// Home, store and ledger outlive it. One thread; it has no socket and no clock.
class InfluxMirror {
 public:
  static constexpr std::size_t most_lines = 5'000;  // Of one request; and 1 MiB.
  static constexpr std::size_t most_bytes = 1 << 20;
  static constexpr std::chrono::seconds second_writing_after{60};
  static constexpr std::chrono::seconds longest_wait{60};  // 1, 2, 4, ... between tries.
  static constexpr std::chrono::seconds time_limit{30};    // For an answer.

  // A request to send by POST.
  struct Batch {
    std::string url;  // Holds no secret.
    std::vector<std::pair<std::string, std::string>> headers;
    std::string body;
  };

  // What came back.
  struct Answer {
    unsigned status = 0;  // 0: nothing did.
    std::string text;     // The answer's body, or why there is none.
  };

  // `tell` is given one sentence at a time, at most one a minute, without a secret in it. Throws
  // std::runtime_error with one sentence where `influx` makes no sense.
  InfluxMirror(const Home&, Store&, Ledger&, InfluxDb influx,
               std::function<void(const std::string&)> tell);

  // To be asked once a second, and again at once after done(). Nothing: all that is over (a minute
  // at a time) is written, or it is too early to try again, or the last batch has no answer yet.
  std::optional<Batch> next(measurement::Timestamp now);

  // The answer to the last batch, or that there was none in time.
  void done(const Answer&, measurement::Timestamp now);

 private:
  struct Written {  // Once.
    std::uint64_t revision = 0;
    measurement::Timestamp answered;
  };

  bool gather(measurement::Timestamp now);
  std::expected<std::uint64_t, StoreError> gather(std::uint64_t after, std::uint64_t last,
                                                  measurement::Timestamp now);
  std::expected<void, StoreError> take(std::expected<Lines, StoreError>);
  void written(measurement::Timestamp now);
  void refused(const Answer&, measurement::Timestamp now);
  void wait(measurement::Timestamp now);
  void say(const std::string& sentence, measurement::Timestamp now);

  const Home& home_;
  Store& store_;
  Ledger& ledger_;
  const InfluxDb influx_;
  const std::function<void(const std::string&)> tell_;
  const std::string bookmark_;  // Its name: another database begins at the beginning.

  std::uint64_t written_ = 0;  // Revision up to which everything was written once.
  std::deque<Written> once_;   // Waits for its second writing, oldest first.
  std::optional<measurement::Timestamp> named_;  // Hour in which the names were told.

  // What is being written.
  std::vector<std::string> lines_;
  std::size_t position_ = 0;   // The first of them that was not taken yet.
  std::size_t count_ = 0;      // Of the batch without an answer; 0: there is none.
  std::uint64_t reaches_ = 0;  // Revision, once all lines are taken.
  bool is_second_ = false;
  std::size_t at_once_ = most_lines;  // Fewer while something in them is refused.

  measurement::Timestamp next_try_{};
  std::chrono::seconds wait_{0};  // 0: the last answer was good.
  std::optional<measurement::Timestamp> said_;
};

}  // namespace hub
