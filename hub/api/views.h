// What the API says, as JSON text; the shapes are those of docs/http_api.yaml.
// Whatever people typed comes out as JSON text, never as markup.

#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "hub/history.h"
#include "hub/home.h"
#include "hub/live_feed.h"
#include "hub/store/store.h"

namespace hub {

std::string error_text(std::string_view sentence);

struct HomeName {
  std::string_view id, name, trouble;  // Without trouble: empty.
};
std::string homes_text(std::span<const HomeName>);
// The price is that of one kWh more at this time.
std::string home_text(const Home&, std::optional<double> price_per_kwh, measurement::Timestamp now);

// The circuits with a clamp on the moment's device; nothing when the home has none.
std::optional<std::string> live_text(const Home&, const LiveFeed::Moment&,
                                     measurement::Timestamp now);

// Histories of circuits, one after the other. The columns that were asked for: powers to 0.1 W,
// energies to 0.001 Wh, NaN as null.
class HistoryText {
 public:
  HistoryText(const Steps&, HistoryColumns);
  void add(const std::string& circuit, const CircuitHistory&);
  std::string take();  // Once all are added.

 private:
  HistoryColumns columns_;
  std::string text_;
};

// The same, a few times smaller, as docs/history_format.md describes it.
class PackedHistory {
 public:
  PackedHistory(const Steps&, HistoryColumns, std::size_t circuits);
  void add(const std::string& circuit, const CircuitHistory&);
  std::string take() { return std::move(bytes_); }

 private:
  HistoryColumns columns_;
  std::string bytes_;
};

// A device and its newest sample.
using LastOf = std::map<std::string, Store::Last, std::less<>>;
// What each circuit of the newest panel showed last; without those that carry no clamp.
std::string now_text(const Home&, const LastOf&, measurement::Timestamp now);

struct DeviceGap {
  std::string device;
  Gap gap;
};
std::string gaps_text(std::span<const DeviceGap>);

}  // namespace hub
