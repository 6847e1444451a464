// Small values that outlive a restart.

#pragma once

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string_view>

#include "firmware/storage.h"

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

// Some bytes of a value as a Storage; never written, they are 0xff. The key is a literal.
template <std::size_t bytes>
class KeyedStorage final : public Storage {
 public:
  KeyedStorage(KeyValues& kept, const char* key) : kept_(kept), key_(key) {}

  std::size_t size() const override { return bytes; }
  bool read(std::size_t offset, std::span<std::uint8_t> into) override {
    const auto all = load();
    std::copy_n(all.begin() + static_cast<std::ptrdiff_t>(offset), into.size(), into.begin());
    return true;
  }
  bool write(std::size_t offset, std::span<const std::uint8_t> from) override {
    auto all = load();
    std::ranges::copy(from, all.begin() + static_cast<std::ptrdiff_t>(offset));
    return kept_.put(key_, all);
  }

 private:
  std::array<std::uint8_t, bytes> load() {
    std::array<std::uint8_t, bytes> all;
    if (kept_.get(key_, all) != bytes) all.fill(0xff);
    return all;
  }

  KeyValues& kept_;
  const char* key_;
};

}  // namespace firmware
