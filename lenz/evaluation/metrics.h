// Figures of estimates, each as it is defined in docs/identification.md, and how sure they are.

#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <limits>
#include <map>
#include <optional>
#include <span>
#include <utility>
#include <vector>

#include "insight/appliance_kinds.h"
#include "lenz/evaluation/true_events.h"

namespace lenz::evaluation {

inline constexpr double no_figure = std::numeric_limits<double>::quiet_NaN();

// NaN: it has no meaning.
struct Figure {
  double value = no_figure, low = no_figure, high = no_figure;
};

struct Hits {
  double right = 0, wrong = 0, missed = 0;

  double f1() const;  // NaN: there was nothing to find and nothing was found.
  Hits& operator+=(const Hits&);
  Hits operator*(double) const;
};

// Steps of the same direction within the tolerance, one to one.
Hits match_steps(std::span<const measurement::Timestamp> times, std::span<const Step> truth,
                 std::span<const Step> estimated, double tolerance_s);

// Activations that share at least half of what both cover, one to one. Both are in order and do not
// overlap among themselves.
Hits match_activations(std::span<const measurement::Timestamp> times,
                       std::span<const Activation> truth, std::span<const Activation> estimated);

// What powers of one kind amount to, each row counting as long as it is held. Rows that are NaN in
// one of them are left out.
struct PowerErrors {
  double hours = 0;
  double absolute_wh = 0;  // Of the differences.
  double true_wh = 0, estimated_wh = 0;
  double least_wh = 0, greatest_wh = 0;  // Of the smaller, and of the greater, at each row.
  double day_errors = 0, days = 0;       // Relative errors of the energy of days that had some.

  PowerErrors& operator+=(const PowerErrors&);
  PowerErrors operator*(double) const;  // Of everything but the days.
};
PowerErrors power_errors(std::span<const measurement::Timestamp> times,
                         std::span<const float> held_s, std::span<const float> truth,
                         std::span<const float> estimated);

// Right of `n`, with the exact interval of 95 % (Clopper & Pearson 1934).
Figure share(double right, double n);

// Of figures of weights, one weight for each unit: their intervals of 95 % over units that are
// drawn anew. The same seed gives the same.
std::vector<Figure> bootstrap(
    std::size_t units, std::uint64_t seed,
    const std::function<std::vector<double>(std::span<const double> weights)>& figures);

// Mean distance of probability and share right, over 10 bins of the same width (Naeini et al.
// 2015).
double calibration_error(std::span<const std::pair<double, bool>> guesses);

// NaN: there are none.
double quantile(std::vector<double> values, double share);

// F1 of each type there is, of the weight that was taken for a type (absent: for none). What is
// taken for a type that there is not is only missed.
using Confusion =
    std::map<std::pair<insight::ApplianceKind, std::optional<insight::ApplianceKind>>, double>;
std::map<insight::ApplianceKind, double> type_f1(const Confusion&);

}  // namespace lenz::evaluation
