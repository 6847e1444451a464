// Washing machines, dishwashers and dryers that were recorded, and when their courses really ended.

#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "insight/identification/cycles.h"
#include "lenz/evaluation/data_set.h"

namespace lenz::evaluation {

struct Machine {
  std::string name, household, source, licence;
  insight::ApplianceKind kind{};
  double interval_s = 1, hold_s = 60;  // A reading stands no longer than the latter.
  std::vector<measurement::Timestamp> times;
  std::vector<float> active_power_w;

  // Every reading, and in between, while one is held, one for each interval; NaN where a gap
  // begins.
  void play(const std::function<void(measurement::Timestamp, float)>&) const;
};

// With readings at least every half a minute.
std::vector<Machine> machines_of(const DataSet&);

// Of the simulator's courses, some each of these kinds, one after the other.
std::vector<Machine> simulated_machines(std::size_t courses, std::uint64_t seed);

// From the first work to the last. Work is at or above the kind's threshold for 20 s of a minute;
// half an hour without ends a course, and five minutes do between two that are both whole, as this
// machine's courses go. Of 5 minutes and 20 Wh at least.
struct TrueCourse {
  measurement::Timestamp begin{}, end{};
  bool is_known = false;  // Nothing was missed from its begin to half an hour after its end.
};
std::vector<TrueCourse> true_courses(const Machine&);

// What was said of a known course.
struct SaidOfCourse {
  std::size_t courses_before = 0;  // That the watch had seen.
  bool was_false = false;          // "Done" was said a minute before its end or earlier.
  std::optional<double> delay_s;   // From its end to "done"; absent: not within half an hour.
};
std::vector<SaidOfCourse> follow_courses(const Machine&, insight::CycleWatch::IsEnd);

}  // namespace lenz::evaluation
