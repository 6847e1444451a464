#include "measurement/report_codec.h"

#include <pb_decode.h>
#include <pb_encode.h>

#include <algorithm>
#include <cstring>
#include <functional>
#include <limits>

#include "report.pb.h"

namespace measurement {
namespace {

using Bytes = std::span<const std::uint8_t>;

constexpr std::size_t max_cells = max_samples_per_report * max_channels;
using Bitmap = std::array<std::uint8_t, (max_cells + 7) / 8>;

// What a column does to one index (a chip or a channel): instants are sent as
// differences, totals as differences of differences, since what flows steadily
// raises its total by the same each second.
class Predictor {
 public:
  explicit Predictor(Quantity q) : total_(row(q).kind == Kind::total) {}

  std::int64_t to_delta(std::size_t index, std::int64_t value) {
    const auto delta = wrap(value) - wrap(expected(index));
    learn(index, value);
    return static_cast<std::int64_t>(delta);
  }

  std::int64_t to_value(std::size_t index, std::int64_t delta) {
    const auto value = static_cast<std::int64_t>(wrap(expected(index)) + wrap(delta));
    learn(index, value);
    return value;
  }

 private:
  // Unsigned, so that a malformed report overflows into a wrong value and not into the undefined.
  static std::uint64_t wrap(std::int64_t value) { return static_cast<std::uint64_t>(value); }

  std::int64_t expected(std::size_t i) const {
    return static_cast<std::int64_t>(wrap(last_[i]) + wrap(slope_[i]));
  }
  void learn(std::size_t i, std::int64_t value) {
    if (total_ && known_[i]) {
      slope_[i] = static_cast<std::int64_t>(wrap(value) - wrap(last_[i]));
    }
    known_[i] = true;
    last_[i] = value;
  }

  bool total_;
  std::array<bool, max_channels> known_{};
  std::array<std::int64_t, max_channels> last_{};
  std::array<std::int64_t, max_channels> slope_{};
};

// Writes numbers with every run of zeros as one zero and how many more follow.
class ZeroFolder {
 public:
  explicit ZeroFolder(pb_ostream_t& out) : out_(out) {}

  bool put(std::int64_t value) {
    if (value == 0) {
      ++zeros_;
      return true;
    }
    return flush() && pb_encode_svarint(&out_, value);
  }
  bool flush() {
    if (zeros_ == 0) return true;
    const auto more = zeros_ - 1;
    zeros_ = 0;
    return pb_encode_svarint(&out_, 0) && pb_encode_svarint(&out_, more);
  }

 private:
  pb_ostream_t& out_;
  std::int64_t zeros_ = 0;
};

bool put_bytes(pb_ostream_t* out, const pb_field_t* field, void* const* argument) {
  const auto& bytes = *static_cast<const Bytes*>(*argument);
  if (bytes.empty()) return true;
  return pb_encode_tag(out, PB_WT_STRING, field->tag) &&
         pb_encode_string(out, bytes.data(), bytes.size());
}

pb_callback_t putting(const Bytes& bytes) {
  pb_callback_t callback{};
  callback.funcs.encode = put_bytes;
  callback.arg = const_cast<Bytes*>(&bytes);
  return callback;
}

struct Uptimes {
  const Report& report;

  bool put(pb_ostream_t& out) const {
    Uptime expected{};
    for (const auto& sample : report.samples) {
      if (!pb_encode_svarint(&out, (sample.uptime - expected).count())) return false;
      expected = sample.uptime + report.header.period;
    }
    return true;
  }
};

// Encodes one column at the front of `free`; 0 where no sample has the quantity.
std::expected<std::size_t, CodecError> encode_column(const Report& report, Quantity q,
                                                     std::span<std::uint8_t> free) {
  // The numbers are written behind room for the bitmap and moved to their place when all is known.
  constexpr std::size_t room = sizeof(Bitmap) + 32;
  if (free.size() <= room) return std::unexpected(CodecError::does_not_fit);
  const auto body = free.subspan(room);
  auto numbers = pb_ostream_from_buffer(body.data(), body.size());
  ZeroFolder folder(numbers);
  Predictor predictor(q);
  Bitmap absent{};
  std::size_t cell = 0;
  std::size_t present = 0;
  for (const auto& sample : report.samples) {
    for (std::size_t i = 0; i < sample.count(q); ++i, ++cell) {
      const auto value = sample.steps(q, i);
      if (!value) {
        absent[cell / 8] = static_cast<std::uint8_t>(absent[cell / 8] | 1u << cell % 8);
        continue;
      }
      ++present;
      if (!folder.put(predictor.to_delta(i, *value))) {
        return std::unexpected(CodecError::does_not_fit);
      }
    }
  }
  if (present == 0) return 0;
  if (!folder.flush()) return std::unexpected(CodecError::does_not_fit);

  std::array<std::uint8_t, room> head_bytes;
  auto head = pb_ostream_from_buffer(head_bytes.data(), head_bytes.size());
  const Bytes bitmap(absent.data(), present == cell ? 0 : (cell + 7) / 8);
  lenz_wire_Column column = lenz_wire_Column_init_zero;
  column.quantity = static_cast<std::uint32_t>(q);
  column.absent = putting(bitmap);
  const bool written = pb_encode(&head, lenz_wire_Column_fields, &column) &&
                       pb_encode_tag(&head, PB_WT_STRING, lenz_wire_Column_deltas_tag) &&
                       pb_encode_varint(&head, numbers.bytes_written);
  auto front = pb_ostream_from_buffer(free.data(), room);
  const bool framed = written &&
                      pb_encode_tag(&front, PB_WT_STRING, lenz_wire_Report_columns_tag) &&
                      pb_encode_varint(&front, head.bytes_written + numbers.bytes_written) &&
                      pb_write(&front, head_bytes.data(), head.bytes_written);
  if (!framed) return std::unexpected(CodecError::does_not_fit);
  std::memmove(free.data() + front.bytes_written, body.data(), numbers.bytes_written);
  return front.bytes_written + numbers.bytes_written;
}

// Reading: nanopb hands over field by field, and the state of the whole lies here.
struct Reading {
  Bytes bytes;
  std::span<Sample> samples;
  lenz_wire_Report report = lenz_wire_Report_init_zero;
  std::string_view device{};
  std::size_t uptimes = 0;
  std::array<bool, measured_quantities> seen{};
  CodecError error = CodecError::malformed;

  bool fail(CodecError why) {
    error = why;
    return false;
  }
};

bool take_device(pb_istream_t* in, const pb_field_t*, void** argument) {
  auto& reading = *static_cast<Reading*>(*argument);
  if (in->bytes_left > max_device_name) return reading.fail(CodecError::over_a_limit);
  // A stream over memory keeps its place in `state`. A field that is no string at all was copied
  // elsewhere by nanopb, and a view of that copy would outlive it.
  const auto* begin = static_cast<const std::uint8_t*>(in->state);
  const auto* end = begin + in->bytes_left;
  const std::less<const std::uint8_t*> before;
  if (before(begin, reading.bytes.data()) ||
      before(reading.bytes.data() + reading.bytes.size(), end)) {
    return reading.fail(CodecError::malformed);
  }
  reading.device = {reinterpret_cast<const char*>(begin), in->bytes_left};
  return pb_read(in, nullptr, in->bytes_left);
}

// The header comes first: nothing else can be understood before it.
bool header_is_sound(Reading& reading) {
  const auto& report = reading.report;
  if (report.version > report_version) return reading.fail(CodecError::newer_version);
  if (report.version == 0 || report.count == 0) return reading.fail(CodecError::malformed);
  if (report.count > reading.samples.size() || report.count > max_samples_per_report ||
      report.chips > max_chips) {
    return reading.fail(CodecError::over_a_limit);
  }
  return true;
}

bool take_uptimes(pb_istream_t* in, const pb_field_t*, void** argument) {
  auto& reading = *static_cast<Reading*>(*argument);
  if (!header_is_sound(reading)) return false;
  while (in->bytes_left > 0) {
    std::int64_t step = 0;
    if (!pb_decode_svarint(in, &step)) return false;
    const std::size_t at = reading.uptimes++;
    if (at >= reading.report.count) return reading.fail(CodecError::inconsistent);
    constexpr std::int64_t century_ms = 3'155'760'000'000;
    if (step < -century_ms || step > century_ms) return reading.fail(CodecError::inconsistent);
    auto& sample = reading.samples[at];
    sample.clear(reading.report.chips);
    sample.number = reading.report.first + at;
    sample.uptime = Uptime(step);
    if (at > 0) {
      sample.uptime += reading.samples[at - 1].uptime + Uptime(reading.report.period_ms);
      if (sample.uptime <= reading.samples[at - 1].uptime) {
        return reading.fail(CodecError::inconsistent);
      }
    }
  }
  return true;
}

struct ColumnReading {
  Reading& whole;
  lenz_wire_Column column = lenz_wire_Column_init_zero;
  Bitmap absent{};
  std::size_t cell = 0;
  std::optional<Predictor> predictor{};

  Quantity quantity() const { return static_cast<Quantity>(column.quantity); }
  std::size_t width() const {
    const auto& report = whole.report;
    return row(quantity()).scope == Scope::chip ? report.chips : report.chips * channels_per_chip;
  }
  std::size_t cells() const { return width() * whole.report.count; }
};

bool take_absent(pb_istream_t* in, const pb_field_t*, void** argument) {
  auto& reading = *static_cast<ColumnReading*>(*argument);
  if (in->bytes_left > reading.absent.size()) return reading.whole.fail(CodecError::over_a_limit);
  return pb_read(in, reading.absent.data(), in->bytes_left);
}

bool put_next(ColumnReading& reading, std::int64_t delta) {
  const auto is_absent = [&] {
    return (reading.absent[reading.cell / 8] >> reading.cell % 8 & 1) != 0;
  };
  while (reading.cell < reading.cells() && is_absent()) ++reading.cell;
  if (reading.cell >= reading.cells()) return reading.whole.fail(CodecError::inconsistent);
  const std::size_t index = reading.cell % reading.width();
  const auto value = reading.predictor->to_value(index, delta);
  constexpr auto smallest = std::numeric_limits<std::int32_t>::min();
  constexpr auto largest = std::numeric_limits<std::int32_t>::max();
  const bool fits = row(reading.quantity()).kind == Kind::total
                        ? value >= 0
                        : value > smallest && value <= largest;
  if (!fits) return reading.whole.fail(CodecError::inconsistent);
  reading.whole.samples[reading.cell++ / reading.width()].put_steps(reading.quantity(), index,
                                                                    value);
  return true;
}

bool take_deltas(pb_istream_t* in, const pb_field_t*, void** argument) {
  auto& reading = *static_cast<ColumnReading*>(*argument);
  // A quantity of a later table is passed over: the rest of the report is still true.
  if (reading.column.quantity >= measured_quantities) return pb_read(in, nullptr, in->bytes_left);
  if (!reading.predictor) {
    auto& seen = reading.whole.seen[reading.column.quantity];
    if (seen) return reading.whole.fail(CodecError::inconsistent);
    seen = true;
    reading.predictor.emplace(reading.quantity());
  }
  while (in->bytes_left > 0) {
    std::int64_t delta = 0;
    if (!pb_decode_svarint(in, &delta)) return false;
    std::int64_t more = 0;
    if (delta == 0 && !pb_decode_svarint(in, &more)) return false;
    const auto cells = static_cast<std::int64_t>(reading.cells());
    if (more < 0 || more > cells) return reading.whole.fail(CodecError::inconsistent);
    for (std::int64_t i = 0; i <= more; ++i) {
      if (!put_next(reading, delta)) return false;
    }
  }
  return true;
}

bool take_column(pb_istream_t* in, const pb_field_t*, void** argument) {
  auto& whole = *static_cast<Reading*>(*argument);
  if (!header_is_sound(whole)) return false;
  // In a malformed message a header field may come twice; the samples follow the first.
  if (whole.uptimes != whole.report.count || whole.samples[0].chips() != whole.report.chips) {
    return whole.fail(CodecError::inconsistent);
  }
  ColumnReading reading{.whole = whole};
  reading.column.absent.funcs.decode = take_absent;
  reading.column.absent.arg = &reading;
  reading.column.deltas.funcs.decode = take_deltas;
  reading.column.deltas.arg = &reading;
  if (!pb_decode_noinit(in, lenz_wire_Column_fields, &reading.column)) return false;
  if (reading.column.quantity >= measured_quantities) return true;
  // Whatever is left must be absent: a column is whole or the report is not.
  for (; reading.cell < reading.cells(); ++reading.cell) {
    if ((reading.absent[reading.cell / 8] >> reading.cell % 8 & 1) == 0) {
      return whole.fail(CodecError::inconsistent);
    }
  }
  return true;
}

bool is_device_name(std::string_view name) {
  return !name.empty() && name.size() <= max_device_name && std::ranges::all_of(name, [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '_' || c == '-';
  });
}

}  // namespace

const char* sentence(CodecError error) {
  switch (error) {
    case CodecError::does_not_fit:
      return "The report does not fit the buffer: send fewer samples at once.";
    case CodecError::malformed:
      return "These bytes are not a report, or a part of one is missing.";
    case CodecError::newer_version:
      return "The report was written by a newer version of Lenz: update this side first.";
    case CodecError::over_a_limit:
      return "The report holds more samples, chips or ranges than the format allows.";
    case CodecError::inconsistent:
      return "The report contradicts itself: its columns, counts or times do not match.";
  }
  return "";
}

std::expected<std::size_t, CodecError> encode(const Report& report, std::span<std::uint8_t> bytes) {
  const auto count = report.samples.size();
  if (count == 0 || count > max_samples_per_report || report.header.chips > max_chips) {
    return std::unexpected(CodecError::over_a_limit);
  }
  lenz_wire_Report message = lenz_wire_Report_init_zero;
  const Bytes device(reinterpret_cast<const std::uint8_t*>(report.header.device.data()),
                     report.header.device.size());
  message.version = report_version;
  message.device = putting(device);
  message.boot = report.header.boot;
  message.stream = static_cast<std::uint32_t>(report.header.stream);
  message.first = report.samples[0].number;
  message.count = static_cast<std::uint32_t>(count);
  message.period_ms = static_cast<std::uint32_t>(report.header.period.count());
  message.chips = static_cast<std::uint32_t>(report.header.chips);
  if (report.header.booted_at) {
    message.booted_at_ms = report.header.booted_at->time_since_epoch().count();
  }
  message.lost = report.header.lost;

  auto out = pb_ostream_from_buffer(bytes.data(), bytes.size());
  pb_ostream_t measure = PB_OSTREAM_SIZING;
  const Uptimes uptimes{report};
  const bool head = pb_encode(&out, lenz_wire_Report_fields, &message) && uptimes.put(measure) &&
                    pb_encode_tag(&out, PB_WT_STRING, lenz_wire_Report_uptime_ms_tag) &&
                    pb_encode_varint(&out, measure.bytes_written) && uptimes.put(out);
  if (!head) return std::unexpected(CodecError::does_not_fit);

  std::size_t used = out.bytes_written;
  for (std::size_t q = 0; q < measured_quantities; ++q) {
    const auto added = encode_column(report, static_cast<Quantity>(q), bytes.subspan(used));
    if (!added) return added;
    used += *added;
  }
  return used;
}

std::expected<Decoded, CodecError> decode(std::span<const std::uint8_t> bytes,
                                          std::span<Sample> samples) {
  Reading reading{.bytes = bytes, .samples = samples};
  const auto taking = [&reading](auto function) {
    pb_callback_t callback{};
    callback.funcs.decode = function;
    callback.arg = &reading;
    return callback;
  };
  reading.report.device = taking(take_device);
  reading.report.uptime_ms = taking(take_uptimes);
  reading.report.columns = taking(take_column);
  auto in = pb_istream_from_buffer(bytes.data(), bytes.size());
  if (!pb_decode_noinit(&in, lenz_wire_Report_fields, &reading.report) ||
      !header_is_sound(reading)) {
    return std::unexpected(reading.error);
  }
  const auto& report = reading.report;
  constexpr std::uint64_t greatest_number = std::uint64_t{1} << 62;
  const bool sound = reading.uptimes == report.count && is_device_name(reading.device) &&
                     report.stream <= static_cast<std::uint32_t>(Stream::coarse) &&
                     report.period_ms > 0 && report.first < greatest_number;
  if (!sound) return std::unexpected(CodecError::inconsistent);
  if (samples[0].number != report.first || samples[0].chips() != report.chips) {
    return std::unexpected(CodecError::inconsistent);
  }

  Decoded decoded{.header = {.device = reading.device,
                             .boot = report.boot,
                             .stream = static_cast<Stream>(report.stream),
                             .period = std::chrono::milliseconds(report.period_ms),
                             .chips = report.chips,
                             .booted_at = std::nullopt,
                             .lost = report.lost},
                  .count = report.count};
  if (report.booted_at_ms != 0) {
    decoded.header.booted_at = Timestamp(std::chrono::milliseconds(report.booted_at_ms));
  }
  return decoded;
}

std::expected<std::size_t, CodecError> encode(const Answer& answer, std::span<std::uint8_t> bytes) {
  if (answer.ranges.size() > max_stored_ranges) return std::unexpected(CodecError::over_a_limit);
  auto out = pb_ostream_from_buffer(bytes.data(), bytes.size());
  lenz_wire_Stored message = lenz_wire_Stored_init_zero;
  message.version = report_version;
  message.asking_again = answer.asking_again;
  bool written = pb_encode(&out, lenz_wire_Stored_fields, &message);
  for (const auto& range : answer.ranges) {
    lenz_wire_Range wire = lenz_wire_Range_init_zero;
    wire.boot = range.boot;
    wire.stream = static_cast<std::uint32_t>(range.stream);
    wire.begin = range.begin;
    wire.end = range.end;
    written = written && pb_encode_tag(&out, PB_WT_STRING, lenz_wire_Stored_ranges_tag) &&
              pb_encode_submessage(&out, lenz_wire_Range_fields, &wire);
  }
  if (!written) return std::unexpected(CodecError::does_not_fit);
  return out.bytes_written;
}

std::expected<DecodedAnswer, CodecError> decode_answer(std::span<const std::uint8_t> bytes) {
  DecodedAnswer decoded;
  lenz_wire_Stored message = lenz_wire_Stored_init_zero;
  message.ranges.arg = &decoded;
  message.ranges.funcs.decode = [](pb_istream_t* in, const pb_field_t*, void** argument) {
    auto& into = *static_cast<DecodedAnswer*>(*argument);
    lenz_wire_Range wire = lenz_wire_Range_init_zero;
    if (into.count == max_stored_ranges || !pb_decode(in, lenz_wire_Range_fields, &wire) ||
        wire.stream > static_cast<std::uint32_t>(Stream::coarse) || wire.begin > wire.end) {
      return false;
    }
    into.ranges[into.count++] = {wire.boot, static_cast<Stream>(wire.stream), wire.begin, wire.end};
    return true;
  };
  auto in = pb_istream_from_buffer(bytes.data(), bytes.size());
  if (!pb_decode_noinit(&in, lenz_wire_Stored_fields, &message) || message.version == 0) {
    return std::unexpected(CodecError::malformed);
  }
  if (message.version > report_version) return std::unexpected(CodecError::newer_version);
  decoded.asking_again = message.asking_again;
  return decoded;
}

}  // namespace measurement
