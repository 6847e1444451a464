// Numbers and texts as bytes, little-endian: model files and what a home has learnt.

#pragma once

#include <bit>
#include <cstdint>
#include <cstring>
#include <string>
#include <string_view>
#include <type_traits>

namespace insight {

static_assert(std::endian::native == std::endian::little);

template <class Value>
void put(std::string& bytes, const Value& value) {
  static_assert(std::is_trivially_copyable_v<Value>);
  char raw[sizeof(Value)];
  std::memcpy(raw, &value, sizeof(Value));
  bytes.append(raw, sizeof(Value));
}

inline void put_text(std::string& bytes, std::string_view text) {
  put(bytes, static_cast<std::uint32_t>(text.size()));
  bytes += text;
}

// Takes a value off the front. False: the bytes end before it.
template <class Value>
[[nodiscard]] bool take(std::string_view& bytes, Value& value) {
  static_assert(std::is_trivially_copyable_v<Value>);
  if (bytes.size() < sizeof(Value)) return false;
  std::memcpy(&value, bytes.data(), sizeof(Value));
  bytes.remove_prefix(sizeof(Value));
  return true;
}

[[nodiscard]] inline bool take_text(std::string_view& bytes, std::string& text) {
  std::uint32_t size = 0;
  if (!take(bytes, size) || bytes.size() < size) return false;
  text = bytes.substr(0, size);
  bytes.remove_prefix(size);
  return true;
}

namespace detail {
inline std::uint64_t fnv1a(std::string_view bytes) {
  std::uint64_t sum = 0xcbf29ce484222325;
  for (const char c : bytes) sum = (sum ^ static_cast<unsigned char>(c)) * 0x100000001b3;
  return sum;
}
}  // namespace detail

// Puts a sum of all that was put so far, by which damage is seen.
inline void seal(std::string& bytes) { put(bytes, detail::fnv1a(bytes)); }

// Takes the sum off the end. False: it is not that of the bytes before.
[[nodiscard]] inline bool unseal(std::string_view& bytes) {
  std::uint64_t sum = 0;
  if (bytes.size() < sizeof(sum)) return false;
  auto end = bytes.substr(bytes.size() - sizeof(sum));
  bytes.remove_suffix(sizeof(sum));
  return take(end, sum) && sum == detail::fnv1a(bytes);
}

}  // namespace insight
