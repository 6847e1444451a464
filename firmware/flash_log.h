// What the hub does not confirm, in flash: fine while it is young, and thinned as it ages.

#pragma once

#include <array>
#include <chrono>
#include <cstdint>
#include <optional>
#include <span>

#include "firmware/flash_ring.h"
#include "firmware/outbox.h"
#include "measurement/report.h"
#include "measurement/report_codec.h"

namespace firmware {

struct FlashLogOptions {
  std::size_t fine_sectors = 0;                     // Of the flash, for samples as they were taken.
  std::chrono::milliseconds coarse_period{60'000};  // Of what they are thinned to.

  // Of a partition: of 0.9 MB half is fine, the rest has minutes; of 12 MB a quarter, and 10 s.
  static FlashLogOptions of(std::size_t partition);
};

// Two rings of records, each a report of a few samples. When the fine ring is full its oldest
// samples are thinned before they are erased: for each period one sample of Stream::coarse with the
// mean power and the last totals, whose number is its period's since the start of the meter. Edges
// are not thinned but dropped.
//
// A power cut loses at most the record that was being written. Flash and window must outlive the
// log; the window is the outbox's, and a record has at most half as many samples as it has places.
// Allocates nothing.
class FlashLog {
 public:
  FlashLog(Flash& flash, std::span<measurement::Sample> window, const FlashLogOptions& options);

  // Takes over all samples that wait in the outbox. False: the flash failed, and some are still
  // there.
  bool take(Outbox&);

  // The next report to send, oldest first; the header's device and lost are the caller's to fill.
  // Nothing: all is under way, or `max_under_way` reports are.
  std::optional<measurement::Report> next();
  void sent();  // What next() gave was handed to the link.

  void stored(const measurement::DecodedAnswer&);
  void send_again();  // Whatever is under way may have been dropped.

  bool empty();  // All is stored.
  bool under_way() const { return coarse_.flying + fine_.flying > 0; }
  std::uint64_t lost() const { return lost_; }  // Samples, since the start of the meter.

  static constexpr std::uint32_t max_under_way = 64;

 private:
  struct Lane {
    FlashRing ring;
    FlashRing::Place unstored = 0;  // The hub has all before it.
    FlashRing::Place sending = 0;   // Next to send.
    // What was overtaken by later reports is sent again first.
    FlashRing::Place repair = 0, repair_end = 0;
    FlashRing::Place distrusted =
        0;                     // Records before it may be marked though the hub has lost them.
    std::uint32_t flying = 0;  // Reports under way.

    // Whether nobody waits for it any more. What was thinned is told by the coarse samples only.
    bool is_done(FlashRing::Place place, const RecordHead& head) const {
      return head.is_thinned() || (place >= distrusted && head.is_stored());
    }
  };
  struct Means;

  std::size_t append(Lane&, const measurement::Report&);
  std::optional<measurement::ReportHeader> load(Lane&, FlashRing::Place, const RecordHead&);
  std::optional<measurement::Report> next(Lane&);
  void stored(Lane&, const measurement::DecodedAnswer&);
  void make_room();
  bool waits_for_thinning(FlashRing::Place end);
  bool thin();

  std::span<measurement::Sample> inputs_, thinned_;  // The window's halves.
  std::chrono::milliseconds coarse_period_;
  Lane coarse_, fine_;
  Lane* offered_ = nullptr;  // Whose report next() gave.
  std::uint64_t lost_ = 0;
  // Of the boot that was thinned last: the first period that was not.
  std::uint64_t thinned_boot_ = 0, thinned_end_ = 0;
  std::array<std::uint8_t, FlashRing::longest_payload> payload_;
};

}  // namespace firmware
