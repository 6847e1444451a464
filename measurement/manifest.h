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
  std::string_view signed_text;
  std::array<std::uint8_t, 80> signature{};  // Over `signed_text`.
  std::size_t signature_size = 0;
};
inline constexpr std::size_t max_manifest = 512;

// Absent: it is none. Who signed it is not looked at.
std::optional<Manifest> read_manifest(std::string_view text);

// An update as it is kept and given: a manifest, and at once the image. Absent: it begins with no
// manifest.
struct SignedImage {
  std::string_view manifest, image;
};
std::optional<SignedImage> signed_image(std::string_view file);

// What ESP-IDF writes into the image of an application.
struct AppImage {
  std::uint16_t chip_id = 0;          // esp_chip_id_t: 0 ESP32, 9 ESP32-S3.
  std::string_view version, project;  // Empty: it is not described, or not in printable ASCII.
};
std::optional<AppImage> read_app_image(std::string_view bytes);  // Absent: it is none.

}  // namespace measurement
