#include "hub/csv_rows.h"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

namespace hub {

namespace {

constexpr std::size_t most_fields = 400, most_field_bytes = 10'000;

// Goes through the text once.
class Reader {
 public:
  explicit Reader(std::string_view text) : text_(text) {
    if (text_.starts_with("\xEF\xBB\xBF")) text_.remove_prefix(3);
  }

  bool is_at_end() const { return at_ == text_.size(); }
  std::size_t line() const { return line_; }

  std::expected<CsvRow, std::string> row() {
    CsvRow row{line_, {}};
    while (true) {
      std::string field;
      const bool is_quoted = !is_at_end() && text_[at_] == '"';
      if (is_quoted ? !take_quoted(field) : !take_plain(field)) {
        return std::unexpected(fmt::format("line {}: {}", row.line,
                                           is_quoted
                                               ? "a field in quotes does not end; close its quotes"
                                               : "a field is too long to be one"));
      }
      row.fields.push_back(std::move(field));
      if (row.fields.size() > most_fields) {
        return std::unexpected(
            fmt::format("line {}: there are more than {} fields", row.line, most_fields));
      }
      if (is_at_end() || text_[at_] != ',') break;
      ++at_;
    }
    end_line();
    return row;
  }

 private:
  bool take_plain(std::string& field) {
    const auto end = std::min(text_.find_first_of(",\r\n", at_), text_.size());
    field = text_.substr(at_, end - at_);
    at_ = end;
    return field.size() <= most_field_bytes;
  }

  bool take_quoted(std::string& field) {
    for (++at_; at_ < text_.size(); ++at_) {
      if (text_[at_] == '"') {
        ++at_;
        if (at_ == text_.size() || text_[at_] != '"') return true;
      }
      if (text_[at_] == '\n') ++line_;
      field += text_[at_];
      if (field.size() > most_field_bytes) return false;
    }
    return false;
  }

  void end_line() {
    // What follows a closing quote before the comma belongs to nothing.
    at_ = std::min(text_.find_first_of("\r\n", at_), text_.size());
    while (at_ < text_.size() && (text_[at_] == '\r' || text_[at_] == '\n')) {
      if (text_[at_] == '\n') ++line_;
      ++at_;
    }
  }

  std::string_view text_;
  std::size_t at_ = 0, line_ = 1;
};

}  // namespace

std::expected<std::vector<CsvRow>, std::string> csv_rows(std::string_view text,
                                                         std::size_t most_rows) {
  std::vector<CsvRow> rows;
  Reader reader(text);
  while (!reader.is_at_end()) {
    if (rows.size() == most_rows) {
      return std::unexpected(
          fmt::format("line {}: there are more than {} rows", reader.line(), most_rows));
    }
    auto row = reader.row();
    if (!row) return std::unexpected(std::move(row.error()));
    if (row->fields.size() > 1 || !row->fields[0].empty()) rows.push_back(std::move(*row));
  }
  return rows;
}

std::string csv_field(std::string_view text) {
  if (text.find_first_of(",\"\r\n") == std::string_view::npos) return std::string(text);
  std::string quoted = "\"";
  for (const char c : text) {
    if (c == '"') quoted += '"';
    quoted += c;
  }
  return quoted + '"';
}

}  // namespace hub
