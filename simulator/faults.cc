#include "simulator/faults.h"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <optional>

namespace simulator {
namespace {

using measurement::Timestamp;

constexpr int last_day = 3650;

bool can_have(House house, const FaultRow& row) {
  return house == House::us ? row.in_us : row.in_eu3;
}

std::string names(House house) {
  std::string all;
  for (const auto& row : fault_rows) {
    if (can_have(house, row)) all += fmt::format("{}{}", all.empty() ? "" : ", ", row.name);
  }
  return all;
}

template <class Number>
std::optional<Number> number(std::string_view text) {
  Number value{};
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc() || end != text.data() + text.size()) return {};
  return value;
}

// The text before the mark; what is behind it is left in `text`, which is empty without one.
std::string_view cut(std::string_view& text, char mark) {
  const auto at = text.find(mark);
  const auto before = text.substr(0, at);
  text = at == text.npos ? std::string_view() : text.substr(at + 1);
  return before;
}

std::optional<std::chrono::milliseconds> day(std::string_view text) {
  const auto n = number<int>(text);
  if (!n || *n < 1 || *n > last_day) return {};
  return std::chrono::days(*n - 1);
}

}  // namespace

double Onset::at(Timestamp now) const {
  if (now < begin) return 0;
  if (now >= begin + ramp) return severity;
  return severity * static_cast<double>((now - begin).count()) / static_cast<double>(ramp.count());
}

double Defects::severity(Defect defect, Timestamp now) const {
  double worst = 0;
  for (const auto& [kind, onset] : known_) {
    if (kind == defect) worst = std::max(worst, onset.at(now));
  }
  return worst;
}

std::expected<Fault, std::string> parse_fault(std::string_view text, House house) {
  const auto whole = text;
  const auto has_severity = text.find(':') != text.npos;
  auto when = cut(text, ':');
  const auto has_day = when.find('@') != when.npos;
  const auto name = cut(when, '@');
  const auto row = std::ranges::find(fault_rows, name, &FaultRow::name);
  if (row == fault_rows.end() || !can_have(house, *row)) {
    return std::unexpected(fmt::format("This house cannot have the fault \"{}\": choose one of {}.",
                                       name, names(house)));
  }
  Fault fault{.what = *row};
  if (has_day) {
    const bool is_day = when.starts_with("day");
    if (is_day) when.remove_prefix(3);
    const bool grows = when.find('-') != when.npos;
    const auto begin = day(cut(when, '-'));
    const auto end = grows ? day(when) : begin;
    if (!is_day || !begin || !end || *end < *begin) {
      return std::unexpected(fmt::format(
          "The fault \"{}\" begins on no day: write {}@day10, or {}@day10-40 for one that grows "
          "until day 40.",
          whole, name, name));
    }
    fault.after = *begin;
    fault.ramp = *end - *begin;
  }
  if (has_severity) {
    const auto severity = number<double>(text);
    if (!severity || !(*severity > 0 && *severity <= 1)) {
      return std::unexpected(fmt::format(
          "The fault \"{}\" has no severity: write one above 0 and up to 1, {}:{}. It means: {}.",
          whole, name, row->severity, row->means));
    }
    fault.severity = *severity;
  }
  return fault;
}

}  // namespace simulator
