// Finds switching edges in fast sweeps of all channels, and picks the sweeps around them.

#pragma once

#include <array>
#include <chrono>
#include <cstdint>

#include "measurement/sample.h"

namespace firmware {

// A channel has an edge where power or current differ, from what they were `before` sweeps ago, by
// at least so much and by at least such a share of what they were.
struct EdgeRule {
  std::chrono::milliseconds sweep_period{0};  // A chip has new values every 320 ms; 0: no sweeps.
  measurement::Watts power{40};
  float power_share = 0.1f;
  measurement::Amperes current{0.4f};
  float current_share = 0.2f;
  std::uint32_t before = 2;  // Sweeps kept before an edge; at most EdgeWatch::most_before.
  std::uint32_t after = 6;   // And after it.
  measurement::Uptime cool_down{3000};  // For a channel, from one edge to the next.
  // Sweeps that may be picked: so many in the long run, and as many at once after a quiet hour.
  std::uint32_t sweeps_an_hour = 1800;
};

// Of every meter whose link does not cost by the byte.
inline constexpr EdgeRule usual_edges{.sweep_period = std::chrono::milliseconds(320)};

// Allocates nothing.
class EdgeWatch {
 public:
  static constexpr std::uint32_t most_before = 3;

  EdgeWatch(const EdgeRule& rule, std::size_t chips);

  // Where the next sweep is to be put: all is absent.
  measurement::Sample& next(measurement::Uptime now);

  // The sweep is complete. Returns the one of `before` sweeps ago if it lies around an edge, with a
  // number of its own and only the channels that the edge is of; valid until next().
  const measurement::Sample* add();

  std::uint64_t skipped() const { return skipped_; }  // Edges for which there was no budget.

 private:
  struct Channel {
    std::uint32_t begin = 0, end = 0;  // Sweeps to be picked.
    measurement::Uptime rests_until{};
  };

  bool has_step(const measurement::Sample& from, const measurement::Sample& to,
                std::size_t channel) const;
  void refill(measurement::Uptime now);
  measurement::Sample& sweep(std::uint32_t index) { return ring_[index % (rule_.before + 1)]; }

  EdgeRule rule_;
  std::array<measurement::Sample, most_before + 1> ring_;
  std::array<Channel, measurement::max_channels> channels_{};
  std::uint32_t sweeps_ = 0;
  std::uint64_t next_number_ = 0;
  std::uint64_t skipped_ = 0;
  std::int64_t budget_;  // In sweeps x milliseconds of an hour.
  measurement::Uptime filled_at_{};
};

}  // namespace firmware
