// Takes a channel apart that feeds a few known appliances: each is a machine of states with their
// active and reactive power, and the likeliest path of all machines together is followed (a
// factorial hidden Markov model, solved exactly; Ghahramani & Jordan 1997).

#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <optional>
#include <span>
#include <vector>

#include "insight/reading.h"

namespace insight {

// What an appliance draws, learnt from readings of it alone.
class ApplianceStates {
 public:
  static constexpr std::size_t most = 7;
  struct State {
    float power_w = 0, reactive_var = 0;  // Means.
    // How both vary within the state: W^2, W var, var^2.
    float power_variance = 0, covariance = 0, reactive_variance = 0;
  };

  // Readings in the order of time; those that are not measured are left out. An appliance that was
  // never seen to draw has one state, off.
  explicit ApplianceStates(std::span<const Reading>);

  std::span<const State> states() const { return states_; }  // By power.
  bool has_reactive_power() const { return has_reactive_power_; }
  // -log of the probability that the next reading is of that state.
  float cost(std::size_t from, std::size_t to) const { return costs_[from * most + to]; }

 private:
  std::vector<State> states_;
  std::array<float, most * most> costs_{};
  bool has_reactive_power_ = true;
};

// Some microseconds a reading for three appliances.
class KnownMix {
 public:
  static constexpr std::size_t most_appliances = 4;
  // Readings that what is settled lags behind, between once and twice.
  static constexpr std::size_t lag = 300;
  // Together `of` and `unexplained` are the reading's active power to 0.1 W; none is negative where
  // that is not.
  struct Shares {
    measurement::Timestamp time{};
    measurement::Watts measured{}, unexplained{};
    std::array<measurement::Watts, most_appliances> of{};
  };

  // Throws std::invalid_argument when there are more than most_appliances.
  explicit KnownMix(std::vector<ApplianceStates>);

  // In the order of time; a reading that is not later than the last is left out, and one whose
  // power is not measured too.
  void take(const Reading&);
  void end();  // Nothing follows: all is settled.

  // Of the latest reading, as far as it can be known at once; absent: it was not measured.
  const std::optional<Shares>& live() const { return live_; }

  // The oldest that was not taken yet and has its future behind it; absent: none.
  std::optional<Shares> take_settled();

 private:
  // All appliances' states at once.
  struct Combination {
    std::array<std::uint8_t, most_appliances> state{};
    ApplianceStates::State sum;
  };
  struct Step {
    Reading reading;
    std::vector<std::uint16_t> from;  // The likeliest combination before each.
  };

  void move(std::vector<std::uint16_t>& from);
  float misfit(const Reading&, const Combination&) const;
  bool sees_reactive_power(const Reading&) const;
  Shares shares_of(const Reading&, const Combination&) const;
  void settle(std::size_t keep);

  std::vector<ApplianceStates> appliances_;
  std::vector<Combination> combinations_;
  std::vector<float> costs_;
  std::deque<Step> steps_;
  std::deque<Shares> settled_;
  std::optional<Shares> live_;
  std::optional<measurement::Timestamp> last_;
};

}  // namespace insight
