// Trains what tells the end of a course from a pause, from machines that were recorded.

#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <vector>

#include "insight/identification/cycles.h"
#include "lenz/evaluation/machines.h"
#include "lenz/evaluation/metrics.h"

namespace lenz::evaluation {

// What a watch without a judge saw of a machine's courses.
struct CycleExamples {
  struct Asked {
    insight::CycleFeatures features;
    std::size_t course = 0;  // Of the known ones.
    bool is_end = false;
    bool is_with_all = true;  // Its past is whole; else what it would see with fewer courses.
  };
  std::vector<Asked> asked;
  std::size_t courses = 0;
};
CycleExamples cycle_examples(const Machine&);

struct CycleTraining {
  int rounds = 120, depth = 4;
  double learning_rate = 0.08;
  // Of the courses of machines that a judge has not seen, so many may be called done too early.
  double false_share = 0.007;
  std::uint64_t seed = 1;
};

// Grows from all; the certainties it asks for are chosen by judges that were grown without a part
// of the households. Empty: too few machines. Deterministic.
std::optional<insight::CycleJudge> fit_cycles(std::span<const Machine* const>,
                                              std::span<const CycleExamples* const>,
                                              const CycleTraining&);

// How good it was on courses of a number of courses seen before.
struct CycleErrors {
  double courses = 0;
  Figure within_minute, false_share;  // Of the courses, with their exact intervals.
  double median_delay_s = no_figure;
};
CycleErrors cycle_errors(std::span<const SaidOfCourse>, std::size_t least_before,
                         std::size_t most_before);

// Of each machine, by judges that were grown without its household.
std::vector<std::vector<SaidOfCourse>> cross_validate(std::span<const Machine* const>,
                                                      std::span<const CycleExamples* const>,
                                                      const CycleTraining&);

}  // namespace lenz::evaluation
