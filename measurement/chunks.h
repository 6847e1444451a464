// A message in pieces as small as one packet of a Bluetooth link. docs/ble.md has the grammar.

#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>

namespace measurement {

inline constexpr std::size_t least_chunk_bytes = 20;  // What a link carries before it knows more.
inline constexpr std::uint8_t chunk_kinds = 4;

// Cuts one message. It must outlive the cutting.
class Cutter {
 public:
  Cutter() = default;
  Cutter(std::uint8_t kind, std::span<const std::uint8_t> message)
      : kind_(kind), rest_(message), is_over_(false) {}

  bool is_over() const { return is_over_; }

  // Writes the next chunk, of at most `into.size()` bytes, and returns its size. The same again
  // until it was taken() by the link.
  std::size_t write(std::span<std::uint8_t> into);
  void taken();

 private:
  std::uint8_t kind_ = 0;
  std::span<const std::uint8_t> rest_;
  std::size_t written_ = 0;  // Of the message, with the last chunk.
  std::uint8_t count_ = 0;
  bool is_first_ = true;
  bool is_over_ = true;
};

// Joins chunks, of which the link keeps the order and may lose some: then the message is dropped
// as a whole, and so is one that is longer than the buffer, which must outlive this.
class Joiner {
 public:
  explicit Joiner(std::span<std::uint8_t> buffer) : buffer_(buffer) {}

  struct Message {
    std::uint8_t kind = 0;
    std::span<const std::uint8_t> bytes;  // Until the next chunk.
  };
  // The message that this chunk completes.
  std::optional<Message> add(std::span<const std::uint8_t> chunk);

  void clear() { is_open_ = false; }

 private:
  std::span<std::uint8_t> buffer_;
  std::size_t size_ = 0;
  std::uint8_t kind_ = 0;
  std::uint8_t count_ = 0;  // Of the chunk to come.
  bool is_open_ = false;
};

}  // namespace measurement
