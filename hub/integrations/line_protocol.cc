#include "hub/integrations/line_protocol.h"

#include <fmt/format.h>

#include <cmath>
#include <iterator>

namespace hub {
namespace {

// A newline would end the line and a backslash at the end would eat the separator after it; the
// grammar escapes neither.
void append_escaped(std::string& out, std::string_view text, std::string_view special) {
  for (const char c : text) {
    if (c == '\n' || c == '\r') {
      out += special.find(' ') == std::string_view::npos ? " " : "\\ ";
      continue;
    }
    if (special.find(c) != std::string_view::npos) out += '\\';
    out += c;
  }
  if (!out.empty() && out.back() == '\\' && special.find('\\') == std::string_view::npos) {
    out.back() = '/';
  }
}

constexpr std::string_view of_measurements = ", ";
constexpr std::string_view of_keys = ",= ";
constexpr std::string_view of_strings = "\"\\";

}  // namespace

Line::Line(std::string_view measurement) { append_escaped(line_, measurement, of_measurements); }

Line& Line::tag(std::string_view key, std::string_view value) {
  if (value.empty()) return *this;
  line_ += ',';
  append_escaped(line_, key, of_keys);
  line_ += '=';
  append_escaped(line_, value, of_keys);
  return *this;
}

void Line::begin_field(std::string_view key) {
  line_ += has_field_ ? ',' : ' ';
  has_field_ = true;
  append_escaped(line_, key, of_keys);
  line_ += '=';
}

Line& Line::number(std::string_view key, double value) {
  if (!std::isfinite(value)) return *this;
  begin_field(key);
  fmt::format_to(std::back_inserter(line_), "{}", value);
  return *this;
}

Line& Line::integer(std::string_view key, std::int64_t value) {
  begin_field(key);
  fmt::format_to(std::back_inserter(line_), "{}i", value);
  return *this;
}

Line& Line::text(std::string_view key, std::string_view value) {
  begin_field(key);
  line_ += '"';
  append_escaped(line_, value, of_strings);
  line_ += '"';
  return *this;
}

std::optional<std::string> Line::at(measurement::Timestamp time) const {
  if (!has_field_) return std::nullopt;
  return fmt::format("{} {}\n", line_, time.time_since_epoch().count());
}

}  // namespace hub
