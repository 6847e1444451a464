// Keeps a copy of what is stored in an InfluxDB, 1.x or 2.x, or in a VictoriaMetrics.
//
//   store ── changes after the bookmark ──> lines ──> next() ··· HTTP ··· done() ──> bookmark
//
// The store itself is the queue: however long the engine is away, the mirror goes on where it
// stopped, and late samples go to their own time. Points are named by measurement, tags and time,
// so writing one twice is writing it once. A server that answers before its disk has the data may
// forget its last seconds when it is killed: a minute after the first writing InfluxDB gets a
// second one, and VictoriaMetrics, which always answers so, is asked how many points it has; where
// some are missing, all after the bookmark is written again. Only then the bookmark moves.

#pragma once

#include <cstddef>
#include <cstdint>
#include <deque>
#include <expected>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "hub/home.h"
#include "hub/integrations/engine_dialect.h"
#include "hub/integrations/engine_trust.h"
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
  // What stays missing for so long, however often it is written, is left out.
  static constexpr std::chrono::minutes longest_repair{60};
  static constexpr std::chrono::seconds longest_wait{60};  // 1, 2, 4, ... between tries.
  static constexpr std::chrono::seconds time_limit{30};    // For an answer.

  using Batch = EngineRequest;
  using Answer = EngineAnswer;

  // `tell` is given one sentence at a time, at most one a minute, without a secret in it. Throws
  // std::runtime_error with one sentence where the settings make no sense.
  InfluxMirror(const Home&, Store&, Ledger&, InfluxDb,
               std::function<void(const std::string&)> tell);
  InfluxMirror(const Home&, Store&, Ledger&, VictoriaMetrics,
               std::function<void(const std::string&)> tell);
  InfluxMirror(const InfluxMirror&) = delete;
  InfluxMirror& operator=(const InfluxMirror&) = delete;

  // To be asked once a second, and again at once after done(). Nothing: all that is over (a minute
  // at a time) is written, or it is too early to try again, or the last batch has no answer yet.
  std::optional<Batch> next(measurement::Timestamp now);

  // The answer to the last batch, or that there was none in time.
  void done(const Answer&, measurement::Timestamp now);

  // All that the store has is sent again, from the oldest minute on.
  void resend();

 private:
  enum class Asked : std::uint8_t { nothing, lines, count, trust };

  struct Written {  // Once.
    std::uint64_t revision = 0;
    measurement::Timestamp answered;
  };

  InfluxMirror(const Home&, Store&, Ledger&, std::unique_ptr<EngineDialect>, InfluxDb points,
               std::function<void(const std::string&)> tell);

  Batch write_lines();
  bool gather(measurement::Timestamp now);
  std::expected<std::uint64_t, StoreError> gather(std::uint64_t after, std::uint64_t last,
                                                  measurement::Timestamp now);
  std::expected<void, StoreError> take(std::expected<Lines, StoreError>);
  std::expected<void, StoreError> take_minute(const Store::Change&);
  void took(const Answer&, measurement::Timestamp now);
  void counted(const Answer&, measurement::Timestamp now);
  void written(measurement::Timestamp now);
  void confirm();
  void begin_at_bookmark();
  void refused(const Answer&, measurement::Timestamp now);
  void wait(measurement::Timestamp now);
  void say(const std::string& sentence, measurement::Timestamp now);

  const Home& home_;
  Store& store_;
  Ledger& ledger_;
  const std::unique_ptr<EngineDialect> dialect_;
  const VictoriaDialect* const victoria_;  // The same, where it is counted; else null.
  const InfluxDb points_;                  // What is said of them.
  const std::function<void(const std::string&)> tell_;
  const std::string bookmark_;  // Its name: another database begins at the beginning.
  EngineTrust trust_;

  std::uint64_t written_ = 0;  // Revision up to which everything was written once.
  std::deque<Written> once_;   // Waits for its second writing, oldest first.
  std::optional<measurement::Timestamp> named_;  // Hour in which the names were told.

  // What is being written.
  std::vector<std::string> lines_;
  std::size_t position_ = 0;   // The first of them that was not taken yet.
  std::size_t count_ = 0;      // Of the batch without an answer.
  std::uint64_t reaches_ = 0;  // Revision, once all lines are taken.
  bool is_second_ = false;
  std::map<measurement::Timestamp, std::uint64_t> due_;  // Points of each minute, to be counted.
  std::string due_meter_;                                // Whose they are.
  std::optional<measurement::Timestamp> missing_since_;  // After a bookmark that has not moved.
  bool has_left_out_ = false;  // The same is likely of what comes next: it is repaired once only.
  std::size_t at_once_ = most_lines;  // Fewer while something in them is refused.

  Asked asked_ = Asked::nothing;  // What has no answer yet.
  bool is_to_resend_ = false;

  measurement::Timestamp next_try_{};
  std::chrono::seconds wait_{0};  // 0: the last answer was good.
  std::optional<measurement::Timestamp> said_;
};

}  // namespace hub
