#include "measurement/summary.h"

#include <algorithm>
#include <cassert>
#include <cmath>

namespace measurement {
namespace {

using namespace std::chrono_literals;

constexpr std::uint8_t version = 1;
constexpr std::uint8_t introduces_bit = 1, knows_time_bit = 2;
constexpr std::uint8_t known_bits = introduces_bit | knows_time_bit;

constexpr std::uint64_t most_watt_hours = (std::uint64_t{1} << 40) - 1;
constexpr std::int32_t most_watts = 10'000'000;

// What an entry's first byte says besides the channel: form * max_channels + channel.
enum Form : std::uint8_t { one_way, imported, exported, forms };
static_assert(2 * forms * max_channels <= 256, "BUG: a channel and its form need one byte");

// Little endian throughout. Once something had no room, nothing more is written.
class Writer {
 public:
  explicit Writer(std::span<std::uint8_t> bytes) : bytes_(bytes) {}

  void put(std::uint64_t value, std::size_t width) {
    for (std::size_t i = 0; i < width; ++i) put_byte(static_cast<std::uint8_t>(value >> 8 * i));
  }
  // Seven bits a byte, the lowest first; the highest bit says that more follow.
  void put_varint(std::uint64_t value) {
    for (; value > 0x7F; value >>= 7) put_byte(static_cast<std::uint8_t>(value | 0x80));
    put_byte(static_cast<std::uint8_t>(value));
  }

  std::size_t used() const { return used_; }
  bool fits() const { return used_ <= bytes_.size(); }
  void go_back(std::size_t used) { used_ = used; }

 private:
  void put_byte(std::uint8_t byte) {
    if (used_ < bytes_.size()) bytes_[used_] = byte;
    ++used_;
  }

  std::span<std::uint8_t> bytes_;
  std::size_t used_ = 0;
};

class Reader {
 public:
  explicit Reader(std::span<const std::uint8_t> bytes) : bytes_(bytes) {}

  std::uint64_t take(std::size_t width) {
    std::uint64_t value = 0;
    for (std::size_t i = 0; i < width; ++i) value |= std::uint64_t{take_byte()} << 8 * i;
    return value;
  }
  std::uint64_t take_varint() {
    std::uint64_t value = 0;
    for (unsigned shift = 0; shift < 42; shift += 7) {
      const auto byte = take_byte();
      value |= std::uint64_t{byte & 0x7Fu} << shift;
      if (byte < 0x80) {
        is_sound_ = is_sound_ && (byte != 0 || shift == 0);  // Each number has one spelling.
        return value;
      }
    }
    is_sound_ = false;
    return 0;
  }

  bool is_empty() const { return bytes_.empty(); }
  bool is_sound() const { return is_sound_; }
  bool is_cut_short() const { return is_cut_short_; }

 private:
  std::uint8_t take_byte() {
    if (bytes_.empty()) {
      is_cut_short_ = true;
      return 0;
    }
    const auto byte = bytes_.front();
    bytes_ = bytes_.subspan(1);
    return byte;
  }

  std::span<const std::uint8_t> bytes_;
  bool is_sound_ = true, is_cut_short_ = false;
};

std::uint64_t watt_hours(MilliwattHours energy) {
  const auto whole = std::max<std::int64_t>(energy.value, 0) / 1000;
  return std::min(static_cast<std::uint64_t>(whole), most_watt_hours);
}

// 0, -1, 1, -2, ... as 0, 1, 2, 3, ...
std::uint64_t zigzag(std::int32_t value) {
  return value < 0 ? 2 * static_cast<std::uint64_t>(-(value + 1)) + 1
                   : 2 * static_cast<std::uint64_t>(value);
}
std::int64_t unzigzag(std::uint64_t code) {
  const auto half = static_cast<std::int64_t>(code / 2);
  return code % 2 == 0 ? half : -half - 1;
}

void put_entry(Writer& out, const SummaryEntry& entry, bool with_power) {
  assert((entry.imported || entry.exported) && "BUG: an entry must tell a total");
  assert((!entry.imported || !entry.exported || watt_hours(*entry.exported) == 0) &&
         "BUG: a channel that both imports and exports takes two entries");
  const auto form = !entry.imported ? exported : entry.exported ? one_way : imported;
  out.put((form + (with_power ? forms : 0)) * max_channels + entry.channel, 1);
  out.put_varint(watt_hours(entry.imported ? *entry.imported : *entry.exported));
  if (!with_power) return;
  const auto watts = std::clamp(static_cast<float>(std::lround(entry.power->value)),
                                static_cast<float>(-most_watts), static_cast<float>(most_watts));
  out.put_varint(zigzag(static_cast<std::int32_t>(watts)));
}

SummaryEntry take_entry(Reader& in, bool& is_sound) {
  SummaryEntry entry;
  const auto first = in.take(1);
  const auto form = first / max_channels;
  entry.channel = static_cast<std::size_t>(first % max_channels);
  const auto total = in.take_varint();
  is_sound = is_sound && form < 2 * forms && total <= most_watt_hours;
  const MilliwattHours energy{static_cast<std::int64_t>(total) * 1000};
  if (form % forms == exported) {
    entry.exported = energy;
  } else {
    entry.imported = energy;
    if (form % forms == one_way) entry.exported = MilliwattHours{0};
  }
  if (form >= forms && form < 2 * forms) {
    const auto watts = unzigzag(in.take_varint());
    is_sound = is_sound && std::abs(watts) <= most_watts;
    entry.power = Watts{static_cast<float>(watts)};
  }
  return entry;
}

// A total or a power must not be told twice.
bool repeats(const SummaryEntry& entry, std::span<const SummaryEntry> before) {
  return std::ranges::any_of(before, [&](const SummaryEntry& other) {
    return other.channel == entry.channel &&
           ((other.imported && entry.imported) || (other.exported && entry.exported) ||
            (other.power && entry.power));
  });
}

Uptime near(std::int64_t remainder, std::chrono::milliseconds unit, Uptime expected) {
  const std::int64_t cycle = 65'536;
  const auto units = expected / unit;
  // From half a cycle before the expected one on.
  const auto from = std::max<std::int64_t>(units - cycle / 2, 0);
  const auto ahead = ((remainder - from) % cycle + cycle) % cycle;
  return (from + ahead) * unit;
}

}  // namespace

const char* sentence(SummaryError error) {
  switch (error) {
    case SummaryError::cut_short:
      return "The summary ends too early: let the link carry its bytes whole.";
    case SummaryError::newer_version:
      return "The summary was written by a newer version of Lenz: update this side first.";
    case SummaryError::inconsistent:
      return "This is not a summary of a meter: check which device sends here.";
  }
  return "";
}

EncodedSummary encode(const SummaryHead& head, std::span<const SummaryEntry> entries,
                      std::span<std::uint8_t> bytes) {
  Writer out(bytes.first(std::min(bytes.size(), max_summary_bytes)));
  const auto seconds = static_cast<std::uint64_t>(head.uptime / 1s);
  if (head.introduces) {
    const auto put_introduction = [&](bool with_time) {
      out.put(version << 5 | introduces_bit | (with_time ? knows_time_bit : 0), 1);
      out.put(head.boot, 8);
      out.put(seconds / 60, 2);
      if (with_time) {
        out.put(static_cast<std::uint64_t>(head.booted_at->time_since_epoch() / 1s), 4);
      }
    };
    put_introduction(head.booted_at.has_value());
    if (!out.fits() && head.booted_at) {
      out.go_back(0);
      put_introduction(false);
    }
  } else {
    out.put(version << 5, 1);
    out.put(head.boot, 2);
  }
  if (!out.fits()) return {};

  EncodedSummary encoded{.size = head.introduces ? out.used() : 0};
  out.put(seconds, 2);
  for (const auto& entry : entries) {
    const auto begin = out.used();
    put_entry(out, entry, entry.power.has_value());
    const bool has_all = out.fits();
    if (!has_all) {
      out.go_back(begin);
      put_entry(out, entry, false);
    }
    if (out.fits()) encoded = {out.used(), encoded.entries + 1};
    if (!has_all) break;
  }
  return encoded;
}

std::expected<DecodedSummary, SummaryError> decode_summary(std::span<const std::uint8_t> bytes,
                                                           std::span<SummaryEntry> entries) {
  assert(entries.size() >= max_summary_entries && "BUG: not enough places for what a summary has");
  Reader in(bytes);
  const auto form = static_cast<std::uint8_t>(in.take(1));
  if (in.is_cut_short()) return std::unexpected(SummaryError::cut_short);
  if (form >> 5 > version) return std::unexpected(SummaryError::newer_version);
  const bool introduces = (form & introduces_bit) != 0, knows_time = (form & knows_time_bit) != 0;
  if (form >> 5 == 0 || (form & 0x1F & ~known_bits) != 0 || (knows_time && !introduces) ||
      bytes.size() > max_summary_bytes) {
    return std::unexpected(SummaryError::inconsistent);
  }
  DecodedSummary decoded{.introduction = std::nullopt};
  if (introduces) {
    decoded.introduction = DecodedSummary::Introduction{
        .boot = in.take(8), .minutes = static_cast<std::uint16_t>(in.take(2))};
    if (knows_time) {
      decoded.introduction->booted_at =
          Timestamp(std::chrono::seconds(static_cast<std::int64_t>(in.take(4))));
    }
    decoded.short_boot = static_cast<std::uint16_t>(decoded.introduction->boot);
    if (in.is_cut_short()) return std::unexpected(SummaryError::cut_short);
    if (in.is_empty()) return decoded;
  } else {
    decoded.short_boot = static_cast<std::uint16_t>(in.take(2));
  }

  decoded.seconds = static_cast<std::uint16_t>(in.take(2));
  bool is_sound = true;
  do {
    if (decoded.entries == max_summary_entries) {
      return std::unexpected(SummaryError::inconsistent);
    }
    const auto entry = take_entry(in, is_sound);
    if (in.is_cut_short()) return std::unexpected(SummaryError::cut_short);
    is_sound = is_sound && in.is_sound() && !repeats(entry, entries.first(decoded.entries));
    if (!is_sound) return std::unexpected(SummaryError::inconsistent);
    entries[decoded.entries++] = entry;
  } while (!in.is_empty());
  return decoded;
}

Uptime uptime_near(std::uint16_t seconds, Uptime expected) { return near(seconds, 1s, expected); }

Uptime uptime_near_minutes(std::uint16_t minutes, Uptime expected) {
  return near(minutes, 1min, expected);
}

}  // namespace measurement
