// InfluxDB's line protocol, one point a line:
//
//   measurement[,tag=value...] field=value[,field=value...] timestamp
//
// Grammar and escapes: docs.influxdata.com/influxdb/v1/write_protocols/line_protocol_reference,
// sections "Syntax", "Data types" and "Special characters".

#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "measurement/units.h"

namespace hub {

// Tags before fields, in the order in which they were given; tags sorted by key are read fastest.
class Line {
 public:
  explicit Line(std::string_view measurement);

  // A line has no place for an empty tag: it is left out, and so is a field that is no number.
  Line& tag(std::string_view key, std::string_view value);
  Line& number(std::string_view key, double value);
  Line& integer(std::string_view key, std::int64_t value);  // Kept apart from floats by its "i".
  Line& text(std::string_view key, std::string_view value);

  // With its time in milliseconds (precision=ms) and a newline. Nothing where it has no field.
  std::optional<std::string> at(measurement::Timestamp) const;

 private:
  void begin_field(std::string_view key);

  std::string line_;
  bool has_field_ = false;
};

}  // namespace hub
