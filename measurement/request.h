// What a hub asks of a meter besides reports, and what the meter replies. Each request has an
// identity, and a request that arrives twice is done once. request_codec.h gives the bytes.

#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <span>
#include <string_view>

#include "measurement/channel_words.h"
#include "measurement/sample.h"
#include "measurement/units.h"

namespace measurement {

struct Request {
  enum class Kind : std::uint8_t {
    read_raw = 1,  // Averages over `windows` of the chip with `channel`.
    read_words,    // How `channel` is set.
    write_words,   // Sets `channel` to `wanted` if it is as `expected`, and keeps that.
    identify,      // Shows which meter this is: its light blinks.
    restart,       // After the reply has been taken.
    diagnostics,
    send_again,    // What the outbox has of stream `stream` of this boot, from `number`.
    take_update,   // Begins an update with the manifest that is `data`.
    take_piece,    // `data` is of the update's image, from byte `number`.
    start_update,  // Looks at what was written; starts it on trial after the reply has been taken.
  };

  std::uint64_t id = 0;  // 64 random bits, not 0.
  Kind kind = Kind::diagnostics;
  std::uint8_t channel = 0;
  std::uint16_t windows = 0;  // 1 to max_raw_windows; one is 0.35 s.
  std::uint8_t stream = 0;
  std::uint64_t number = 0;
  ChannelWords expected{}, wanted{};
  std::span<const std::uint8_t> data{};  // At most max_request_data. Points elsewhere.
};

inline constexpr std::size_t max_request_data = 768;
inline constexpr std::uint16_t max_raw_windows = 2000;  // Some twelve minutes.

// Of `windows` readings: their mean, and the standard deviation of one of them.
struct Spread {
  float mean = 0, deviation = 0;
};

// As metered with the words that are set, multiplier included.
struct RawChannel {
  Spread voltage, current, active, reactive;  // V, A, W, var.
  float peak_current = 0;                     // A: the greatest of all windows.
};

struct RawReadings {
  std::uint16_t windows = 0;  // That could be read; garbled ones are left out.
  Uptime begin{}, end{};      // Of the meter.
  float frequency = 0;        // Hz; 0: no voltage.
  float temperature = 0;      // Degrees Celsius, of the chip.
  std::array<RawChannel, channels_per_chip> channels{};
};

inline constexpr std::size_t max_firmware_name = 32;

struct Diagnostics {
  Uptime uptime{};
  std::uint16_t chips = 0;
  std::uint16_t chips_missing = 0;                      // Bit c: chip c does not answer.
  std::uint32_t resets = 0, garbled = 0, doubtful = 0;  // Of all chips, since the start.
  std::uint32_t free_heap = 0;                          // Bytes; 0: not known.
  std::int16_t signal_dbm = 0;                          // Of the radio; 0: none.
  std::uint8_t reset_reason = 0;                        // The board's own number; 0: not known.
  std::uint64_t held = 0, lost = 0;                     // Samples in the outbox, and dropped by it.
  std::string_view firmware;                            // Its version.
  bool on_trial = false;  // It goes back to the one before, unless it finds itself sound.
};

struct Reply {
  enum class Outcome : std::uint8_t {
    done = 1,
    busy,     // Another request is under way: ask again.
    unknown,  // A kind of a later version.
    no_such_channel,
    out_of_range,    // A word or a count that cannot be.
    chip_not_ready,  // Missing, or being set up.
    words_differ,    // From what was expected; `words` is what is set.
    not_written,     // The chip did not take it; it is being set up with the old words.
    not_kept,        // Set, but will be forgotten when the meter restarts.
    not_supported,   // By this board.
    // Why there is no update:
    no_manifest,       // None, or one of another form.
    forged,            // Its signature is not of the key that this meter trusts.
    other_chip,        // For another controller.
    not_newer,         // Than what runs.
    too_large,         // For the slot.
    on_trial,          // What runs has not passed its own self-test yet.
    flash_failed,      // The slot could not be erased, written or read.
    unexpected_image,  // More bytes than the manifest says, or none are expected.
    cut_short,         // Fewer bytes than the manifest says.
    damaged,           // What is in the slot has not the manifest's digest.
    not_bootable,      // The bootloader refuses it.
  };

  std::uint64_t id = 0;  // Of the request.
  Request::Kind kind = Request::Kind::diagnostics;
  Outcome outcome = Outcome::done;
  std::uint8_t channel = 0;
  ChannelWords words{};       // Of read_words and write_words.
  RawReadings raw{};          // Of read_raw.
  Diagnostics diagnostics{};  // Of diagnostics.
  std::uint32_t written = 0;  // Of take_update, take_piece: bytes of the image that it has.
};

const char* sentence(Reply::Outcome);

}  // namespace measurement
