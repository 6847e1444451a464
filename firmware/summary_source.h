// Samples to what a summary tells of them.

#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <span>

#include "measurement/sample.h"
#include "measurement/summary.h"

namespace firmware {

// One radio's view: powers are means since the summary that it had before. Allocates nothing.
class SummarySource {
 public:
  // What there is to tell of a sample, by channel; both ways of one that was ever exporting. The
  // powers are from the totals, which miss nothing, and absent in the first summary of a boot.
  // Valid until the next call.
  std::span<const measurement::SummaryEntry> entries(const measurement::Sample&);

 private:
  struct Before {
    measurement::Uptime uptime{};
    std::array<std::optional<std::int64_t>, measurement::max_channels> net{};  // mWh
  };

  std::optional<measurement::Watts> mean(std::size_t channel, std::optional<std::int64_t> net,
                                         measurement::Uptime now) const;

  std::optional<Before> before_;
  std::array<measurement::SummaryEntry, measurement::max_summary_entries> entries_{};
};

}  // namespace firmware
