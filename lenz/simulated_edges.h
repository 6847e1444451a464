// The sweeps around switching edges that a meter without chips tells, within firmware's budget.

#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <vector>

#include "firmware/edge_watch.h"
#include "measurement/sample.h"

namespace lenz {

class SimulatedEdges {
 public:
  // Of the samples of a second each. The sweeps around the edge between this one and the one
  // before, numbered on, with the channels alone that switched; empty: none did, an edge is still
  // being swept, or there is no budget. Valid until the next call.
  std::span<const measurement::Sample> add(const measurement::Sample&);

  std::uint64_t made() const { return next_number_; }  // Sweeps.

 private:
  static constexpr auto rule = firmware::usual_edges;

  bool is_edge(std::size_t channel, const measurement::Sample&) const;

  std::optional<measurement::Sample> before_;
  std::vector<measurement::Sample> sweeps_;
  std::uint64_t next_number_ = 0;
  measurement::Uptime swept_{};  // At the last sweep.
  // In sweeps x milliseconds of an hour.
  std::int64_t budget_ = rule.sweeps_an_hour * std::int64_t{3'600'000};
};

}  // namespace lenz
