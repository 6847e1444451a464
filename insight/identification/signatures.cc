#include "insight/identification/signatures.h"

#include <algorithm>
#include <cmath>
#include <numbers>

namespace insight {
namespace {

constexpr auto places = [] {
  std::array<std::size_t, signature_rows.size()> found{};
  for (std::size_t i = 0; i < found.size(); ++i) {
    for (std::size_t j = 0; j < feature_count; ++j) {
      if (feature_names[j] == signature_rows[i].feature) found[i] = j;
    }
  }
  return found;
}();
constexpr auto has_ended = place_of("has_ended"), duration = place_of("duration");

bool is_asked(const Features& features, std::size_t place) {
  if (std::isnan(features[place])) return false;
  return place != duration || features[has_ended] > 0;
}

// Degrees of freedom of what is believed of the spread at first.
constexpr float prior_freedom = 4;

}  // namespace

void Signature::learn(const Features& features) {
  for (std::size_t i = 0; i < state_.size(); ++i) {
    if (!is_asked(features, places[i])) continue;
    auto& moments = state_[i];
    const float difference = features[places[i]] - moments.mean;
    // What is long past counts less, so a signature follows an appliance that ages.
    moments.count = std::min(moments.count + 1, 200.0F);
    moments.mean += difference / moments.count;
    moments.squares += difference * (features[places[i]] - moments.mean);
    if (moments.count == 200) moments.squares *= 0.995F;
  }
}

void Signature::learn(const Signature& other) {
  for (std::size_t i = 0; i < state_.size(); ++i) {
    auto& a = state_[i];
    const auto& b = other.state_[i];
    if (b.count == 0) continue;
    const float count = a.count + b.count, difference = b.mean - a.mean;
    a.squares += b.squares + difference * difference * a.count * b.count / count;
    a.mean += difference * b.count / count;
    a.count = count;
  }
}

void Signature::forget(const Features& features) {
  for (std::size_t i = 0; i < state_.size(); ++i) {
    auto& moments = state_[i];
    if (!is_asked(features, places[i]) || moments.count < 1) continue;
    if (moments.count < 2) {
      moments = {};
      continue;
    }
    const float difference = features[places[i]] - moments.mean;
    moments.mean -= difference / (moments.count - 1);
    moments.squares =
        std::max(0.0F, moments.squares - difference * (features[places[i]] - moments.mean));
    --moments.count;
  }
}

float Signature::log_density(const Features& features) const {
  float sum = 0;
  for (std::size_t i = 0; i < state_.size(); ++i) {
    if (!is_asked(features, places[i])) continue;
    const auto& row = signature_rows[i];
    const auto& moments = state_[i];
    const float trust = (row.within * row.within) / (row.between * row.between);
    const float count = trust + moments.count;
    const float mean = (trust * row.centre + moments.count * moments.mean) / count;
    const float freedom = prior_freedom + moments.count;
    const float shift = moments.mean - row.centre;
    const float squares = prior_freedom * row.within * row.within + moments.squares +
                          trust * moments.count * shift * shift / count;
    const float variance = squares / freedom * (1 + 1 / count);
    const float distance = features[places[i]] - mean;
    sum += std::lgamma((freedom + 1) / 2) - std::lgamma(freedom / 2) -
           std::log(freedom * std::numbers::pi_v<float> * variance) / 2 -
           (freedom + 1) / 2 * std::log1p(distance * distance / (freedom * variance));
  }
  return sum;
}

float Signature::log_density_of_any(const Features& features) {
  return Signature().log_density(features);
}

}  // namespace insight
