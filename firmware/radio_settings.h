// Which radios a meter uses besides Wi-Fi and Ethernet, with which keys and within which limits:
// Bluetooth, and of one modem LoRaWAN or a cellular network. All are off until they are asked for.

#pragma once

#include <array>
#include <chrono>
#include <cstdint>
#include <optional>
#include <span>

#include "firmware/board_map.h"
#include "firmware/improv.h"
#include "firmware/key_values.h"
#include "firmware/lora_modem.h"

namespace firmware {

// The bytes of each are those that Improv's command has (firmware/README.md), and none: it is off.
struct RadioSettings {
  struct Bluetooth {
    std::uint64_t mains = 0;  // Bit c: channel c is one of the mains.
    std::optional<std::array<std::uint8_t, 16>> bind_key{};  // None: adverts are for everybody.
  };
  struct Lorawan {
    std::uint64_t mains = 0;
    LoraOptions link;
  };
  struct Cellular {
    std::uint64_t bytes_a_month = 0;
    Word<63> access_point;
  };

  std::optional<Bluetooth> bluetooth;
  std::optional<Lorawan> lorawan;
  std::optional<Cellular> cellular;

  // What cannot be read, or has no modem in the assembly, is off.
  void load(KeyValues&, const Assembly&);
  // Keeps what a command said, and what is on from then on. LoRaWAN and cellular take the modem
  // from each other. Null: it is kept; else what is wrong, in a sentence, and nothing changes.
  const char* keep(KeyValues&, improv::Radio, std::span<const std::uint8_t>, const Assembly&);

  // As keep() takes it, with zeros for keys, into `bytes`, which has room for max_radio_settings.
  // Returns how many; 0: it is off.
  std::size_t tell(improv::Radio, std::span<std::uint8_t> bytes) const;

 private:
  const char* read(improv::Radio, std::span<const std::uint8_t>, const Assembly&);
};

}  // namespace firmware
