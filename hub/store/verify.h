// Whether a store's files are still what was written: a walk over all of them that changes none.
//
//   lenz.db     SQLite's own structure; every block unseals and decodes; every minute
//               that was packed is in a packed hour
//   segment-N   that the database names: head, index and every part of every packed hour; each
//               hour unpacks
//
// May run beside the one who writes: a segment that was joined with others meanwhile is looked at
// where it has gone to. Memory is bounded: some minutes of blocks, or a day of one boot's parts.

#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "hub/files/files.h"
#include "hub/store/store.h"

namespace hub {

struct Finding {
  enum class Kind : std::uint8_t {
    structure,        // Of a database: `detail` has SQLite's words.
    block,            // A minute that is not what was written.
    unpacked,         // A minute that is said to be packed, and is in no packed hour.
    missing_segment,  // That the database names.
    segment_magic,    // Nothing is lost by it.
    segment_index,    // Nothing of the segment can be read.
    segment_head,     // Where the parts of a series lie.
    part,             // A series in an hour.
    missing_hour,     // That the segment should have.
    hour,             // It does not unpack, though each of its parts is what was written.
    // No damage:
    set_aside,  // A minute that was damaged when more of it came in; what came in is kept.
    unnamed,    // A file that nobody names: of a join that goes on, or that a crash cut short.
  };

  Kind kind{};
  std::string file;                     // Within the folder.
  std::uint64_t offset = 0, bytes = 0;  // In a segment.
  std::optional<std::int64_t> row;      // In the database.
  std::vector<std::string> devices;     // Whose samples are concerned.
  std::optional<TimeRange> range;       // When they were measured.
  std::optional<std::int64_t> series;   // As in rows.h, clock_part for all; absent: all.
  std::string detail;

  bool is_damage() const { return kind < Kind::set_aside; }
};

struct Verified {
  std::uint64_t hours = 0, minutes = 0;  // Packed hours, minutes in blocks.
  std::uint64_t damaged = 0;             // Findings that are damage.
};

// `found` is told each finding, `progress` now and then the share that is done. Throws
// std::runtime_error with one sentence where there is no store in the folder.
Verified verify_store(Files&, const std::string& folder,
                      const std::function<void(const Finding&)>& found,
                      const std::function<void(double share)>& progress);

// Only SQLite's own structure of one more database in the folder. False: it is damaged.
bool verify_structure(Files&, const std::string& folder, const std::string& file,
                      const std::function<void(const Finding&)>& found);

}  // namespace hub
