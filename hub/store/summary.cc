#include "hub/store/summary.h"

#include <algorithm>
#include <vector>

namespace hub {

using measurement::Kind;
using measurement::Quantity;

namespace {

bool is_total(Quantity quantity) { return row(quantity).kind == Kind::total; }

}  // namespace

MinuteSummary summarise(std::span<const measurement::Sample> samples, Quantity quantity,
                        std::size_t index) {
  MinuteSummary minute;
  for (const auto& sample : samples) {
    if (index >= sample.count(quantity)) continue;
    const auto value = sample.steps(quantity, index);
    if (!value) continue;
    minute.max = minute.count == 0 ? *value : std::max(minute.max, *value);
    if (!is_total(quantity)) {
      minute.min = minute.count == 0 ? *value : std::min(minute.min, *value);
      minute.sum += *value;
    }
    ++minute.count;
  }
  return minute;
}

Bytes encode_summary(Place place, const HourSummary& hour, Quantity quantity) {
  std::vector<std::int64_t> counts, maxima, spans, excesses;
  for (const auto& minute : hour) {
    counts.push_back(minute.count);
    if (minute.count == 0) continue;
    maxima.push_back(minute.max);
    if (is_total(quantity)) continue;
    spans.push_back(minute.max - minute.min);
    excesses.push_back(minute.sum - minute.count * minute.min);
  }
  Bytes body;
  put_column(body, counts, Differences::first);
  put_column(body, maxima, is_total(quantity) ? Differences::second : Differences::first);
  put_column(body, spans, Differences::first);
  put_column(body, excesses, Differences::first);
  return seal(place, body);
}

std::expected<HourSummary, StoreError> decode_summary(Place place,
                                                      std::span<const std::uint8_t> bytes,
                                                      Quantity quantity) {
  const auto body = unseal(place, bytes);
  if (!body) return std::unexpected(body.error());
  ColumnReader reader(*body);
  std::array<std::int64_t, 60> counts, maxima, spans{}, excesses{};
  reader.column(counts, Differences::first);
  const auto present =
      static_cast<std::size_t>(std::ranges::count_if(counts, [](auto count) { return count > 0; }));
  reader.column(std::span(maxima).first(present),
                is_total(quantity) ? Differences::second : Differences::first);
  if (!is_total(quantity)) {
    reader.column(std::span(spans).first(present), Differences::first);
    reader.column(std::span(excesses).first(present), Differences::first);
  }
  if (!reader.is_good() || !reader.is_at_end()) return std::unexpected(StoreError::corrupted);

  HourSummary hour;
  std::size_t next = 0;
  for (std::size_t m = 0; m < hour.size(); ++m) {
    if (counts[m] == 0) continue;
    hour[m].count = counts[m];
    hour[m].max = maxima[next];
    if (!is_total(quantity)) {
      hour[m].min = maxima[next] - spans[next];
      hour[m].sum = excesses[next] + counts[m] * hour[m].min;
    }
    ++next;
  }
  return hour;
}

}  // namespace hub
