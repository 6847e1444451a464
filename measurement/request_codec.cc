#include "measurement/request_codec.h"

#include <pb_decode.h>
#include <pb_encode.h>

#include <algorithm>
#include <utility>

#include "request.pb.h"

namespace measurement {
namespace {

lenz_wire_Words to_wire(const ChannelWords& words) {
  lenz_wire_Words wire = lenz_wire_Words_init_zero;
  wire.voltage_gain = words.voltage_gain;
  wire.current_gain = words.current_gain;
  wire.pga = words.pga;
  wire.multiplier = words.multiplier;
  wire.voltage_offset = words.voltage_offset;
  wire.current_offset = words.current_offset;
  wire.active_offset = words.active_offset;
  wire.reactive_offset = words.reactive_offset;
  wire.fundamental_offset = words.fundamental_offset;
  wire.power_gain = words.power_gain;
  wire.phase_delay = words.phase_delay;
  wire.gain_slopes_count = static_cast<pb_size_t>(words.gain_slopes.size());
  std::ranges::copy(words.gain_slopes, wire.gain_slopes);
  wire.phase_slopes_count = static_cast<pb_size_t>(words.phase_slopes.size());
  std::ranges::copy(words.phase_slopes, wire.phase_slopes);
  wire.voltage_gain_over_temperature = words.voltage_gain_over_temperature;
  for (const auto& point : words.curve) {
    if (point.milliamperes == 0) break;
    wire.curve[wire.curve_count++] = {point.milliamperes, point.gain_ppm, point.lead_microradians};
  }
  return wire;
}

// Reads numbers into narrower ones and remembers whether each of them fitted.
class Narrowing {
 public:
  template <class To, class From>
  void put(To& to, From from) {
    if (std::in_range<To>(from)) {
      to = static_cast<To>(from);
    } else {
      fits_ = false;
    }
  }
  bool fits() const { return fits_; }

 private:
  bool fits_ = true;
};

bool from_wire(const lenz_wire_Words& wire, ChannelWords& words) {
  Narrowing narrow;
  narrow.put(words.voltage_gain, wire.voltage_gain);
  narrow.put(words.current_gain, wire.current_gain);
  narrow.put(words.pga, wire.pga);
  narrow.put(words.multiplier, wire.multiplier);
  narrow.put(words.voltage_offset, wire.voltage_offset);
  narrow.put(words.current_offset, wire.current_offset);
  narrow.put(words.active_offset, wire.active_offset);
  narrow.put(words.reactive_offset, wire.reactive_offset);
  narrow.put(words.fundamental_offset, wire.fundamental_offset);
  narrow.put(words.power_gain, wire.power_gain);
  narrow.put(words.phase_delay, wire.phase_delay);
  for (std::size_t i = 0; i < wire.gain_slopes_count; ++i) {
    narrow.put(words.gain_slopes[i], wire.gain_slopes[i]);
  }
  for (std::size_t i = 0; i < wire.phase_slopes_count; ++i) {
    narrow.put(words.phase_slopes[i], wire.phase_slopes[i]);
  }
  narrow.put(words.voltage_gain_over_temperature, wire.voltage_gain_over_temperature);
  for (std::size_t i = 0; i < wire.curve_count; ++i) {
    words.curve[i] = {wire.curve[i].milliamperes, wire.curve[i].gain_ppm,
                      wire.curve[i].lead_microradians};
  }
  return narrow.fits();
}

lenz_wire_Raw to_wire(const RawReadings& raw) {
  lenz_wire_Raw wire = lenz_wire_Raw_init_zero;
  wire.windows = raw.windows;
  wire.begin_ms = static_cast<std::uint64_t>(raw.begin.count());
  wire.end_ms = static_cast<std::uint64_t>(raw.end.count());
  wire.frequency = raw.frequency;
  wire.temperature = raw.temperature;
  wire.channels_count = static_cast<pb_size_t>(raw.channels.size());
  const auto spread = [](const Spread& of, bool& has, lenz_wire_Spread& to) {
    has = true;
    to = {of.mean, of.deviation};
  };
  for (std::size_t i = 0; i < raw.channels.size(); ++i) {
    const auto& channel = raw.channels[i];
    auto& to = wire.channels[i];
    spread(channel.voltage, to.has_voltage, to.voltage);
    spread(channel.current, to.has_current, to.current);
    spread(channel.active, to.has_active, to.active);
    spread(channel.reactive, to.has_reactive, to.reactive);
    to.peak_current = channel.peak_current;
  }
  return wire;
}

bool from_wire(const lenz_wire_Raw& wire, RawReadings& raw) {
  Narrowing narrow;
  narrow.put(raw.windows, wire.windows);
  std::int64_t begin = 0, end = 0;
  narrow.put(begin, wire.begin_ms);
  narrow.put(end, wire.end_ms);
  raw.begin = Uptime(begin);
  raw.end = Uptime(end);
  raw.frequency = wire.frequency;
  raw.temperature = wire.temperature;
  for (std::size_t i = 0; i < wire.channels_count; ++i) {
    const auto& from = wire.channels[i];
    raw.channels[i] = {.voltage = {from.voltage.mean, from.voltage.deviation},
                       .current = {from.current.mean, from.current.deviation},
                       .active = {from.active.mean, from.active.deviation},
                       .reactive = {from.reactive.mean, from.reactive.deviation},
                       .peak_current = from.peak_current};
  }
  return narrow.fits();
}

lenz_wire_Diagnostics to_wire(const Diagnostics& of) {
  lenz_wire_Diagnostics wire = lenz_wire_Diagnostics_init_zero;
  wire.uptime_ms = static_cast<std::uint64_t>(of.uptime.count());
  wire.chips = of.chips;
  wire.chips_missing = of.chips_missing;
  wire.resets = of.resets;
  wire.garbled = of.garbled;
  wire.doubtful = of.doubtful;
  wire.free_heap = of.free_heap;
  wire.signal_dbm = of.signal_dbm;
  wire.reset_reason = of.reset_reason;
  wire.held = of.held;
  wire.lost = of.lost;
  wire.on_trial = of.on_trial;
  const auto name = of.firmware.substr(0, max_firmware_name);
  std::ranges::copy(name, wire.firmware);
  return wire;
}

bool from_wire(const lenz_wire_Diagnostics& wire, DecodedReply& decoded) {
  auto& to = decoded.reply.diagnostics;
  Narrowing narrow;
  std::int64_t uptime = 0;
  narrow.put(uptime, wire.uptime_ms);
  to.uptime = Uptime(uptime);
  narrow.put(to.chips, wire.chips);
  narrow.put(to.chips_missing, wire.chips_missing);
  to.resets = wire.resets;
  to.garbled = wire.garbled;
  to.doubtful = wire.doubtful;
  to.free_heap = wire.free_heap;
  narrow.put(to.signal_dbm, wire.signal_dbm);
  narrow.put(to.reset_reason, wire.reset_reason);
  to.held = wire.held;
  to.lost = wire.lost;
  to.on_trial = wire.on_trial;
  const std::string_view name(wire.firmware);
  std::ranges::copy(name, decoded.firmware.begin());
  to.firmware = std::string_view(decoded.firmware.data(), name.size());
  return narrow.fits();
}

bool write_data(pb_ostream_t* stream, const pb_field_t* field, void* const* arg) {
  const auto& data = *static_cast<const std::span<const std::uint8_t>*>(*arg);
  return data.empty() || (pb_encode_tag_for_field(stream, field) &&
                          pb_encode_string(stream, data.data(), data.size()));
}

// A stream that was made from a buffer has its place in it as its state.
bool read_data(pb_istream_t* stream, const pb_field_t*, void** arg) {
  if (stream->bytes_left > max_request_data) return false;
  auto& data = *static_cast<std::span<const std::uint8_t>*>(*arg);
  data = {static_cast<const std::uint8_t*>(stream->state), stream->bytes_left};
  return pb_read(stream, nullptr, stream->bytes_left);
}

template <class Wire>
std::expected<std::size_t, CodecError> write(const pb_msgdesc_t* fields, const Wire& wire,
                                             std::span<std::uint8_t> bytes) {
  auto out = pb_ostream_from_buffer(bytes.data(), bytes.size());
  if (!pb_encode(&out, fields, &wire)) return std::unexpected(CodecError::does_not_fit);
  return out.bytes_written;
}

// What both messages must be, and whether this side is new enough for them.
template <class Wire>
std::expected<void, CodecError> read(const pb_msgdesc_t* fields,
                                     std::span<const std::uint8_t> bytes, Wire& wire) {
  auto in = pb_istream_from_buffer(bytes.data(), bytes.size());
  if (!pb_decode(&in, fields, &wire) || wire.version == 0 || wire.id == 0) {
    return std::unexpected(CodecError::malformed);
  }
  if (wire.version > request_version) return std::unexpected(CodecError::newer_version);
  return {};
}

}  // namespace

const char* sentence(Reply::Outcome outcome) {
  using enum Reply::Outcome;
  switch (outcome) {
    case done:
      return "The meter did it.";
    case busy:
      return "The meter is still busy with another request: ask again when that is answered.";
    case unknown:
      return "The meter does not know this request: install a newer firmware on it.";
    case no_such_channel:
      return "The meter has no such channel.";
    case out_of_range:
      return "The request holds a word or a count that the chip cannot take.";
    case chip_not_ready:
      return "The chip of this channel does not answer or is being set up: look at its board.";
    case words_differ:
      return "The channel is set differently by now: read it again before changing it.";
    case not_written:
      return "The chip did not take the words and is set up with the old ones: check its cable.";
    case not_kept:
      return "The channel is set, but the meter could not keep that: it is lost at its next start.";
    case not_supported:
      return "This board cannot do that.";
    case no_manifest:
      return "This is not a manifest of Lenz firmware: make it with sign_update.";
    case forged:
      return "The manifest is not signed with this meter's key: sign it with the key that the "
             "firmware was built with.";
    case other_chip:
      return "The image is for another controller: build it for this one.";
    case not_newer:
      return "The meter runs this version or a later one: raise the version.";
    case too_large:
      return "The image is larger than the meter's slot: build a smaller one.";
    case on_trial:
      return "The meter still tries its last update: wait five minutes.";
    case flash_failed:
      return "The flash could not be written: try again, and replace the board if it stays so.";
    case unexpected_image:
      return "The image is longer than its manifest says, or none was expected: sign it again.";
    case cut_short:
      return "The image ended early: check the network and try again.";
    case damaged:
      return "The image is not the one that was signed: send it again.";
    case not_bootable:
      return "The bootloader refuses the image: build it again.";
  }
  return "";
}

std::expected<std::size_t, CodecError> encode(const Request& request,
                                              std::span<std::uint8_t> bytes) {
  lenz_wire_Request wire = lenz_wire_Request_init_zero;
  wire.version = request_version;
  wire.id = request.id;
  wire.kind = static_cast<std::uint32_t>(request.kind);
  wire.channel = request.channel;
  wire.windows = request.windows;
  wire.stream = request.stream;
  wire.number = request.number;
  if (request.kind == Request::Kind::write_words) {
    wire.has_expected = wire.has_wanted = true;
    wire.expected = to_wire(request.expected);
    wire.wanted = to_wire(request.wanted);
  }
  if (request.data.size() > max_request_data) return std::unexpected(CodecError::does_not_fit);
  wire.data.funcs.encode = write_data;
  wire.data.arg = const_cast<std::span<const std::uint8_t>*>(&request.data);
  return write(lenz_wire_Request_fields, wire, bytes);
}

std::expected<std::size_t, CodecError> encode(const Reply& reply, std::span<std::uint8_t> bytes) {
  using enum Request::Kind;
  lenz_wire_Reply wire = lenz_wire_Reply_init_zero;
  wire.version = request_version;
  wire.id = reply.id;
  wire.kind = static_cast<std::uint32_t>(reply.kind);
  wire.outcome = static_cast<std::uint32_t>(reply.outcome);
  wire.channel = reply.channel;
  wire.has_words = reply.kind == read_words || reply.kind == write_words;
  if (wire.has_words) wire.words = to_wire(reply.words);
  wire.has_raw = reply.kind == read_raw && reply.outcome == Reply::Outcome::done;
  if (wire.has_raw) wire.raw = to_wire(reply.raw);
  wire.has_diagnostics = reply.kind == diagnostics;
  if (wire.has_diagnostics) wire.diagnostics = to_wire(reply.diagnostics);
  wire.written = reply.written;
  return write(lenz_wire_Reply_fields, wire, bytes);
}

std::expected<Request, CodecError> decode_request(std::span<const std::uint8_t> bytes) {
  lenz_wire_Request wire = lenz_wire_Request_init_zero;
  std::span<const std::uint8_t> data;
  wire.data.funcs.decode = read_data;
  wire.data.arg = &data;
  if (const auto sound = read(lenz_wire_Request_fields, bytes, wire); !sound) {
    return std::unexpected(sound.error());
  }
  Request request{.id = wire.id, .number = wire.number, .data = data};
  Narrowing narrow;
  std::uint8_t kind = 0;
  narrow.put(kind, wire.kind);
  request.kind = static_cast<Request::Kind>(kind);
  narrow.put(request.channel, wire.channel);
  narrow.put(request.windows, wire.windows);
  narrow.put(request.stream, wire.stream);
  const bool fits = narrow.fits() && from_wire(wire.expected, request.expected) &&
                    from_wire(wire.wanted, request.wanted);
  if (!fits) return std::unexpected(CodecError::malformed);
  return request;
}

std::expected<void, CodecError> decode_reply(std::span<const std::uint8_t> bytes,
                                             DecodedReply& decoded) {
  lenz_wire_Reply wire = lenz_wire_Reply_init_zero;
  if (const auto sound = read(lenz_wire_Reply_fields, bytes, wire); !sound) return sound;
  auto& reply = decoded.reply;
  reply = {.id = wire.id, .written = wire.written};
  Narrowing narrow;
  std::uint8_t kind = 0, outcome = 0;
  narrow.put(kind, wire.kind);
  narrow.put(outcome, wire.outcome);
  narrow.put(reply.channel, wire.channel);
  reply.kind = static_cast<Request::Kind>(kind);
  reply.outcome = static_cast<Reply::Outcome>(outcome);
  const bool fits = narrow.fits() && from_wire(wire.words, reply.words) &&
                    from_wire(wire.raw, reply.raw) && from_wire(wire.diagnostics, decoded);
  if (!fits) return std::unexpected(CodecError::malformed);
  return {};
}

}  // namespace measurement
