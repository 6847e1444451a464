#include "hub/ingest/line_protocol_reader.h"

#include <algorithm>
#include <cstring>
#include <limits>

namespace hub {
namespace {

using measurement::Timestamp;
using namespace std::chrono_literals;

constexpr int most_digits = 18;  // Of 10, that 64 bits have room for.
constexpr int greatest_exponent = 400;
constexpr std::size_t max_part_bytes = 256;
constexpr std::uint64_t latest_ms = std::uint64_t{1} << 62;

constexpr std::array<std::int64_t, most_digits + 1> powers_of_ten = [] {
  std::array<std::int64_t, most_digits + 1> powers{};
  powers[0] = 1;
  for (std::size_t i = 1; i < powers.size(); ++i) powers[i] = powers[i - 1] * 10;
  return powers;
}();

bool is_digit(char c) { return c >= '0' && c <= '9'; }

bool is_end_of_value(char c) { return c == ',' || c == ' ' || c == '\n' || c == '\r'; }

}  // namespace

std::optional<std::int64_t> in_steps(Decimal value, int resolution) {
  const int shift = value.exponent - resolution;
  if (value.digits == 0) return 0;
  if (shift >= 0) {
    std::int64_t steps = 0;
    if (shift > most_digits ||
        __builtin_mul_overflow(value.digits, powers_of_ten[static_cast<std::size_t>(shift)],
                               &steps)) {
      return std::nullopt;
    }
    return steps;
  }
  if (-shift > most_digits) return 0;
  const auto divisor = powers_of_ten[static_cast<std::size_t>(-shift)];
  const auto quotient = value.digits / divisor, rest = value.digits % divisor;
  if (std::abs(rest) < divisor - std::abs(rest)) return quotient;
  return quotient + (value.digits < 0 ? -1 : 1);
}

LineProtocolReader::LineProtocolReader(std::string_view text, std::chrono::nanoseconds unit,
                                       TimeRange allowed, Timestamp now)
    : at_(text.data()),
      end_(text.data() + text.size()),
      line_begin_(at_),
      units_per_ms_(unit < 1ms ? static_cast<std::uint64_t>(1ms / unit) : 1),
      ms_per_unit_(unit < 1ms ? 1 : static_cast<std::uint64_t>(unit / 1ms)),
      allowed_(allowed),
      now_(now) {}

bool LineProtocolReader::fail(const char* why) {
  fault_ = why;
  return false;
}

void LineProtocolReader::skip_line() {
  const auto* newline = static_cast<const char*>(
      at_ == end_ ? nullptr : std::memchr(at_, '\n', static_cast<std::size_t>(end_ - at_)));
  at_ = newline ? newline + 1 : end_;
}

LineProtocolReader::Got LineProtocolReader::next(std::string_view guess) {
  for (;;) {
    while (at_ != end_ && (*at_ == ' ' || *at_ == '\r')) ++at_;
    if (at_ == end_) return Got::end;
    line_ = ++lines_begun_;
    if (*at_ == '\n') {
      ++at_;
    } else if (*at_ == '#') {
      skip_line();
    } else {
      break;
    }
  }
  line_begin_ = at_;
  const bool is_good = read_series(guess) && read_fields() && read_time();
  if (is_good && at_ - line_begin_ <= static_cast<std::ptrdiff_t>(max_line_bytes)) {
    if (at_ != end_) ++at_;  // The newline.
    return Got::line;
  }
  if (is_good) fault_ = "is longer than 16384 bytes";
  skip_line();
  return Got::fault;
}

bool LineProtocolReader::read_series(std::string_view guess) {
  is_guessed_ = !guess.empty() && guess.size() < static_cast<std::size_t>(end_ - at_) &&
                at_[guess.size()] == ' ' && std::memcmp(at_, guess.data(), guess.size()) == 0;
  const char* const begin = at_;
  if (is_guessed_) {
    at_ += guess.size();
  } else {
    for (; at_ != end_ && *at_ != ' ' && *at_ != '\n'; ++at_) {
      if (*at_ == '\\' && at_ + 1 != end_ && at_[1] != '\n') ++at_;
    }
  }
  if (at_ == end_ || *at_ == '\n') return fail("has no fields");
  series_ = {begin, static_cast<std::size_t>(at_ - begin)};
  while (at_ != end_ && *at_ == ' ') ++at_;
  return true;
}

bool LineProtocolReader::read_fields() {
  field_count_ = 0;
  for (;; ++at_) {  // Over the comma.
    if (field_count_ == max_fields) return fail("has more than 64 fields");
    if (!read_field(fields_[field_count_])) return false;
    ++field_count_;
    if (at_ == end_ || *at_ != ',') return true;
  }
}

// Mostly lines have the fields of the line before: the same bytes up to the same "=".
bool LineProtocolReader::skip_same_key(std::string_view key) {
  // Keys are short: calling memcmp would take longer than it does.
  if (key.empty() || key.size() >= static_cast<std::size_t>(end_ - at_) || at_[key.size()] != '=' ||
      !std::equal(key.begin(), key.end(), at_)) {
    return false;
  }
  at_ += key.size() + 1;
  return true;
}

bool LineProtocolReader::read_key(LineField& field) {
  const char* const begin = at_;
  for (; at_ != end_ && *at_ != '='; ++at_) {
    if (*at_ == '\\' && at_ + 1 != end_ && at_[1] != '\n') {
      ++at_;
    } else if (is_end_of_value(*at_)) {
      return fail("has a field without a value");
    }
  }
  if (at_ == end_) return fail("has a field without a value");
  field.key = {begin, static_cast<std::size_t>(at_ - begin)};
  if (field.key.empty()) return fail("has a field without a name");
  ++at_;
  return true;
}

bool LineProtocolReader::read_field(LineField& field) {
  field.is_same = skip_same_key(field.key);
  if (!field.is_same && !read_key(field)) return false;
  if (at_ == end_ || is_end_of_value(*at_)) return fail("has a field without a value");
  if (*at_ == '"') {
    field.type = LineField::Type::text;
    return read_text();
  }
  if (is_digit(*at_) || *at_ == '-' || *at_ == '.' || *at_ == '+') return read_number(field);
  field.type = LineField::Type::boolean;
  return read_word();
}

// Digits with or without a point, so few that none is cut off. Else nothing is read.
bool LineProtocolReader::read_short_number(LineField& field) {
  const char* at = at_;
  const bool is_negative = *at == '-';
  at += is_negative;
  const char* const begin = at;
  std::int64_t digits = 0;
  const char* const end = end_ - at > most_digits ? at + most_digits : end_;
  for (; at != end && is_digit(*at); ++at) digits = digits * 10 + (*at - '0');
  const char* const point = at;
  if (at != end && *at == '.') {
    for (++at; at != end && is_digit(*at); ++at) digits = digits * 10 + (*at - '0');
  }
  const auto decimals = std::max<std::ptrdiff_t>(at - point - 1, 0);
  const bool has_digit = at - begin > (at != point ? 1 : 0);
  if (!has_digit || at == end || !is_end_of_value(*at)) return false;
  field.number = {is_negative ? -digits : digits, -static_cast<int>(decimals)};
  at_ = at;
  return true;
}

bool LineProtocolReader::read_number(LineField& field) {
  field.type = LineField::Type::number;
  if (read_short_number(field)) return true;
  const bool is_negative = *at_ == '-';
  if (is_negative || *at_ == '+') ++at_;
  std::int64_t digits = 0;
  int count = 0, exponent = 0;  // Digits that count: zeros before them do not.
  const char* const begin = at_;
  for (; at_ != end_ && is_digit(*at_); ++at_) {
    if (count == most_digits) {
      if (++exponent > greatest_exponent) return fail("has a number that is too long");
      continue;
    }
    digits = digits * 10 + (*at_ - '0');
    count += digits != 0;
  }
  bool has_digit = at_ != begin;
  const bool has_point = at_ != end_ && *at_ == '.';
  if (has_point) {
    const char* const point = ++at_;
    for (; at_ != end_ && is_digit(*at_); ++at_) {
      if (count == most_digits) continue;
      digits = digits * 10 + (*at_ - '0');
      count += digits != 0;
      if (--exponent < -greatest_exponent) return fail("has a number that is too long");
    }
    has_digit = has_digit || at_ != point;
  }
  if (!has_digit) return fail("has a value that is no number");
  if (at_ != end_ && (*at_ == 'e' || *at_ == 'E')) {
    ++at_;
    const bool is_small = at_ != end_ && *at_ == '-';
    if (at_ != end_ && (*at_ == '-' || *at_ == '+')) ++at_;
    if (at_ == end_ || !is_digit(*at_)) return fail("has a value that is no number");
    int given = 0;
    for (; at_ != end_ && is_digit(*at_); ++at_) {
      given = given * 10 + (*at_ - '0');
      if (given > greatest_exponent) return fail("has a number that is too long");
    }
    exponent += is_small ? -given : given;
  } else if (!has_point && at_ != end_ && (*at_ == 'i' || *at_ == 'u')) {
    ++at_;
  }
  if (at_ != end_ && !is_end_of_value(*at_)) return fail("has a value that is no number");
  field.number = {is_negative ? -digits : digits, exponent};
  return true;
}

bool LineProtocolReader::read_text() {
  for (++at_; at_ != end_ && *at_ != '"'; ++at_) {
    if (*at_ == '\\' && at_ + 1 != end_) ++at_;
    if (*at_ == '\n') ++lines_begun_;  // A text may have some.
  }
  if (at_ == end_) return fail("has a text without an end");
  ++at_;
  if (at_ != end_ && !is_end_of_value(*at_)) return fail("goes on after a text's end");
  return true;
}

bool LineProtocolReader::read_word() {
  const char* const begin = at_;
  while (at_ != end_ && !is_end_of_value(*at_)) ++at_;
  const std::string_view word(begin, static_cast<std::size_t>(at_ - begin));
  constexpr std::array<std::string_view, 10> words = {"t", "T", "true",  "True",  "TRUE",
                                                      "f", "F", "false", "False", "FALSE"};
  return std::ranges::find(words, word) != words.end() || fail("has a value that is no number");
}

bool LineProtocolReader::read_time() {
  while (at_ != end_ && *at_ == ' ') ++at_;
  // All lines of one instant have the same time, which was found good.
  if (!same_time_.empty() && same_time_.size() < static_cast<std::size_t>(end_ - at_) &&
      at_[same_time_.size()] == '\n' &&
      std::memcmp(at_, same_time_.data(), same_time_.size()) == 0) {
    at_ += same_time_.size();
    time_ = same_time_is_;
    return true;
  }
  time_ = now_;
  std::string_view given_time;
  if (at_ != end_ && *at_ != '\n' && *at_ != '\r') {
    if (*at_ == '-') return fail("has a time before 1970");
    std::uint64_t given = 0;  // Has room for 19 digits.
    const char* const begin = at_;
    for (; at_ != end_ && is_digit(*at_); ++at_) {
      if (at_ - begin > most_digits) return fail("has a time that is too late");
      given = given * 10 + static_cast<std::uint64_t>(*at_ - '0');
    }
    if (at_ == begin) return fail("has a time that is no number");
    std::uint64_t ms = given / units_per_ms_;
    if (__builtin_mul_overflow(ms, ms_per_unit_, &ms) || ms > latest_ms) {
      return fail("has a time that is too late: is the precision right?");
    }
    time_ = Timestamp(std::chrono::milliseconds(ms));
    given_time = {begin, static_cast<std::size_t>(at_ - begin)};
  }
  while (at_ != end_ && (*at_ == ' ' || *at_ == '\r')) ++at_;
  if (at_ != end_ && *at_ != '\n') return fail("goes on after its time");
  if (time_ < allowed_.begin) return fail("has a time that is too early: is the precision right?");
  if (time_ >= allowed_.end) return fail("has a time that is too late: is the precision right?");
  same_time_ = given_time;
  same_time_is_ = time_;
  return true;
}

std::string_view SeriesName::tag(std::string_view key) const {
  const auto found = std::ranges::find(tags, key, &std::pair<std::string, std::string>::first);
  return found == tags.end() ? std::string_view() : std::string_view(found->second);
}

std::optional<SeriesName> parse_series(std::string_view text) {
  // Pieces by what ends them: a comma, or, in a tag's key, an equals sign.
  std::vector<std::string> parts(1);
  bool is_key = false;
  for (std::size_t i = 0; i < text.size(); ++i) {
    char c = text[i];
    if (static_cast<unsigned char>(c) < 0x20 || c == 0x7F) return std::nullopt;
    const bool is_measurement = parts.size() == 1;
    const auto special = is_measurement ? std::string_view(", ") : std::string_view(",= ");
    if (c == '\\' && i + 1 < text.size() && special.find(text[i + 1]) != special.npos) {
      c = text[++i];
    } else if (c == ',') {
      if (is_key || parts.size() >= 1 + 2 * SeriesName::max_tags) return std::nullopt;
      parts.emplace_back();
      is_key = true;
      continue;
    } else if (c == '=' && !is_measurement) {
      if (!is_key) return std::nullopt;
      parts.emplace_back();
      is_key = false;
      continue;
    }
    if (parts.back().size() == max_part_bytes) return std::nullopt;
    parts.back() += c;
  }
  if (is_key || std::ranges::any_of(parts, &std::string::empty)) return std::nullopt;
  SeriesName name{std::move(parts.front()), {}};
  for (std::size_t i = 1; i + 1 < parts.size(); i += 2) {
    if (!name.tag(parts[i]).empty()) return std::nullopt;
    name.tags.emplace_back(std::move(parts[i]), std::move(parts[i + 1]));
  }
  return name;
}

}  // namespace hub
