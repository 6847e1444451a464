// What an activation looks like, as numbers: by itself, and beside the past of its channel.

#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string_view>

#include "insight/identification/activations.h"

namespace insight {

// One line each; a model knows them by their order. Powers and durations are log2(1 + W), log2(1 +
// s); what is not known is NaN.
inline constexpr std::array feature_names = {
    // The activation.
    std::string_view("peak"),
    std::string_view("mean"),
    std::string_view("median"),
    std::string_view("low"),      // 10 % quantile over the median.
    std::string_view("lowish"),   // 25 %.
    std::string_view("highish"),  // 75 %.
    std::string_view("high"),     // 90 %.
    std::string_view("deviation"),
    std::string_view("energy"),
    std::string_view("duration"),
    std::string_view("has_ended"),
    std::string_view("is_level"),
    std::string_view("above_1500_w"),
    std::string_view("above_500_w"),
    std::string_view("above_100_w"),
    std::string_view("pause_share"),
    std::string_view("pauses_per_hour"),
    std::string_view("edges_per_hour"),
    std::string_view("edges"),
    std::string_view("largest_up"),
    std::string_view("largest_down"),
    std::string_view("mean_edge"),
    std::string_view("overshoot"),
    std::string_view("ramp_30_s"),  // Of an inverter that speeds up, of a charger that tapers.
    std::string_view("ramp_300_s"),
    std::string_view("change"),
    std::string_view("surge"),
    std::string_view("first_3_s"),
    std::string_view("first_10_s"),
    std::string_view("first_30_s"),
    std::string_view("first_60_s"),
    std::string_view("first_300_s"),
    std::string_view("first_third"),
    std::string_view("last_third"),
    std::string_view("slope"),
    std::string_view("period"),
    std::string_view("periodicity"),
    std::string_view("reactive_share"),
    std::string_view("harmonic_share"),
    std::string_view("crest"),
    std::string_view("floor"),
    // The channel until now.
    std::string_view("channel_peak"),
    std::string_view("channel_mean"),
    std::string_view("channel_5"),
    std::string_view("channel_25"),
    std::string_view("channel_50"),
    std::string_view("channel_75"),
    std::string_view("channel_95"),
    std::string_view("channel_99"),
    std::string_view("channel_above_1500_w"),
    std::string_view("channel_above_100_w"),
    std::string_view("activations_per_day"),
    std::string_view("since_last"),
    std::string_view("median_rest"),
    std::string_view("rest_spread"),
    std::string_view("median_duration"),
    std::string_view("duration_spread"),
    std::string_view("median_peak"),
    std::string_view("peak_spread"),
    std::string_view("median_energy"),
    std::string_view("peak_to_median"),
    std::string_view("duration_to_median"),
};
inline constexpr std::size_t feature_count = feature_names.size();
using Features = std::array<float, feature_count>;

consteval std::size_t place_of(std::string_view name) {
  for (std::size_t i = 0; i < feature_count; ++i) {
    if (feature_names[i] == name) return i;
  }
  throw "BUG: no such feature";
}

// FNV-1a of the names: a model for other features is refused.
std::uint64_t feature_hash();

// What a channel did, causally: of its readings of about the last day, and of its latest
// activations.
class ChannelPast {
 public:
  void take(const Reading&);  // Known power, in the order of time.
  void gap() { last_.reset(); }
  void take(const Activation&);  // One that has ended.

 private:
  friend Features features(const Activation&, const ChannelPast&);

  struct Ended {
    measurement::Timestamp begin{}, end{};
    float peak_w = 0, energy_ws = 0;
  };
  static constexpr std::size_t remembered = 16;

  PowerHistogram powers_;
  double watt_seconds_ = 0;  // Decays as the histogram does.
  float peak_w_ = 0;
  float count_ = 0;  // Of activations, decaying too.
  std::optional<measurement::Timestamp> last_;
  float undecayed_s_ = 0;
  std::array<Ended, remembered> ended_{};  // A ring.
  std::size_t ended_count_ = 0;
};

Features features(const Activation&, const ChannelPast&);

}  // namespace insight
