// Packed hours in a file that is written once and never changed: all hours of a series beside each
// other, so that a year of one circuit is read in a few pieces.
//
//   magic, runs (a boot's series: a head, the parts of its hours), index, its length
//
// A run's head has the lengths of its parts, and that of a run of minutes what the series did in
// each hour: a year by the hour is read from the heads alone. Every part, every head and the index
// are sealed with their place. docs/store_format.md has the grammar.

#pragma once

#include <cstdint>
#include <expected>
#include <map>
#include <memory>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "hub/files/files.h"
#include "hub/store/column.h"
#include "hub/store/packed_hour.h"
#include "hub/store/packed_minutes.h"
#include "hub/store/store.h"
#include "hub/store/summary.h"

namespace hub {

StoreError error_of(FileError);

// Where a part belongs: rows are those of whole hours, see rows.h. In order of boot, series, hour.
struct PartPlace {
  std::int64_t boot_id = 0;
  std::int64_t series = 0;  // Or minutes_part() of one, or a clock's.
  std::int64_t hour = 0;    // Row of its first minute.

  friend auto operator<=>(const PartPlace&, const PartPlace&) = default;
};

class SegmentWriter {
 public:
  // `number` is the segment's own, and part of its seal.
  static std::expected<SegmentWriter, StoreError> create(Files&, const std::string& path,
                                                         std::int64_t number);

  // Sealed parts in rising order of their places; with those of minutes, what the series did in the
  // hour. Samples and minutes each have a clock's part in every hour in which they have others.
  std::expected<void, StoreError> add(PartPlace, std::span<const std::uint8_t> sealed,
                                      const MinuteSummary& hour = {});

  // Puts what was written by now on the disk, so that finish() has less to wait for.
  std::expected<void, StoreError> sync();

  // Durable when it returns, but for the file's name: that is sync_folder()'s.
  std::expected<std::uint64_t, StoreError> finish();  // Its size in bytes.

 private:
  struct Run {
    std::int64_t series = 0;
    std::uint64_t head_bytes = 0, bytes = 0;
  };
  // Samples or minutes of a boot.
  struct List {
    std::vector<std::int64_t> hours;  // Rows; those of its clock, which has all of them.
    std::vector<Run> runs;
  };
  struct Boot {
    std::int64_t id = 0;
    List samples, minutes;
    List& list_of(std::int64_t series) { return is_of_minutes(series) ? minutes : samples; }
  };
  struct Added {
    std::size_t length = 0;
    MinuteSummary hour;
  };

  SegmentWriter(std::unique_ptr<File> file, std::int64_t number)
      : file_(std::move(file)), number_(number) {}
  std::expected<void, StoreError> end_run();
  std::expected<void, StoreError> write(std::span<const std::uint8_t>);
  std::expected<void, StoreError> hand_over();  // What waits, to the file.

  std::unique_ptr<File> file_;
  std::int64_t number_;
  std::uint64_t written_ = 0;  // What waits included.
  Bytes waiting_;              // Runs are small: the file gets some at once.
  std::vector<Boot> boots_;
  // The run that is being added to.
  PartPlace place_;
  Bytes parts_;
  std::map<std::int64_t, Added> added_;  // By hour.
};

// One thread.
class Segment {
 public:
  // StoreError::corrupted where its index is not what was written.
  static std::expected<std::unique_ptr<Segment>, StoreError> open(Files&, const std::string& path,
                                                                  std::int64_t number);

  // Of the clocks of samples, in order, and of those of minutes.
  std::vector<PartPlace> hours() const { return places_of(clock_part); }
  std::vector<PartPlace> hours_of_minutes() const { return places_of(minutes_clock_part); }

  // Whether an hour's samples, or its minutes, are here.
  bool has_samples(std::int64_t boot_id, std::int64_t hour) const;
  bool has_minutes(std::int64_t boot_id, std::int64_t hour) const;

  // The sealed parts of a series within hours [first, last], both included, by hour; an hour that
  // does not have the series has none. The bytes are as they were read, unseal() tells of damage.
  using Parts = std::map<std::int64_t, Bytes>;
  std::expected<Parts, StoreError> parts(std::int64_t boot_id, std::int64_t series,
                                         std::int64_t first, std::int64_t last);

  // What a series did in each of the hours [first, last] that have its minutes, in order.
  struct Hour {
    std::int64_t row = 0;
    MinuteSummary summary;
  };
  std::expected<std::vector<Hour>, StoreError> summaries(std::int64_t boot_id, std::int64_t series,
                                                         std::int64_t first, std::int64_t last);

  std::vector<std::int64_t> series_of(std::int64_t boot_id) const;  // As places have them.

  // Where something lies in the file.
  struct Extent {
    std::uint64_t offset = 0, bytes = 0;
  };
  // Of the parts of a series, by hour; StoreError::corrupted where its head is not what was
  // written.
  std::expected<std::map<std::int64_t, Extent>, StoreError> extents(std::int64_t boot_id,
                                                                    std::int64_t series);
  Extent head(std::int64_t boot_id, std::int64_t series) const;
  // Of the index and its length, as far as they can be told in a file that does not open.
  static Extent index(File&);
  bool has_magic();  // Its first bytes say that it is a segment.

 private:
  friend class SegmentReader;

  struct Run {
    std::uint64_t offset = 0, head_bytes = 0, bytes = 0;
  };
  struct Boot {
    std::vector<std::int64_t> hours, hours_of_minutes;
    std::map<std::int64_t, Run> runs;  // By series.
    const std::vector<std::int64_t>& hours_of(std::int64_t series) const {
      return is_of_minutes(series) ? hours_of_minutes : hours;
    }
  };
  // Parts of one series that lie one after the other.
  struct Stretch {
    Bytes bytes;
    std::vector<std::pair<std::int64_t, Extent>> parts;  // By hour, within the bytes.
  };
  struct Head {
    std::vector<std::int32_t> lengths;     // Of each of the hours.
    std::vector<MinuteSummary> summaries;  // Of those that have a part of minutes.
  };
  explicit Segment(std::unique_ptr<File> file) : file_(std::move(file)) {}
  std::expected<Bytes, StoreError> read(std::uint64_t offset, std::uint64_t bytes);
  bool take_index(std::span<const std::uint8_t>, std::uint64_t size, std::uint8_t version);
  std::vector<PartPlace> places_of(std::int64_t clock) const;
  // Of all parts of a series, by hour.
  std::expected<std::vector<std::pair<std::int64_t, Extent>>, StoreError> places(
      std::int64_t boot_id, std::int64_t series);
  std::expected<Stretch, StoreError> stretch(std::int64_t boot_id, std::int64_t series,
                                             std::int64_t first, std::int64_t last);
  std::expected<Head, StoreError> read_head(std::int64_t boot_id, std::int64_t series, const Boot&,
                                            const Run&, bool with_summaries);

  std::unique_ptr<File> file_;
  std::map<std::int64_t, Boot> boots_;
  std::uint8_t version_ = 0;
};

// Reads hours [first, last] of a boot, a series of all of them at once. The segment outlives it,
// and it outlives the hours that it reads.
class SegmentReader {
 public:
  SegmentReader(Segment& segment, std::int64_t boot_id, std::int64_t first, std::int64_t last)
      : segment_(segment), boot_id_(boot_id), first_(first), last_(last) {}

  PackedHour::Parts hour(std::int64_t row);

 private:
  Segment& segment_;
  std::int64_t boot_id_, first_, last_;
  std::map<std::int64_t, Segment::Stretch> read_;  // By series.
};

}  // namespace hub
