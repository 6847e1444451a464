// The boards that a meter is built on: which pin selects which chip, what stays free, and which
// radios fit.

#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string_view>

#include "measurement/sample.h"

namespace firmware {

enum class Board : std::uint8_t {
  six_channel,            // CircuitSetup's 6-channel main board with an ESP32 DevKitC.
  six_channel_lilygo,     // The same with the adapter for Lilygo's T-ETH-Lite S3.
  six_channel_waveshare,  // The same with the adapter for Waveshare's ESP32-S3-ETH.
  split_single_phase,     // CircuitSetup's board of one chip and two clamps.
};
inline constexpr std::size_t boards = 4;

using Pin = std::int8_t;  // A GPIO's number.
inline constexpr Pin no_pin = -1;

struct SpiPins {
  Pin clock = no_pin;
  Pin miso = no_pin;
  Pin mosi = no_pin;
};

// A W5500 on an SPI bus of its own.
struct EthernetPins {
  SpiPins spi;
  Pin chip_select = no_pin;
  Pin interrupt = no_pin;
  Pin reset = no_pin;
};

enum class Controller : std::uint8_t { esp32, esp32_s3 };

// What is soldered. The pins are those of the vendor's schematics and ESPHome packages.
struct BoardMap {
  std::string_view name;   // As configurations have it.
  std::string_view title;  // As people know it.
  Controller controller;
  SpiPins spi;                        // Of the metering chips.
  EthernetPins ethernet;              // No pins: it has none.
  std::size_t chips;                  // Without add-ons.
  std::size_t max_add_ons;            // Of two chips each.
  std::span<const Pin> chip_selects;  // By chip; those of an add-on as its jumpers are meant to be.
  std::span<const Pin> held;          // Driven by the chips' interrupt outputs: of no other use.
  bool knows_free_pins;  // False: which other pins its adapter brings out is not published.
};

const BoardMap& map_of(Board);
std::optional<Board> board_named(std::string_view name);

// A radio on a serial line, driven by AT commands: LoRaWAN or cellular.
struct ModemPins {
  Pin transmit = no_pin;  // Of the controller.
  Pin receive = no_pin;
};

// A bare LoRa transceiver on the chips' SPI bus.
struct TransceiverPins {
  Pin chip_select = no_pin;
  Pin reset = no_pin;
  Pin interrupt = no_pin;
};

// A meter as its owner built it.
struct Assembly {
  Board board = Board::six_channel;
  std::size_t add_ons = 0;
  // By chip, where jumpers are set otherwise than in the board's map; no_pin: as in the map.
  std::array<Pin, measurement::max_chips> chip_selects = [] {
    std::array<Pin, measurement::max_chips> pins{};
    pins.fill(no_pin);
    return pins;
  }();
  std::optional<ModemPins> modem;
  std::optional<TransceiverPins> transceiver;
  Pin status_led = no_pin;
  Pin button = no_pin;

  std::size_t chips() const { return map_of(board).chips + 2 * add_ons; }
  // Of a chip below chips(); no_pin beyond what the board's map has.
  Pin chip_select(std::size_t chip) const;
};

// Where a chip is, for people: "add-on 2, jumper CS2 at 17 (CT16-CT18)". Returns what of `buffer`
// it took; 48 bytes are enough.
std::string_view place_of_chip(const Assembly&, std::size_t chip, std::span<char> buffer);

enum class Trouble : std::uint8_t {
  too_many_add_ons,  // More than the board has jumpers for. Nothing else is looked at.
  no_such_pin,       // Not of this controller, or taken by its flash.
  pin_used_twice,
  pin_is_held,        // By the chips' interrupt outputs.
  pin_is_input_only,  // And would have to put out.
  no_room_for_transceiver,
  // Those that work, with care.
  low_at_boot,      // GPIO12 sets the voltage of the flash.
  blocks_flashing,  // GPIO2 is pulled up by its chip select, or GPIO20 is a line of the USB.
};

struct Finding {
  Trouble trouble;
  Pin pin = no_pin;
  std::uint8_t use = 0;  // Who would have the pin, and who has it; for sentence() alone.
  std::uint8_t other = 0;

  // Whether the meter cannot work like this; else care is enough.
  bool is_conflict() const { return trouble < Trouble::low_at_boot; }
};

// What is wrong with an assembly, conflicts first. Returns how many there are; `found` has the
// first of them.
std::size_t check(const Assembly&, std::span<Finding> found);

// One sentence with the remedy. Returns what of `buffer` it took; 256 bytes are enough.
std::string_view sentence(const Assembly&, const Finding&, std::span<char> buffer);

// What is left for radios, the console on the first serial line being kept.
struct Room {
  std::array<Pin, 48> outputs{};  // Free pins that can put out, in the order to take them.
  std::size_t output_count = 0;
  std::array<Pin, 48> inputs{};  // Free pins that can only read.
  std::size_t input_count = 0;

  bool fits_modem() const;        // An output, and one more pin.
  bool fits_transceiver() const;  // Two outputs, and one more pin.
};

// Of an assembly without conflicts. Nothing: the board's map does not know.
std::optional<Room> room_of(const Assembly&);

// "Seven boards leave room for one AT modem: ..." Returns what of `buffer` it took; 320 bytes are
// enough.
std::string_view sentence_of_room(const Assembly&, std::span<char> buffer);

}  // namespace firmware
