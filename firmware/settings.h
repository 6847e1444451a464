// What a meter keeps over restarts: its network, its hub, how it was built, and how each channel is
// calibrated.

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

namespace firmware {

// Small values under short names; NVS on an ESP32.
class KeyValues {
 public:
  static constexpr std::size_t longest_key = 15;
  static constexpr std::size_t longest_value = 2048;

  // Returns the value's size; nothing: there is none, it does not fit, or it cannot be read.
  virtual std::optional<std::size_t> get(const char* key, std::span<std::uint8_t> value) = 0;
  // It is there after a power cut, or what was there before.
  virtual bool put(const char* key, std::span<const std::uint8_t> value) = 0;
  virtual bool erase_all() = 0;

 protected:
  ~KeyValues() = default;
};

// Text of at most `size` bytes, ended by a zero for C.
template <std::size_t size>
class Word {
 public:
  // False: too long, and nothing changes.
  bool set(std::string_view text) {
    if (text.size() > size) return false;
    text.copy(bytes_.data(), text.size());
    bytes_[text.size()] = 0;
    length_ = text.size();
    return true;
  }
  std::string_view view() const { return {bytes_.data(), length_}; }
  const char* c_str() const { return bytes_.data(); }
  bool empty() const { return length_ == 0; }

  static constexpr std::size_t capacity = size;

 private:
  std::array<char, size + 1> bytes_{};
  std::size_t length_ = 0;
};

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
