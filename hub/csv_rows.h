// Rows of a CSV file as RFC 4180 has them: fields may be in quotes, with commas, doubled quotes and
// line ends within.

#pragma once

#include <cstddef>
#include <expected>
#include <string>
#include <string_view>
#include <vector>

namespace hub {

struct CsvRow {
  std::size_t line = 0;  // It begins on; the first is 1.
  std::vector<std::string> fields;
};

// Empty lines are left out. The error is one sentence with the line.
std::expected<std::vector<CsvRow>, std::string> csv_rows(std::string_view text,
                                                         std::size_t most_rows);

// In quotes where it needs them.
std::string csv_field(std::string_view);

}  // namespace hub
