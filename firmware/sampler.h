// Chips to samples: what is read when.

#pragma once

#include <array>
#include <chrono>
#include <cstdint>
#include <span>

#include "firmware/atm90e32.h"
#include "firmware/edge_watch.h"
#include "measurement/sample.h"

namespace firmware {

// Every period all chips are swept back to back into one sample. Fundamental power, harmonic power
// and temperature are read in turn, each at least every 10 s, and are in the sample that they were
// read with. Peak currents are read at most four times a second and a sample has the greatest since
// the one before. What a chip in error would have said is absent.
//
// Where the edge rule has a period, all channels are swept at it too, with peak current,
// fundamental and harmonic power and without energy; of these sweeps those around an edge are
// given.
//
// The chips must outlive the sampler. Allocates nothing.
class Sampler {
 public:
  explicit Sampler(std::span<Atm90e32> chips,
                   std::chrono::milliseconds period = std::chrono::seconds(1),
                   const EdgeRule& rule = {})
      : chips_(chips),
        period_(period),
        sweep_period_(rule.sweep_period),
        sample_(chips.size()),
        watch_(rule, chips.size()) {}

  // Does what is due at `now`, which never goes back. Returns the sample that this call has
  // completed, if it has: valid until the next call. Numbers start at 0 and have no holes. The
  // first sample comes one period after the first call. To be called four times a second for the
  // peaks to be complete and four times in a sweep's period for edges; once per period is enough
  // for everything else.
  const measurement::Sample* step(measurement::Uptime now);

  // The sweep around an edge that the last step() has completed, if it has: valid until the next.
  const measurement::Sample* edge() const { return edge_; }
  std::uint64_t edges_skipped() const { return watch_.skipped(); }

  const ChipHealth& health(std::size_t chip) const { return chips_[chip].health(); }
  // The sample that was completed last; nothing is in it before the first.
  const measurement::Sample& latest() const { return sample_; }
  std::size_t chips() const { return chips_.size(); }
  std::uint64_t samples() const { return next_number_; }  // Taken since the start.

 private:
  enum Slow : std::uint8_t { fundamental, harmonic, temperature, slow_kinds };

  void start(measurement::Uptime now);
  void read_peaks(measurement::Uptime now);
  void read_sample(measurement::Uptime now);
  void read_sweep(measurement::Uptime now);
  static void put(std::size_t chip, const Sweep&, measurement::Sample&);
  void put_slow(std::size_t chip, Slow, measurement::Sample&);
  std::optional<measurement::Amperes> read_peak(std::size_t channel);

  std::span<Atm90e32> chips_;
  std::chrono::milliseconds period_, sweep_period_;
  bool started_ = false;
  std::uint64_t next_number_ = 0;
  measurement::Uptime next_sample_{};
  measurement::Uptime next_peaks_{};
  measurement::Uptime next_sweep_{};
  std::array<measurement::Uptime, slow_kinds> slow_read_at_{};
  std::array<std::optional<measurement::Amperes>, measurement::max_channels> peaks_{};
  measurement::Sample sample_;
  EdgeWatch watch_;
  const measurement::Sample* edge_ = nullptr;
};

}  // namespace firmware
