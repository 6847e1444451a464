// What a meter says over a link too thin for reports: running totals and mean powers of some
// channels, in as many bytes as the link has room for. LoRaWAN and BLE carry the same bytes. What
// is lost or repeated changes no energy, since only running totals are told. docs/summary_format.md
// is the format's page.

#pragma once

#include <cstddef>
#include <cstdint>
#include <expected>
#include <optional>
#include <span>

#include "measurement/sample.h"
#include "measurement/units.h"

namespace measurement {

inline constexpr std::size_t max_summary_bytes = 512;
inline constexpr std::size_t max_summary_entries = 2 * max_channels;

// What is told of a channel: one total, or both where nothing was exported yet. Totals are told in
// whole Wh, rounded down, and power in whole W.
struct SummaryEntry {
  std::size_t channel = 0;
  std::optional<MilliwattHours> imported{}, exported{};  // Since the meter started.
  std::optional<Watts> power{};  // Mean since the summary before; absent where room was short.

  friend bool operator==(const SummaryEntry&, const SummaryEntry&) = default;
};

struct SummaryHead {
  std::uint64_t boot = 0;  // As the report's.
  Uptime uptime{};         // Of the totals. No two summaries of a boot are of the same second.
  // Names all of `boot`, not only its lowest 16 bits. The first summary of a boot does, and one an
  // hour: before it has come nothing of the boot can be kept.
  bool introduces = false;
  std::optional<Timestamp> booted_at{};  // UTC at uptime 0, told by introductions with room for it.
};

enum class SummaryError : std::uint8_t {
  cut_short,      // It ends within a value.
  newer_version,  // Written by a later version of this format.
  inconsistent,   // Not a summary, or one that tells something twice or nothing at all.
};
const char* sentence(SummaryError);

// Takes as many of `entries`, in their order, as `bytes` has room for; the last one may go without
// its power. Size 0: there is no room, and nothing is to be sent.
struct EncodedSummary {
  std::size_t size = 0;     // Bytes used.
  std::size_t entries = 0;  // How many of them, from the first on, are told.
};
EncodedSummary encode(const SummaryHead&, std::span<const SummaryEntry> entries,
                      std::span<std::uint8_t> bytes);

// What a head says by itself. uptime_near() makes its seconds the uptime they are of.
struct DecodedSummary {
  struct Introduction {
    std::uint64_t boot = 0;
    std::uint16_t minutes = 0;  // Of the uptime, modulo 2^16: 45 days.
    std::optional<Timestamp> booted_at{};
  };
  std::uint16_t short_boot = 0;  // The boot's lowest 16 bits.
  std::optional<Introduction> introduction;
  std::uint16_t seconds = 0;  // Of the uptime, modulo 2^16: 18 hours. Only where there are entries.
  std::size_t entries = 0;
};
// `entries`, of which there must be max_summary_entries, are filled from their begin.
std::expected<DecodedSummary, SummaryError> decode_summary(std::span<const std::uint8_t> bytes,
                                                           std::span<SummaryEntry> entries);

// Of the uptimes that have these seconds modulo 2^16 that next to the one expected, never negative.
Uptime uptime_near(std::uint16_t seconds, Uptime expected);
// As uptime_near(); of minutes modulo 2^16.
Uptime uptime_near_minutes(std::uint16_t minutes, Uptime expected);

}  // namespace measurement
