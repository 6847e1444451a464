// InfluxDB's line protocol, read: the other direction is integrations/line_protocol.h.
//
//   measurement[,tag=value...] field=value[,field=value...] [timestamp]
//
// Grammar and escapes: docs.influxdata.com/influxdb/v1/write_protocols/line_protocol_reference,
// sections "Syntax", "Data types" and "Special characters". Beyond it: "u" after an unsigned
// integer, as 2.x has it, and lines that end in CR LF.

#pragma once

#include <array>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "hub/store/store.h"
#include "measurement/units.h"

namespace hub {

// digits x 10^exponent, exactly as it was written up to 18 digits; further ones are cut off.
struct Decimal {
  std::int64_t digits = 0;
  int exponent = 0;

  friend bool operator==(const Decimal&, const Decimal&) = default;
};

// In whole units of 10^resolution, rounded half away from zero; absent where 64 bits are too few.
std::optional<std::int64_t> in_steps(Decimal, int resolution);

struct LineField {
  enum class Type : std::uint8_t { number, boolean, text };

  std::string_view key;  // As it was written, with its escapes.
  bool is_same = false;  // As that of the field in its place in the line before.
  Type type = Type::number;
  Decimal number;  // Of Type::number only: nobody here needs the others' values.
};

// Takes a text apart, line by line, without copying or allocating anything. Views live as long as
// the text. A line that is wrong is skipped to its end; the next one is read as if it had not been.
class LineProtocolReader {
 public:
  static constexpr std::size_t max_line_bytes = 16 * 1024;
  static constexpr std::size_t max_fields = 64;

  // A unit of the timestamps, a nanosecond to an hour. Times outside of `allowed` are faults; a
  // line without one has the time `now`.
  LineProtocolReader(std::string_view text, std::chrono::nanoseconds unit, TimeRange allowed,
                     measurement::Timestamp now);

  enum class Got : std::uint8_t { line, fault, end };

  // The next line that is neither empty nor a comment. A `guess` of its series saves the search for
  // its end; it must be a series() of before, or empty.
  Got next(std::string_view guess = {});

  // Of Got::line.
  std::string_view series() const { return series_; }  // Measurement and tags, unchecked.
  bool is_guessed() const { return is_guessed_; }
  std::span<const LineField> fields() const { return {fields_.data(), field_count_}; }
  measurement::Timestamp time() const { return time_; }

  // Of Got::fault: what is wrong, without a subject and a full stop.
  const char* fault() const { return fault_; }

  std::size_t line() const { return line_; }  // Number of the line that was read last, from 1.

 private:
  bool read_series(std::string_view guess);
  bool read_fields();
  bool read_field(LineField&);
  bool skip_same_key(std::string_view key);
  bool read_key(LineField&);
  bool read_short_number(LineField&);
  bool read_number(LineField&);
  bool read_text();
  bool read_word();
  bool read_time();
  bool fail(const char* why);
  void skip_line();

  const char* at_;
  const char* const end_;
  const char* line_begin_;
  const std::uint64_t units_per_ms_, ms_per_unit_;  // One of them is 1.
  const TimeRange allowed_;
  const measurement::Timestamp now_;
  std::string_view series_;
  bool is_guessed_ = false;
  std::array<LineField, max_fields> fields_;
  std::size_t field_count_ = 0;
  measurement::Timestamp time_{};
  std::string_view same_time_;  // As it was written in the last good line; empty: not at all.
  measurement::Timestamp same_time_is_{};
  const char* fault_ = nullptr;
  std::size_t line_ = 0, lines_begun_ = 0;
};

// A series taken apart, its escapes undone.
struct SeriesName {
  static constexpr std::size_t max_tags = 32;

  std::string measurement;
  std::vector<std::pair<std::string, std::string>> tags;  // Key and value.

  // Empty where there is no such tag.
  std::string_view tag(std::string_view key) const;
};

// Absent where measurement, key or value of a tag are empty, a key comes twice, there are more than
// max_tags, or it has control characters or more bytes than a reasonable name (256 in each part).
std::optional<SeriesName> parse_series(std::string_view);

}  // namespace hub
