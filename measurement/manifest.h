// The signed manifest that tells a meter of new firmware: docs/update_format.md.

#pragma once

#include <array>
#include <compare>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string_view>

namespace measurement {

struct Version {
  std::uint16_t major = 0, minor = 0, patch = 0;

  friend auto operator<=>(const Version&, const Version&) = default;
};

// "1.4.0": decimal, without leading zeros.
std::optional<Version> version_of(std::string_view);

// A view of the text.
struct Manifest {
  Version version;
  std::string_view chip;
  std::uint32_t size = 0;                 // Of the image, in bytes.
  std::array<std::uint8_t, 32> digest{};  // Of the image, SHA-256.
  std::string_view url;
  std::string_view signed_text;
  std::array<std::uint8_t, 80> signature{};  // Over `signed_text`.
  std::size_t signature_size = 0;
};
inline constexpr std::size_t max_manifest = 768;

// Absent: it is none. Who signed it is not looked at.
std::optional<Manifest> read_manifest(std::string_view text);

}  // namespace measurement
