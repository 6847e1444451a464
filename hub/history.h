// Power and energy of circuits over time. Stored are channels; a circuit is a
// view of them through the panel that was valid then.

#pragma once

#include <chrono>
#include <cstddef>
#include <expected>
#include <string_view>
#include <vector>

#include "hub/home.h"
#include "hub/store/store.h"
#include "measurement/units.h"

namespace hub {

// Steps of equal length from `begin`, each beginning at a whole multiple of `step` since 1970 UTC.
struct Steps {
  measurement::Timestamp begin{};
  std::chrono::milliseconds step{1000};  // Whole seconds up to 59, or whole minutes.
  std::size_t count = 0;

  measurement::Timestamp at(std::size_t index) const {
    return begin + static_cast<std::int64_t>(index) * step;
  }
  measurement::Timestamp end() const { return at(count); }
};

// The steps that touch a range; a step that lies only partly in it counts whole.
Steps steps_over(TimeRange range, std::chrono::milliseconds step);

// What is asked for; each costs reading and room of its own.
struct HistoryColumns {
  bool mean = true, min = true, max = true;
  bool energy = false;  // Of each step.
  bool total = true;    // Of all of them.
};

// Columns that were not asked for are empty, and totals 0.
struct CircuitHistory {
  // Watts, one per step; NaN where any channel of the circuit has no sample, where the panel valid
  // at the step's begin does not have the circuit, or where it carries no clamp.
  std::vector<float> mean;

  // As `mean`, and NaN for circuits of several channels at steps of a minute and more: the greatest
  // of a sum is not the sum of the greatest. Below a minute they come from the sums of each second.
  std::vector<float> min, max;

  // Energies are of the meter's counters, so that what was measured during a gap is in them: in the
  // step that ends it. Netting::sum nets what the channels gained within each step, or within each
  // minute (or a few, in ranges of more than a month) of a longer one, before import and export are
  // told apart; a single channel is never netted against itself. Netting::per_phase counts each
  // channel for itself.

  // mWh, one per step; NaN where no channel was counted.
  std::vector<double> step_imported, step_exported;

  measurement::MilliwattHours imported{0};
  measurement::MilliwattHours exported{0};
};

std::expected<CircuitHistory, StoreError> history(const Home& home, std::string_view circuit,
                                                  const Steps& steps, Store& store,
                                                  HistoryColumns columns = {});

}  // namespace hub
