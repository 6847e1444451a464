// What one meter says in summaries, whatever radio brought them, as samples of the hub.
//
//   summary ── which boot? ──> waits for the boot's introduction ──> one coarse sample ──> Hub
//
// The same meter may be heard over several radios and by reports too: all of it is of one boot,
// whose totals count once.

#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "hub/hub.h"
#include "hub/store/store.h"
#include "measurement/summary.h"

namespace hub {

struct SummarySource {
  std::string device;                                           // As the panel's channels name it.
  std::size_t channels = 6;                                     // 6 to 42, six a board.
  std::chrono::milliseconds period = std::chrono::minutes(15);  // For which one stands.
};

// Hub and store outlive it. It admits its device, for which there may be one of each radio.
class SummaryMeter {
 public:
  SummaryMeter(SummarySource, Hub&, Store&);

  // `heard_at`: when the radio did. What was heard before is known. A sentence where something is
  // wrong.
  std::optional<std::string> hear(std::span<const std::uint8_t> summary,
                                  measurement::Timestamp heard_at, measurement::Timestamp now);

  std::size_t waiting() const { return waiting_.size(); }  // For an introduction.
  static constexpr std::size_t most_waiting = 64;          // The oldest goes first.

 private:
  struct Summary {
    measurement::DecodedSummary head;
    std::vector<measurement::SummaryEntry> entries;
    measurement::Timestamp heard_at;
  };
  struct Boot {
    std::uint64_t name = 0;
    measurement::Timestamp booted_at{};
    bool timed_on_arrival = false;
  };

  std::expected<void, StoreError> introduce(const Summary&);
  std::expected<void, StoreError> look_up(Boot&, const Summary&);
  std::expected<std::uint64_t, StoreError> next_number(const Boot&);
  std::expected<bool, StoreError> is_known(const Boot&, const measurement::Sample&);
  std::optional<std::string> keep(const Summary&, const Boot&, measurement::Timestamp now);
  const Boot* boot_of(const Summary&) const;
  std::string trouble(const char* why) const;

  SummarySource source_;
  Hub& hub_;
  Store& store_;
  std::vector<Boot> boots_;  // The newest last; the few whose late summaries may still come.
  std::deque<Summary> waiting_;
};

}  // namespace hub
