// Points in line protocol, put in their places: which device, channel and quantity each field is.
// docs/import_export.md has the rule.
//
//   text ── LineProtocolReader ──> lines ── series, known or taken apart ──> Instants of a device
//                                                             ──> WrittenSamples::take

#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <expected>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "hub/home.h"
#include "hub/ingest/line_protocol_reader.h"
#include "hub/ingest/written_samples.h"

namespace hub {

// What a name says of a number: "active_power_dw" is active power in tenths of a watt.
struct FieldMeaning {
  measurement::Quantity quantity{};
  int exponent = 0;         // Of ten: the unit of the name in the quantity's own.
  bool is_ignored = false;  // Nothing that is stored: derived from others, or a range's end.
};

// Of a quantity with or without its unit, or of the short names P, Q, V and I; absent: not known.
std::optional<FieldMeaning> meaning_of(std::string_view field);

// A number in whole steps of its quantity; absent where it is beyond reason.
std::optional<std::int64_t> steps_of(const FieldMeaning&, Decimal);

// Written samples and home outlive it. One thread.
class WrittenPoints {
 public:
  static constexpr std::size_t most_devices = 1'000;
  static constexpr std::size_t most_series = 65'536;

  // `device` is who is written for whatever the points say; empty: as they say.
  WrittenPoints(WrittenSamples& samples, const Home& home, std::string device = {})
      : samples_(samples), home_(home), device_(std::move(device)) {}

  struct Fault {
    std::size_t line = 0;
    std::string why;  // Without a subject and a full stop: "has no fields".
  };
  struct Taken {
    std::size_t lines = 0;          // That were read, without empty ones and comments.
    std::size_t refused = 0;        // Of them.
    std::size_t added = 0;          // That brought something new.
    std::size_t known = 0;          // That did not.
    std::optional<Fault> first;     // That was refused.
    measurement::Timestamp newest;  // Time of the newest line that was good.
  };
  // What is good in a text is taken; the rest is told. The unit is that of the timestamps; a line
  // without one is of `now`. An error is the store's; then nothing of it counts as taken.
  std::expected<Taken, StoreError> take(std::string_view text, std::chrono::nanoseconds unit,
                                        measurement::Timestamp now);

 private:
  // A device, and its instants that wait to be taken.
  struct Device {
    WrittenSamples::Writer writer;
    std::vector<Instant> instants;
    bool is_in_order = true;
  };
  // What a field means, with what would be looked up for each of its numbers.
  struct Field {
    std::string key;
    FieldMeaning meaning;
    int shift = 0;  // Of ten: a number times it is in steps.
    StepRange range;
    bool is_total = false;
  };
  static std::optional<std::int64_t> steps_in(const Field&, const Decimal&);
  struct Series {
    std::string text;
    Device* device = nullptr;  // Null: refused.
    std::size_t channel = 0;
    bool is_counted_elsewhere = false;  // Its energy is told, if not by every line.
    std::string why;                    // It is refused.
    Series* next = nullptr;             // That came after it the last time.
  };

  Series& series_at(const LineProtocolReader&);
  void place(Series&);
  void refuse(Series&, std::string why) const;
  std::optional<ChannelUse> circuit(std::string_view home, std::string_view id) const;
  const char* put(const Series&, const LineProtocolReader&);
  Field* field_at(std::size_t place, const LineField&);
  Instant& instant_of(Device&, measurement::Timestamp);
  std::expected<void, StoreError> flush(Taken&);

  WrittenSamples& samples_;
  const Home& home_;
  const std::string device_;
  std::map<std::string, Device, std::less<>> devices_;
  std::deque<Series> series_;
  std::unordered_map<std::string_view, Series*> by_text_;  // Views into `series_`.
  Series* last_ = nullptr;
  std::vector<Field> fields_;  // By their place in a line: the next one has the same, most likely.
  std::size_t same_fields_ = 0;   // So many are those of the line that was read last.
  std::vector<Device*> waiting_;  // Those that have instants.
  std::size_t waiting_instants_ = 0;
};

}  // namespace hub
