#include "measurement/channel_words.h"

#include <cmath>

namespace measurement {
namespace {

CurveCorrection correction_of(const CurvePoint& point) {
  return {1 + static_cast<float>(point.gain_ppm) * 1e-6f,
          static_cast<float>(point.lead_microradians) * 1e-6f};
}

}  // namespace

float curve_place(float amperes) { return 1 / std::sqrt(amperes); }

CurveCorrection correction_at(const ChannelWords& words, float amperes) {
  const auto& curve = words.curve;
  if (curve[0].milliamperes == 0) return {};
  const auto at = [&](std::size_t i) { return static_cast<float>(curve[i].milliamperes) * 1e-3f; };
  if (!(amperes > at(0))) return correction_of(curve[0]);
  std::size_t above = 1;
  while (above < curve_points && curve[above].milliamperes != 0 && amperes >= at(above)) ++above;
  const auto low = correction_of(curve[above - 1]);
  if (above == curve_points || curve[above].milliamperes == 0) return low;
  const auto high = correction_of(curve[above]);
  const float begin = curve_place(at(above - 1));
  const float share = (curve_place(amperes) - begin) / (curve_place(at(above)) - begin);
  return {low.gain + (high.gain - low.gain) * share, low.lead + (high.lead - low.lead) * share};
}

}  // namespace measurement
