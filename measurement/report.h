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

// A sample's identity is (device, boot, stream, number).
struct ReportHeader {
  std::string_view device;
  std::uint64_t boot = 0;  // 64 random bits, drawn at each start of the meter.
  Stream stream = Stream::samples;
  std::chrono::milliseconds period{1000};  // Nominal, between samples.
  std::size_t chips = 0;
  std::optional<Timestamp> booted_at;  // UTC at uptime 0; absent while the clock is not known.
  std::uint64_t lost = 0;  // Samples of this boot and stream that were dropped before being stored.
};

// Samples that somebody else keeps: an array, or the meter's outbox.
class SampleRun {
 public:
  virtual std::size_t size() const = 0;
  virtual void read(std::size_t index, Sample& into) const = 0;

 protected:
  ~SampleRun() = default;
};

class SampleSpan final : public SampleRun {
 public:
  explicit SampleSpan(std::span<const Sample> samples) : samples_(samples) {}
  std::size_t size() const override { return samples_.size(); }
  void read(std::size_t index, Sample& into) const override { into = samples_[index]; }

 private:
  std::span<const Sample> samples_;
};

// A view: neither the header's name nor the samples are owned. Their numbers
// are consecutive and their uptimes rise.
struct Report {
  ReportHeader header;
  const SampleRun& samples;
};

// What the hub answers: numbers that are on its disk.
struct StoredRange {
  std::uint64_t boot = 0;
  Stream stream = Stream::samples;
  std::uint64_t begin = 0;  // Included.
  std::uint64_t end = 0;    // Not included.

  friend bool operator==(const StoredRange&, const StoredRange&) = default;
};

inline constexpr std::size_t max_stored_ranges = 16;  // In one answer.

}  // namespace measurement
