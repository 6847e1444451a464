// How a meter's chip is set for one clamp: the words of its registers, and what the meter corrects
// itself because no register reaches so far.

#pragma once

#include <array>
#include <cstddef>
#include <cstdint>

namespace measurement {

// What a clamp does at one current, found with a reference.
struct CurvePoint {
  std::uint32_t milliamperes = 0;  // RMS, of the clamp; 0: no point.
  std::int32_t gain_ppm = 0;       // Current and power are to be raised by so much.
  std::int32_t lead_microradians =
      0;  // The current leads by so much more than `phase_delay` undoes.

  friend bool operator==(const CurvePoint&, const CurvePoint&) = default;
};

inline constexpr std::size_t curve_points = 4;

// Unless said otherwise the words are the ATM90E32's own: Atmel-46103A, section 4.2.
struct ChannelWords {
  std::uint16_t voltage_gain = 0x8000;  // 0x8000 is 1.
  std::uint16_t current_gain = 0x8000;
  std::uint8_t pga = 1;         // Analogue gain: 1, 2 or 4. A clamp and its pga are one pair.
  std::uint8_t multiplier = 1;  // Of current, power and energy, for clamps beyond 65 A.
  std::int16_t voltage_offset = 0;
  std::int16_t current_offset = 0;
  std::int16_t active_offset = 0;
  std::int16_t reactive_offset = 0;
  std::int16_t fundamental_offset = 0;
  std::int16_t power_gain = 0;  // P' = P (1 + power_gain / 2^15), of the fundamental too.
  std::int16_t phase_delay =
      0;  // Of the current, in 0.488 us, -255 to 255; below 0: of the voltage.
  // Slopes over the logarithm of the current: above LOGIrms0, between the two, below LOGIrms1.
  std::array<std::int8_t, 3> gain_slopes{};
  std::array<std::int8_t, 3> phase_slopes{};
  std::int8_t voltage_gain_over_temperature = 0;  // UGainT.
  // By rising current, unused points last. Between two points it is straight over
  // curve_place(), beyond the outermost it stays.
  std::array<CurvePoint, curve_points> curve{};

  friend bool operator==(const ChannelWords&, const ChannelWords&) = default;
};

inline constexpr int greatest_phase_delay = 255;

// What the curve says of a current.
struct CurveCorrection {
  float gain = 1;
  float lead = 0;  // Radians.
};

// 1 / sqrt(A): over it the errors of a core that keeps its class (60', 90', 180' at 100, 20 and 5
// %) are all but straight. The root is exact in every machine's arithmetic, so all correct alike.
float curve_place(float amperes);
CurveCorrection correction_at(const ChannelWords&, float amperes);

}  // namespace measurement
