#include "hub/api/measured.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <map>
#include <set>
#include <utility>
#include <variant>

#include "hub/api/asked.h"
#include "hub/api/views.h"
#include "hub/devices.h"
#include "hub/history.h"

namespace hub {
namespace {

using measurement::Timestamp;

constexpr std::string_view packed_type = "application/octet-stream";
constexpr std::size_t most_values = 20'000 * measurement::max_channels;  // Steps times circuits.
constexpr std::size_t most_gaps = 1'000;

// Which of an answer's columns are asked for; without a word those that the page draws.
OrRefusal<HistoryColumns> columns(const Parameters& parameters) {
  const auto found = parameters.find("columns");
  if (found == parameters.end()) return HistoryColumns{};
  HistoryColumns asked{.mean = false, .min = false, .max = false, .total = false};
  const std::array<std::pair<std::string_view, bool*>, 5> names = {{{"mean", &asked.mean},
                                                                    {"min", &asked.min},
                                                                    {"max", &asked.max},
                                                                    {"energy", &asked.energy},
                                                                    {"total", &asked.total}}};
  for (std::string_view rest = found->second;;) {
    const auto word = rest.substr(0, rest.find(','));
    const auto name = std::ranges::find(names, word, &std::pair<std::string_view, bool*>::first);
    if (name == names.end()) {
      return std::unexpected(refusal(
          400, "columns: give some of mean, min, max, energy and total, separated by commas."));
    }
    *name->second = true;
    if (word.size() == rest.size()) return asked;
    rest.remove_prefix(word.size() + 1);
  }
}

// By a parameter, or by what the caller accepts.
OrRefusal<bool> is_packed(const Call& call, const Parameters& parameters) {
  const auto format = parameters.find("format");
  if (format == parameters.end()) return call.request.accept == packed_type;
  if (format->second == "packed") return true;
  if (format->second == "json") return false;
  return std::unexpected(refusal(400, "format: give json or packed."));
}

// Of one circuit after the other: its power, then its energy and the text of both.
class HistoryAnswer {
 public:
  HistoryAnswer(const ServedHome& home, CircuitSteps asked, HistoryColumns columns, bool is_packed)
      : home_(&home),
        asked_(std::move(asked)),
        columns_(columns),
        to_(HistoryText(asked_.steps, columns)) {
    if (is_packed) to_ = PackedHistory(asked_.steps, columns, asked_.circuits.size());
  }

  std::optional<Response> operator()() {
    if (next_ == asked_.circuits.size()) return answer();
    auto columns = columns_;
    if (power_) {
      columns.mean = columns.min = columns.max = false;
    } else {
      columns.energy = columns.total = false;
    }
    auto read =
        hub::history(*home_->home, asked_.circuits[next_], asked_.steps, *home_->store, columns);
    if (!read) return refusal(503, sentence(read.error()));
    if (!power_) {
      power_ = std::move(*read);
      return std::nullopt;
    }
    read->mean = std::move(power_->mean);
    read->min = std::move(power_->min);
    read->max = std::move(power_->max);
    std::visit([&](auto& to) { to.add(asked_.circuits[next_], *read); }, to_);
    power_.reset();
    ++next_;
    return std::nullopt;
  }

 private:
  Response answer() {
    if (auto* text = std::get_if<HistoryText>(&to_)) return json(text->take());
    return {.content_type = std::string(packed_type), .body = std::get<PackedHistory>(to_).take()};
  }

  const ServedHome* home_;
  CircuitSteps asked_;
  HistoryColumns columns_;
  std::size_t next_ = 0;
  std::optional<CircuitHistory> power_;  // Of the next circuit.
  std::variant<HistoryText, PackedHistory> to_;
};

// Of one meter after the other, some days at a time: what goes on across their end is one gap.
class GapSearch {
 public:
  GapSearch(Store& store, const std::set<std::string>& devices, TimeRange range)
      : store_(&store), range_(range), left_(devices.rbegin(), devices.rend()), at_(range.begin) {}

  // True: it is over.
  std::expected<bool, StoreError> step() {
    for (int i = 0; i < most_empty && !left_.empty(); ++i) {
      const auto& device = left_.back();
      const auto last = store_->last(device);
      if (!last) return std::unexpected(last.error());
      // Nothing is missing after its newest sample.
      const auto end = *last ? std::min<Timestamp>(range_.end, (*last)->time + days_at_once) : at_;
      if (at_ >= end) {
        left_.pop_back();
        open_.clear();
        at_ = range_.begin;
        continue;
      }
      const TimeRange stretch{at_, std::min<Timestamp>(at_ + days_at_once, end)};
      const auto gaps = store_->gaps(device, stretch);
      if (!gaps) return std::unexpected(gaps.error());
      take(device, *gaps, stretch);
      at_ = stretch.end;
      if (!gaps->empty()) return false;
    }
    return left_.empty();
  }

  std::vector<DeviceGap> found;

 private:
  static constexpr std::chrono::days days_at_once{8};
  static constexpr int most_empty = 16;  // Of these in a piece.

  void take(const std::string& device, const std::vector<Gap>& gaps, TimeRange stretch) {
    std::map<std::optional<std::size_t>, std::size_t> still_open;
    for (const auto& gap : gaps) {
      const auto before = open_.find(gap.channel);
      const bool goes_on = before != open_.end() && gap.range.begin == stretch.begin;
      const auto index = goes_on ? before->second : found.size();
      if (goes_on) {
        found[index].gap.range.end = gap.range.end;
      } else {
        found.push_back({device, gap});
      }
      if (gap.range.end == stretch.end) still_open[gap.channel] = index;
    }
    open_ = std::move(still_open);
  }

  Store* store_;
  TimeRange range_;
  std::vector<std::string> left_;  // The last first.
  Timestamp at_;
  std::map<std::optional<std::size_t>, std::size_t> open_;  // By channel, those found last.
};

}  // namespace

Response history(const Call& call) {
  const auto given = parameters(call);
  if (!given) return given.error();
  const auto asked = circuit_steps_in(*given, *call.home->home);
  if (!asked) return asked.error();
  const auto& [range, cut, ids] = *asked;
  if (cut.count * ids.size() > most_values) {
    return refusal(400,
                   fmt::format("step: {} steps of {} circuits are more than the {} of an "
                               "answer; take a longer step, a shorter range or fewer circuits.",
                               cut.count, ids.size(), most_values));
  }
  const auto asked_columns = columns(*given);
  if (!asked_columns) return asked_columns.error();
  const auto packed = is_packed(call, *given);
  if (!packed) return packed.error();

  return {.pieces = HistoryAnswer(*call.home, *asked, *asked_columns, *packed)};
}

Response newest(const Call& call) {
  LastOf found;
  for (const auto& device : devices(*call.home->home)) {
    auto last = call.home->store->last(device);
    if (!last) return refusal(503, sentence(last.error()));
    if (*last) found.emplace(device, std::move(**last));
  }
  return json(now_text(*call.home->home, found, call.now));
}

Response gaps(const Call& call) {
  const auto given = parameters(call);
  if (!given) return given.error();
  const auto asked = range_in(*given);
  if (!asked) return asked.error();

  return {.pieces = [search = GapSearch(*call.home->store, devices(*call.home->home),
                                        *asked)]() mutable -> std::optional<Response> {
    const auto is_over = search.step();
    if (!is_over) return refusal(503, sentence(is_over.error()));
    if (!*is_over) return std::nullopt;
    auto& found = search.found;
    std::ranges::stable_sort(found, {}, [](const DeviceGap& g) { return g.gap.range.begin; });
    if (found.size() > most_gaps) found.resize(most_gaps);
    return json(gaps_text(found));
  }};
}

}  // namespace hub
