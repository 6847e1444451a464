// What a meter keeps over restarts: its network, hub and radios, how it was built, and how each
// channel is calibrated.

#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string_view>

#include "firmware/atm90e32.h"
#include "firmware/board_map.h"
#include "firmware/improv.h"
#include "firmware/key_values.h"
#include "firmware/radio_settings.h"

namespace firmware {

struct Settings {
  Word<32> network;
  Word<64> password;
  Word<63> hostname;
  Word<32> title;  // What people call it.
  Word<128> hub;   // mqtts://host:port
  Word<32> home, device;
  Word<64> credential;
  Word<improv::max_certificate> certificate;  // PEM that the hub's is signed with.
  Assembly assembly;
  int line_frequency = 50;
  RadioSettings radios;

  bool has_network() const { return !network.empty(); }
  bool has_hub() const { return !hub.empty() && !device.empty() && !certificate.empty(); }

  // What cannot be read has its default.
  void load(KeyValues&);
  bool keep_network(KeyValues&, std::string_view network, std::string_view password);
  bool keep_names(KeyValues&, std::string_view hostname, std::string_view title);
  // False too where it is no mqtts:// address, or a name is none that the hub can have.
  bool keep_hub(KeyValues&, const improv::HubAddress&);
  // In order from offset 0; the part that reaches `total` completes it.
  bool keep_certificate(KeyValues&, std::size_t offset, std::size_t total,
                        std::span<const std::uint8_t> part);
  // Of an assembly without conflicts.
  bool keep_assembly(KeyValues&, const Assembly&, int line_frequency);

 private:
  void load_assembly(KeyValues&);

  std::array<char, improv::max_certificate> incoming_{};
  std::size_t arrived_ = 0;
};

// a-z, 0-9, '_' and '-': a level of a topic.
bool is_topic_level(std::string_view);

// The channels' words, each in the form in which the hub asked for them; in a place of their own,
// so that they survive when all else is forgotten.
class Calibrations {
 public:
  explicit Calibrations(KeyValues& kept) : kept_(kept) {}

  bool keep(std::size_t channel, const ChannelConfig&);
  std::optional<ChannelConfig> of(std::size_t channel);

 private:
  KeyValues& kept_;
};

}  // namespace firmware
