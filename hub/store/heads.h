// Minutes that are not in the tables yet: in memory, and on the disk in the log. Those that are
// over are kept encoded, which takes a tenth of the room.

#pragma once

#include <cstddef>
#include <cstdint>
#include <map>
#include <optional>
#include <span>
#include <vector>

#include "hub/store/column.h"
#include "hub/store/sample_columns.h"
#include "measurement/sample.h"

namespace hub {

class Heads {
 public:
  using Row = std::int64_t;  // See rows.h.
  using Samples = std::vector<measurement::Sample>;

  bool has(Row row) const { return heads_.contains(row); }
  // A minute with what is in the tables of it, open.
  void begin(Row, Samples);
  // Adds to a minute that is here, by rising number; one that was encoded is open again. False: it
  // has a sample of this number.
  bool add(Row, const measurement::Sample&);
  std::size_t count(Row) const;  // Samples of a minute that is here.
  void encode(Row);              // It is over; more may be added all the same.

  // Of a minute that is here: as it lies open, or absent where it is encoded.
  std::optional<std::span<const measurement::Sample>> open(Row) const;
  Samples samples(Row) const;
  void append_to(SampleColumns&, Row) const;  // Its samples.
  Bytes block(Row) const;                     // As encode_block() has it.
  std::int64_t absences(Row) const;  // Bit c: channel c's active power is absent from a sample.

  // What was packed is not written to the tables once more, unless more was added since.
  void note_packed(Row row) { heads_.at(row).is_packed = true; }
  bool is_packed(Row row) const { return heads_.at(row).is_packed; }

  // Both included, in order, the first `most` of them.
  std::vector<Row> rows(Row first, Row last, std::size_t most = SIZE_MAX) const;
  std::vector<Row> all() const;
  std::optional<Row> before(Row) const;  // The latest up to this one.
  bool is_empty() const { return heads_.empty(); }
  // Of memory: of minutes that are encoded, and of those that lie open.
  std::size_t encoded_bytes() const { return encoded_bytes_; }
  std::size_t open_bytes() const { return open_bytes_; }
  void clear();

 private:
  struct Head {
    Samples open;
    Bytes block;  // Empty where it lies open.
    std::size_t count = 0;
    std::int64_t absences = 0;
    bool is_packed = false;
  };
  // Changes a head and keeps count of the memory.
  template <class Change>
  void change(Head&, Change);

  std::map<Row, Head> heads_;
  std::size_t encoded_bytes_ = 0, open_bytes_ = 0;
  // Of the minute that was encoded last, empty, for the next one: were each to grow its own, blocks
  // that stay would lie in what it leaves, and the next would not find room there.
  Samples spare_;
};

}  // namespace hub
