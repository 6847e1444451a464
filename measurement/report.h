// What a meter sends: a run of numbered samples, cut anew at each sending. This
// is the whole contract between meter and hub; report_codec.h gives its bytes.

#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string_view>

#include "measurement/sample.h"

namespace measurement {

enum class Stream : std::uint8_t {
  samples = 0,  // The steady sampling of all channels.
  edges = 1,    // Fast sampling around a switching edge.
  coarse = 2,   // Minutes, over a link too thin for more.
};

inline constexpr std::size_t max_samples_per_report = 60;
inline constexpr std::size_t max_report_bytes = 4096;
inline constexpr std::size_t max_device_name = 32;  // [a-z0-9_-]+: it is a topic level.

// What a device could not do itself. Not sent: whoever speaks for the device says so at the hub.
struct Origin {
  bool timed_on_arrival = false;  // It told no times: its samples have that of their arrival.
  std::uint64_t integrated = 0;   // Bit c: channel c's totals were integrated from its power.

  friend bool operator==(const Origin&, const Origin&) = default;
};

// A sample's identity is (device, boot, stream, number).
struct ReportHeader {
  std::string_view device;
  std::uint64_t boot = 0;  // 64 random bits, drawn at each start of the meter.
  Stream stream = Stream::samples;
  std::chrono::milliseconds period{1000};  // Nominal, between samples.
  std::size_t chips = 0;
  std::optional<Timestamp> booted_at{};  // UTC at uptime 0; absent while the clock is not known.
  std::uint64_t lost =
      0;  // Samples this meter had to drop, since its start, before they were stored.
  Origin origin{};
};

// A view: neither the header's name nor the samples are owned. Their numbers
// are consecutive and their uptimes rise.
struct Report {
  ReportHeader header;
  std::span<const Sample> samples;
};

// What the hub answers: numbers that are on its disk. For a boot and stream that
// it names, an answer names every range of it, as far as the limit goes.
struct StoredRange {
  std::uint64_t boot = 0;
  Stream stream = Stream::samples;
  std::uint64_t begin = 0;  // Included.
  std::uint64_t end = 0;    // Not included.

  friend bool operator==(const StoredRange&, const StoredRange&) = default;
};

inline constexpr std::size_t max_stored_ranges = 16;  // In one answer.

}  // namespace measurement
