// Whether a prediction came true: what an appliance took before and after something was changed,
// adjusted for weather and use, so that nobody's holiday counts as a saving.

#pragma once

#include <expected>
#include <optional>
#include <span>
#include <string>

#include "insight/advice/advice.h"
#include "insight/appliance_kinds.h"

namespace insight {

// A local day of an appliance.
struct UseDay {
  std::optional<double> kwh;      // Absent: not measured whole.
  std::optional<double> uses;     // Runs that ended. Absent: it works all the time.
  std::optional<double> outdoor;  // Mean, in °C.
  // What the rest of the home took: little of it, and nobody is there.
  std::optional<double> rest_kwh;
};

struct MeasuredSaving {
  Spread kwh;              // Of 365 days with the weather of those measured and the use of before.
  bool is_saving = false;  // Above 0 in more than 99 of 100 cases.
  bool knows_weather = false;  // Of all days that count; else it is not adjusted for.
};

// A kind that heats or cools rooms: without the weather it cannot be told from a warm month.
bool follows_weather(ApplianceKind);

// Days in order, none of the change itself. Left out are days that were not measured whole, on
// which nobody was there, or on which the appliance was off. The error says, in one sentence, why
// nothing can be said yet: 28 days before and 21 after must be left, with 8 uses of each.
std::expected<MeasuredSaving, std::string> measured_saving(std::span<const UseDay> before,
                                                           std::span<const UseDay> after);

// What was measured lies within what was predicted. Absent: not measured yet.
std::optional<bool> came_true(const ScoredPrediction&);

struct HitRate {
  int right = 0, measured = 0;
};
HitRate hit_rate(std::span<const ScoredPrediction>);

}  // namespace insight
