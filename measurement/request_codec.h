// Request and reply as bytes: protobuf, read and written by nanopb on both sides without a heap.
// The format's page is docs/request_format.md.

#pragma once

#include <cstdint>
#include <expected>
#include <span>

#include "measurement/report_codec.h"
#include "measurement/request.h"

namespace measurement {

inline constexpr std::uint32_t request_version = 1;
inline constexpr std::size_t max_request_bytes = 1024;
inline constexpr std::size_t max_reply_bytes = 512;

// Returns the bytes used.
std::expected<std::size_t, CodecError> encode(const Request&, std::span<std::uint8_t> bytes);
std::expected<std::size_t, CodecError> encode(const Reply&, std::span<std::uint8_t> bytes);

// Its data points into the bytes. A kind of a later version is kept as its number: the meter
// replies that it does not know it. malformed: no request, an id of 0, too much data, or a word
// that no register has.
std::expected<Request, CodecError> decode_request(std::span<const std::uint8_t> bytes);

// The name of the firmware points into the result.
struct DecodedReply {
  Reply reply;
  std::array<char, max_firmware_name> firmware{};
};
std::expected<void, CodecError> decode_reply(std::span<const std::uint8_t> bytes, DecodedReply&);

}  // namespace measurement
