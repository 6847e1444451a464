// Report and answer as bytes: protobuf, read and written by nanopb on both
// sides without a heap. The format's page is docs/report_format.md.

#pragma once

#include <array>
#include <cstdint>
#include <expected>
#include <span>

#include "measurement/report.h"

namespace measurement {

enum class CodecError : std::uint8_t {
  does_not_fit,   // The buffer is too small for so many samples: send fewer.
  malformed,      // Not a report, or cut short.
  newer_version,  // Written by a later version of this format.
  over_a_limit,   // More samples, chips or ranges than the format allows.
  inconsistent,   // Columns that do not match the header, or times that do not rise.
};

const char* sentence(CodecError);

inline constexpr std::uint32_t report_version = 1;

// Returns the bytes used.
std::expected<std::size_t, CodecError> encode(const Report&, std::span<std::uint8_t> bytes);

// Fills `samples` from its begin and returns the header and how many there are.
// The header's device name points into `bytes`.
struct Decoded {
  ReportHeader header;
  std::size_t count = 0;
};
std::expected<Decoded, CodecError> decode(std::span<const std::uint8_t> bytes,
                                          std::span<Sample> samples);

// What the hub answers a meter. `asking_again`: the hub has just started, maybe from a backup, so
// everything that the meter still has and that is in none of these ranges is to be sent again.
struct Answer {
  std::span<const StoredRange> ranges;
  bool asking_again = false;
};
std::expected<std::size_t, CodecError> encode(const Answer&, std::span<std::uint8_t> bytes);

struct DecodedAnswer {
  std::array<StoredRange, max_stored_ranges> ranges;
  std::size_t count = 0;
  bool asking_again = false;
};
std::expected<DecodedAnswer, CodecError> decode_answer(std::span<const std::uint8_t> bytes);

}  // namespace measurement
