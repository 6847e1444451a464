// What must be said within minutes: a motor that does not start, a pump without water, what never
// stops, a freezer that is off, a sump pump that stands still in the rain. AssetWatch sees what
// changes over days.
//
//   readings ──> runs and pauses ──> how long, how strong they may be ──> finding
//
// Streaming; constant memory, well under a microsecond a reading.

#pragma once

#include <array>
#include <chrono>
#include <cstdint>
#include <limits>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "insight/appliance_kinds.h"
#include "insight/health/asset_watch.h"
#include "insight/health/finding.h"
#include "insight/health/size_histogram.h"
#include "insight/reading.h"

namespace insight {

// Kinds that have a rule; others have nothing to learn here.
bool is_watched_acutely(ApplianceKind);

// It learns for a week, and from twenty runs, before it says anything, and goes on
// learning from what it takes for usual. A time in which nothing was measured is none of a pause or
// run, so an outage of mains, meter or hub is no fault.
class AcuteWatch {
 public:
  // `memory` as memory() gave it; what is damaged or of another kind is left, and it learns anew.
  explicit AcuteWatch(ApplianceKind, std::string_view memory = {});

  // Its own power, 0.3 s to a minute apart, in the order of time.
  void take(const Reading&);

  // Rain that fell so far, of whatever beginning; NaN: not known. Only for a pump that rain fills a
  // pit for: another one that stands still in the rain is no finding.
  void set_rain(double fallen_mm);

  // The run or pause that was going on is not judged. After hours away a fridge runs for longer.
  void mains_were_away();

  // Those that stand now.
  std::vector<Finding> findings() const;

  bool is_learning() const;
  int days_left() const;  // Whole days that are needed yet; 0 where only runs are, or nothing.

  // To a finding that stands; nothing happens where none does.
  void said(Change, Verdict, measurement::Timestamp);

  // At most 16 KiB.
  std::string memory() const;

 private:
  enum Rule : std::uint8_t { starts, dry, stops, rests };
  static constexpr std::size_t rules = 4;
  static constexpr Change says(Rule);
  // Durations with when they ended, the latest ones.
  struct Past {
    static constexpr std::size_t size = 48;
    std::array<std::int64_t, size> ended_ms{};
    std::array<float, size> value{};
    std::uint32_t count = 0;

    void add(measurement::Timestamp, float);
    std::vector<Evidence::Point> course() const;
  };
  // What stands; 0: nothing.
  struct Standing {
    std::int64_t since_ms = 0, found_ms = 0;
    float before = 0, now = 0, spread = 0;
    float reactive_share = detail::not_measured;
  };
  template <class Self, class Each>
  static bool each(Self& self, const Each& one);

  void hold(const Reading&);
  void turn(measurement::Timestamp, bool is_on);
  void end_run(measurement::Timestamp);
  void end_pause(measurement::Timestamp);
  void learn_pause();
  void sum_up();
  void learn_run(measurement::Timestamp end, float run_s);
  bool failed_to_start(float run_s) const;
  void look_at_power(const Reading&, float held_s);
  void judge(measurement::Timestamp);
  void judge_starts(measurement::Timestamp);
  void find(Rule, measurement::Timestamp since, measurement::Timestamp now, float before,
            float value, const SizeHistogram& usual);
  void clear(Rule rule) { standing_[rule] = {}; }
  bool stands(Rule rule) const { return standing_[rule].found_ms != 0; }
  void forget_phase();
  float rise(float watts) const { return watts - base_w_; }
  float shortest_run_s() const;
  float dry_below_w() const;
  float stops_after_s() const;
  float rests_after_s() const;

  ApplianceKind kind_;
  double fallen_mm_ = std::numeric_limits<double>::quiet_NaN();  // As it was told last.

  // What was learnt. Runs and pauses in s, powers in W above what it draws when off.
  double seen_s_ = 0;
  float base_w_ = 0, level_w_ = 0;
  SizeHistogram runs_, pauses_, powers_, rains_;
  float greatest_w_ = 0;  // Reading, once a run has settled.
  float reactive_share_ = detail::not_measured;
  Past past_runs_, past_pauses_;
  std::array<float, rules> patience_{1, 1, 1, 1};  // More after people said that one was wrong.

  // What follows from that.
  float least_w_ = 0, short_run_s_ = 0, long_run_s_ = 0;

  // What goes on.
  std::int64_t latest_ms_ = 0;  // 0: nothing was taken.
  float latest_w_ = 0, latest_var_ = detail::not_measured;
  std::int64_t phase_ms_ = 0;   // Begin of the run or pause; 0: not known which it is.
  std::int64_t paused_ms_ = 0;  // Of a run: it pauses since then, and may go on; 0: it does not.
  bool is_on_ = false, began_here_ = false;
  float phase_s_ = 0;  // Seen of it.
  double settled_ws_ = 0, settled_vs_ = 0;
  float settled_s_ = 0, settled_peak_w_ = 0, peak_w_ = 0, held_on_s_ = 0;
  float before_run_s_ = 0;  // Of the pause before this run, which goes on where the run is none.
  std::int64_t pause_ms_ = 0;
  bool pause_began_here_ = false;
  float low_s_ = 0, low_w_ = 0, well_s_ = 0, stalled_s_ = 0, rain_mm_ = 0;  // Since it last ran.
  std::int64_t low_since_ms_ = 0;
  std::array<std::int64_t, 8> failed_ms_{};  // Of the latest starts, the oldest first.
  bool after_outage_ = false;                // The present or next run makes up for one.
  std::array<Standing, rules> standing_{};
};

}  // namespace insight
