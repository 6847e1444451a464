// Feeds arbitrary bytes to the decoder of summaries. What is taken must say the same again, in the
// same bytes.

#include <algorithm>
#include <array>
#include <cstdlib>

#include "measurement/summary.h"

using namespace measurement;

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* bytes, std::size_t size) {
  static std::array<SummaryEntry, max_summary_entries> entries;
  static std::array<std::uint8_t, max_summary_bytes> again;

  const auto decoded = decode_summary({bytes, size}, entries);
  if (!decoded) return 0;
  if (decoded->entries > entries.size()) std::abort();

  const auto& introduction = decoded->introduction;
  const bool is_consistent =
      !introduction || decoded->entries == 0 ||
      introduction->minutes ==
          static_cast<std::uint16_t>(
              uptime_near(decoded->seconds, uptime_near_minutes(introduction->minutes, {})) /
              std::chrono::minutes(1));
  if (!is_consistent) return 0;
  const auto uptime =
      introduction && decoded->entries == 0
          ? uptime_near_minutes(introduction->minutes, {})
          : uptime_near(decoded->seconds,
                        introduction ? uptime_near_minutes(introduction->minutes, {}) : Uptime{});
  const auto encoded = encode({.boot = introduction ? introduction->boot : decoded->short_boot,
                               .uptime = uptime,
                               .introduces = introduction.has_value(),
                               .booted_at = introduction ? introduction->booted_at : std::nullopt},
                              std::span(entries).first(decoded->entries), again);
  if (encoded.size != size || !std::equal(bytes, bytes + size, again.begin())) std::abort();
  return 0;
}
