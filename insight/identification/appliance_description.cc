#include "insight/identification/appliance_description.h"

#include <fmt/format.h>

#include <cmath>

namespace insight {
namespace {

std::string_view form_of(const Features& features) {
  const float watts = std::exp2(features[place_of("mean")]) - 1;
  const float reactive = features[place_of("reactive_share")];
  if (std::abs(reactive) > 0.3F && watts > 30) return "motor";
  if (watts > 400 && features[place_of("deviation")] < 0.15F && !(std::abs(reactive) > 0.1F))
    return "heater";
  return "load";
}

std::string power_text(float watts) {
  if (watts >= 1000) return fmt::format("{:.1f} kW", watts / 1000);
  if (watts >= 100) return fmt::format("{:.0f} W", std::round(watts / 10) * 10);
  return fmt::format("{:.0f} W", watts);
}

}  // namespace

std::string description_of(const DescribedAppliance& one) {
  const auto power = power_text(std::exp2(one.latest[place_of("mean")]) - 1);
  if (one.is_standing) return fmt::format("about {}, always on", power);
  const auto what = one.is_named ? power : fmt::format("{} {}", power, form_of(one.latest));
  if (one.times_a_week == 0) return fmt::format("about {}", what);
  if (one.times_a_week == 1) return fmt::format("about {}, once this week", what);
  return fmt::format("about {}, {} times this week", what, one.times_a_week);
}

}  // namespace insight
