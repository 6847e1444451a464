// Keeps numbered samples until the hub says that it has stored them.

#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>

#include "firmware/storage.h"
#include "measurement/report.h"
#include "measurement/report_codec.h"

namespace firmware {

// A ring of records in a Storage, so that unsent samples survive a restart; each record is a
// report of one sample behind a head of 32 bytes with a checksum. When the ring is full the oldest
// record goes, and is counted as lost if the hub never had it. Stored ones stay until their room
// is needed, so that a hub restored from a backup can ask for them again.
//
// The storage and the window must outlive the outbox. The window is where a run of samples is laid
// out to be sent: a report holds at most as many samples as it has places.
class Outbox {
 public:
  Outbox(Storage& storage, std::span<measurement::Sample> window);

  // Adds a sample; header.chips and the sample agree. False: the storage failed and the sample is
  // counted as lost.
  bool add(const measurement::ReportHeader& header, const measurement::Sample& sample);

  // The next run to send: at most `most` samples of one boot and stream with consecutive numbers,
  // not yet stored and not under way. The header's device and lost are the caller's to fill.
  // Nothing: all is under way, or more than `max_under_way` samples are.
  std::optional<measurement::Report> next(std::size_t most);
  // The first `count` samples of what next() gave were handed to the link.
  void sent(std::size_t count);

  // Whoever took them keeps the first `count` samples of what next() gave.
  void settle(std::size_t count);

  // What the hub says it has.
  void stored(const measurement::DecodedAnswer& answer);
  // Whatever is under way may have been dropped: next() starts again at the oldest unstored sample.
  void send_again() { sending_ = unstored_; }
  // Samples of this boot and stream from `number` on are sent again, stored or not.
  void send_again(std::uint64_t boot, measurement::Stream, std::uint64_t number);

  bool empty() const { return unstored_.sequence == head_.sequence; }  // All is stored.
  bool under_way() const { return sending_.sequence != unstored_.sequence; }
  std::uint32_t waiting() const { return head_.sequence - unstored_.sequence; }
  std::uint64_t lost() const { return lost_; }
  float fill() const;  // Share of the ring taken by what is not stored yet, 0 to 1.

  static constexpr std::uint32_t max_under_way = 8 * measurement::max_samples_per_report;

 private:
  struct Place {
    std::size_t offset = 0;
    std::uint32_t sequence = 0;  // Of the record: one more than that of the record before.
  };
  struct Head;
  static constexpr std::size_t head_size = 32;
  static constexpr std::size_t max_record = 2048;

  void recover();
  std::optional<Head> head_at(std::size_t offset);
  std::optional<Head> sound_head_at(std::size_t offset);
  std::optional<measurement::ReportHeader> load(Place, measurement::Sample& into);
  Place after(Place);
  std::size_t make_room(std::size_t size);
  void drop_oldest();
  void pass_stored();
  void mark(Place, std::uint8_t flag);

  Storage& storage_;
  std::span<measurement::Sample> window_;
  Place tail_;                  // Oldest record.
  Place unstored_;              // Oldest record that the hub does not have, else head_.
  Place sending_;               // Next to send.
  Place head_;                  // Where the next record goes.
  std::uint32_t furthest_ = 0;  // Sequence behind the last record that was ever sent.
  std::uint64_t lost_ = 0;
  std::array<std::uint8_t, max_record> record_;
};

}  // namespace firmware
