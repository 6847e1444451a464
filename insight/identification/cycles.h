// What an appliance with a course does (washing machine, dishwasher, dryer): where it is, how long
// it will take, and when it is done.
//
// It works where it is on for a third of the time or more: a dryer that turns its laundry over for
// a few seconds now and then, and a dishwasher that only drips dry, are done. A pause of the work
// looks like an end. What tells them apart is how the course looked when its power fell: beside the
// ends and pauses of the appliance's own past, and of others that were recorded.

#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <expected>
#include <functional>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "insight/appliance_kinds.h"
#include "insight/identification/forest.h"
#include "measurement/units.h"

namespace insight {

enum class CycleState : std::uint8_t { idle, running, paused, done };

// How a course looked when its power fell.
struct CycleMoment {
  double at_s = 0;          // Since the begin.
  double at_wh = 0;         // Drawn by then.
  double since_heat_s = 0;  // Heat: 900 W and more. From the begin where there was none.
  double since_heat_wh = 0;
  double heats = 0;  // How often it heated.
  // About the last half a minute and two and a half, as means that forget.
  double latest_w = 0, late_w = 0;

  friend bool operator==(const CycleMoment&, const CycleMoment&) = default;
};

// One course, from the begin of its work to the end.
struct Cycle {
  struct Pause {
    CycleMoment begin;
    double length_s = 0;

    friend bool operator==(const Pause&, const Pause&) = default;
  };
  CycleMoment end;
  std::vector<Pause> pauses;  // Of 20 s and more.

  friend bool operator==(const Cycle&, const Cycle&) = default;
};

// What an end is judged by: the fall, what followed, and the courses of before.
inline constexpr std::array cycle_feature_names = {
    std::string_view("quiet"),
    std::string_view("is_dishwasher"),
    std::string_view("is_dryer"),
    std::string_view("at"),
    std::string_view("energy"),
    std::string_view("since_heat"),
    std::string_view("since_heat_energy"),
    std::string_view("heats"),
    std::string_view("latest"),
    std::string_view("late"),
    std::string_view("peak"),
    std::string_view("pauses"),
    std::string_view("longest_pause"),
    std::string_view("since_pause"),
    std::string_view("courses"),
    std::string_view("end_distance"),
    std::string_view("pause_distance"),
    std::string_view("ends_to_pauses"),
    std::string_view("shape_end_distance"),
    std::string_view("shape_pause_distance"),
    std::string_view("shape_ends_to_pauses"),
    std::string_view("longest_pause_alike"),
    std::string_view("longest_pause_ever"),
    std::string_view("to_end_time"),
    std::string_view("to_end_energy"),
    std::string_view("to_end_since_heat"),
    std::string_view("to_shortest"),
    std::string_view("to_longest"),
    std::string_view("to_least_energy"),
    std::string_view("to_greatest_energy"),
};
using CycleFeatures = std::array<float, cycle_feature_names.size()>;

// Where an end is judged: at once or later, and by how clearly this appliance's own past speaks for
// it: less so, or it has none; somewhat; clearly; beyond doubt. Each has a certainty of its own
// from which it is said.
inline constexpr std::size_t cycle_places = 8;
std::size_t cycle_place(const CycleFeatures&);

// How likely a fall is the end of a course, as learnt from recorded machines.
class CycleJudge {
 public:
  using Certainties = std::array<float, cycle_places>;  // Above 1: never.

  // The forest has an input for each feature and one output.
  CycleJudge(Forest, const Certainties&);

  float probability(const CycleFeatures&) const;
  bool is_sure(const CycleFeatures& features) const {
    return probability(features) >= sure_from_[cycle_place(features)];
  }

  // The model's part "cycles"; docs/model_format.md. The error is one sentence.
  std::string bytes() const;
  static std::expected<CycleJudge, std::string> read(std::string_view part);

 private:
  Forest forest_;
  Certainties sure_from_;
};

// Of one appliance. Streaming; it keeps the last 20 courses.
class CycleWatch {
 public:
  // Asked at readings of a pause, the longer it takes the more rarely. True: it is the end.
  using IsEnd = std::function<bool(const CycleFeatures&)>;

  // `past`: what past() gave earlier, oldest first. Half an hour of quiet is always an end; without
  // `is_end` nothing else is.
  explicit CycleWatch(ApplianceKind, std::vector<Cycle> past = {}, IsEnd is_end = {});

  // In the order of time. NaN: not measured; what ran is then followed no further, since nobody
  // knows whether it ended.
  void take(measurement::Timestamp, measurement::Watts);

  CycleState state() const { return state_; }
  // It was said to be done, and then went on.
  bool went_on() const { return went_on_; }
  std::optional<measurement::Timestamp> began() const;  // While it runs, pauses or is done.
  std::optional<measurement::Timestamp> ended() const;  // Once it is done: of its work.
  // Median of what is left by its own past courses that had got so far; absent: it has none.
  std::optional<double> seconds_left() const;
  std::span<const Cycle> past() const { return past_; }

  // Of now, had it this past.
  CycleFeatures features(std::span<const Cycle> past) const;

 private:
  void begin(measurement::Timestamp);
  void work(measurement::Timestamp);
  void rest();
  void finish();
  double quiet_s() const;
  bool has_paused_so() const;

  ApplianceKind kind_;
  std::vector<Cycle> past_;
  IsEnd is_end_;
  CycleState state_ = CycleState::idle;
  measurement::Timestamp begin_{}, last_on_{}, latest_{};
  bool is_measured_ = false, went_on_ = false;
  double latest_w_ = 0, on_share_ = 0;   // The latter of the last half a minute, about.
  double minute_w_ = 0, minutes_w_ = 0;  // As CycleMoment's latest_w and late_w.
  // Of the course.
  double peak_w_ = 0, energy_wh_ = 0;
  measurement::Timestamp heated_{};
  double heated_wh_ = 0, heats_ = 0;
  bool heats_now_ = false;
  CycleMoment moment_;  // At the latest work.
  double asked_s_ = 0;  // Since then: of the latest question.
  Cycle cycle_;
};

// Whether something is on for longer than it ever was: longer than its longest run, by half and by
// a quarter of an hour. Never with fewer than five runs, whose lengths are given.
bool is_left_on(double running_s, std::span<const double> past_lengths_s);

}  // namespace insight
