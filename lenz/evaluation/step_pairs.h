// Steps up and down of a channel, in pairs, and which kinds make such: what the plain baselines
// share.

#pragma once

#include <array>
#include <cstdint>
#include <map>
#include <optional>
#include <span>
#include <vector>

#include "lenz/evaluation/method.h"
#include "lenz/evaluation/true_events.h"

namespace lenz::evaluation {

// On from row `on` to the row before `off`.
struct StepPair {
  std::size_t on = 0, off = 0;
  double size_w = 0;
  bool is_closed = false;  // Else no step down fits, and `off` is the end or a gap.
};

// In the order of `on`. A step down ends the open one that is closest to its size, within an eighth
// of it.
std::vector<StepPair> pair_steps(std::span<const measurement::Timestamp> times,
                                 std::span<const float> power, std::span<const float> held_s);

// How often each kind makes a pair of some size and duration, from the training: histograms of
// their logarithms, smoothed, every meter the same.
class StepDensities {
 public:
  explicit StepDensities(bool by_duration) : by_duration_(by_duration) {}

  void fit(CaseList training, std::uint64_t seed);

  struct Guess {
    ApplianceKind kind{};
    double probability = 0;  // Among all kinds and none.
  };
  // Absent: no kind makes such steps. A duration of 0 is not known.
  std::optional<Guess> guess(double size_w, double duration_s) const;

  double longest_s(ApplianceKind) const;  // Of 95 in 100.

 private:
  static constexpr std::size_t sizes = 136, durations = 24;
  using Table = std::array<std::array<float, durations>, sizes>;
  struct OfKind {
    Table per_hour{};                    // Expected pairs in each cell.
    std::array<float, sizes> by_size{};  // Summed over durations.
    double longest_s = 0;
  };
  static std::size_t size_cell(double size_w);
  static std::size_t duration_cell(double duration_s);

  bool by_duration_;
  std::map<ApplianceKind, OfKind> kinds_;
};

// A claim that a kind ran in a span of rows.
struct Proposal {
  std::size_t on = 0, off = 0;
  double size_w = 0;
  ApplianceKind kind{};
  double probability = 0;
};

// How probable a kind must be so that its proposals on mains make the error smaller, in the mean
// over training houses; a kind that is not there never does.
using Limits = std::map<ApplianceKind, double>;
Limits choose_limits(
    CaseList training,
    const std::function<std::vector<Proposal>(const Channel&, std::span<const float> held_s)>&);

// Those that are as probable as they must be. Circuits have no limits.
bool passes(const Proposal&, const Channel&, const Limits&);

// Powers and spans of proposals.
void put(const Channel&, std::span<const Proposal>, Powers&, std::vector<NamedSpan>&,
         std::span<const float> held_s);

}  // namespace lenz::evaluation
