// What the commands that let readings in and out have in common; docs/import_export.md is the page.

#pragma once

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>

#include "hub/ingest/written_points.h"

namespace lenz {

// "active_power_3_w": quantity, channel, unit. A chip's quantity stands at its first channel.
std::string column_name(measurement::Quantity, std::size_t channel);

struct ColumnMeaning {
  hub::FieldMeaning meaning;
  std::size_t channel = 0;
};
// Absent: such a column is not known.
std::optional<ColumnMeaning> column_of(std::string_view name);

// The units of whole steps, by which fields of line protocol end: "dw", "mwh".
std::string_view scaled_unit(measurement::Quantity);

// -123 and 1 digit: "-12.3".
std::string decimal_text(std::int64_t steps, int digits);
int digits_of(measurement::Quantity);  // After the point.

// A time as people write it: 2026-03-01, 2026-03-01T12:00, with seconds and a blank for the T, with
// Z or +01:00. Without a zone it is local time in `zone` (IANA); of an hour that comes twice it is
// the first, or the second where the first is not after `after`. Absent: it is none.
std::optional<measurement::Timestamp> parse_time(
    std::string_view text, const std::string& zone,
    measurement::Timestamp after = measurement::Timestamp::min());

// What the clocks of a zone (IANA) are ahead of UTC.
std::chrono::minutes utc_offset(measurement::Timestamp, const std::string& zone);

// The same time as 2026-03-01T12:00:00Z, whole seconds.
std::string utc_text(measurement::Timestamp);

// A share that is shown on standard error, if that is a terminal.
class Progress {
 public:
  Progress();
  ~Progress();
  Progress(const Progress&) = delete;
  Progress& operator=(const Progress&) = delete;
  void show(double share);

 private:
  const bool is_shown_;
  int percent_ = -1;
};

}  // namespace lenz
