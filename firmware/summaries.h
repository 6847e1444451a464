// What a summary tells: of all channels those that the hub knows least of.

#pragma once

#include <array>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>

#include "measurement/sample.h"
#include "measurement/summary.h"

namespace firmware {

struct SummariesOptions {
  std::uint64_t boot = 0;
  std::uint64_t mains = 0;  // Bit c: channel c is a leg of the mains.
  // How often all of the boot is named; 0: in each summary.
  std::chrono::milliseconds introduce_every = std::chrono::hours(1);
};

// A channel's weight is the energy that flowed since it was last told, times the time since. So all
// come in turn, and one that takes four times as much comes twice as often, which leaves least
// energy untold. The mains weigh sixteen times as much, and what has not been told for an hour as
// if 100 Wh had flowed at least.
//
// Allocates nothing. One for each radio, since what one has told another has not.
class Summaries {
 public:
  explicit Summaries(const SummariesOptions& options) : options_(options) {}

  // Each sample of the meter, in order.
  void add(const measurement::Sample&);

  void know_time(measurement::Timestamp booted_at) { booted_at_ = booted_at; }

  // The next summary names all of the boot, whenever the last one did.
  void introduce() { introduced_at_.reset(); }

  // The summary to be sent now, in at most `room` of `bytes`; 0: there is nothing to be told, no
  // room, or one of this second has been told already. A next call makes another one.
  std::size_t next(std::span<std::uint8_t> bytes);
  // What next() made was handed to the link.
  void told();

 private:
  // Of a channel, imported and exported.
  struct Direction {
    std::optional<std::int64_t> total{};  // mWh
    std::int64_t told = 0;
    measurement::Uptime told_at{};
  };
  struct Mean {
    double sum = 0;
    std::uint32_t count = 0;
  };
  struct Item {
    double weight = 0;
    std::uint8_t channel = 0, direction = 0;
  };

  double weight_of(std::size_t channel, const Direction&) const;
  std::size_t choose(std::span<Item>) const;

  SummariesOptions options_;
  std::optional<measurement::Timestamp> booted_at_;
  measurement::Uptime now_{-1};  // Of the newest sample; negative: there is none.
  std::optional<measurement::Uptime> introduced_at_, told_at_;
  std::array<std::array<Direction, 2>, measurement::max_channels> directions_{};
  std::array<Mean, measurement::max_channels> power_{};  // Since it was last told.

  // Of the summary that next() made.
  struct Made {
    bool introduces = false;
    std::size_t entries = 0;
    std::array<measurement::SummaryEntry, measurement::max_summary_entries> told;
    std::array<Mean, measurement::max_channels> power;
    measurement::Uptime uptime{};
  };
  Made made_;
};

}  // namespace firmware
