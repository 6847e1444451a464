// How much of each channel's steps a feeder's clamp sees: the complex number that its steps have to
// be multiplied with to be found among the feeder's.

#pragma once

#include <complex>
#include <cstddef>
#include <span>
#include <vector>

#include "insight/wiring/examination.h"

namespace insight::wiring {

// Changes of complex power over some seconds, at all times at which any channel changed.
struct Steps {
  std::vector<std::size_t> channels;             // That change: the columns.
  std::vector<std::complex<float>> of_channels;  // By row, then column, in VA.
  std::vector<std::size_t> rows;                 // Index of the sample.
  std::vector<std::size_t> segment;  // Of each row: rows that follow each other are one.
  std::size_t segments = 0;
  std::size_t reach = 1;

  std::complex<float> at(std::size_t row, std::size_t column) const {
    return of_channels[row * channels.size() + column];
  }
};

// Samples before and after a change, whose means are compared: about three seconds.
std::size_t reach_of(const Recorder&);

// The change of one channel around a sample; NaN where it was not measured.
std::complex<float> step_at(const Recorder&, std::size_t reach, std::size_t sample,
                            std::size_t channel);

// Of these channels, without those that never change by `least_va`.
Steps find_steps(const Recorder&, std::span<const std::size_t> channels);

struct Share {
  std::complex<double> value;
  // One standard deviation of both parts together, by what stays unexplained when it changes.
  double error = 0;
  std::size_t times = 0;     // That it changed by much, apart from each other.
  double greatest_va = 0;    // Of its changes.
  double noise_va = 15;      // What the feeder changes by at any time.
  double coincidence = 0.1;  // How often it changes so much by itself that the share would differ.
};

// For each column of `steps`: its share in what channel `feeder` does. Least absolute deviations,
// so that loads without a clamp, which switch when they like, do not count for much; nor do the
// samples of `left_out`. Empty when the feeder was not measured.
std::vector<Share> shares_in(const Recorder&, const Steps&, std::size_t feeder,
                             const std::vector<bool>& left_out);

// The same for each column by itself, where the others' shares are `known`: two that changed at one
// time, or something else beside them, do not mix.
std::vector<Share> shares_beside(const Recorder&, const Steps&, std::size_t feeder,
                                 const std::vector<bool>& left_out,
                                 std::span<const std::complex<double>> known);

}  // namespace insight::wiring
