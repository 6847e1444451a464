// A build of ESP-IDF as it was uploaded: a tar of flasher_args.json and the files that it lists.
// docs/adoption.md says what is checked.

#pragma once

#include <cstddef>
#include <cstdint>
#include <expected>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace hub {

inline constexpr std::size_t most_build_files = 32;
inline constexpr std::size_t most_build_file_bytes = 16 << 20;
inline constexpr std::size_t most_build_bytes = 32 << 20;

struct FirmwarePart {
  std::uint32_t offset = 0;       // In the flash, in bytes.
  std::string name;               // As the build calls the file.
  std::string sha256;             // In hexadecimal.
  std::size_t at = 0, bytes = 0;  // Where it is in the tar.
};

struct FirmwareBuild {
  std::string id;                // 16 hexadecimal digits of a hash of all that is flashed, and how.
  std::string project, version;  // As the application's description has them; empty: it has none.
  std::string chip;              // "esp32"
  std::string flash_mode, flash_size, flash_freq;  // As esptool takes them.
  std::vector<FirmwarePart> parts;                 // By offset. No two share a sector of 4 KiB.

  static constexpr std::size_t most_bytes = most_build_bytes;
  static constexpr const char* ending = "tar";

  // The error is one sentence: what is wrong with which file, and what to do.
  static std::expected<FirmwareBuild, std::string> of_file(std::string_view tar);
};

// As an image's header has it (esp_chip_id_t). Absent: no chip of this name is known.
std::optional<std::uint16_t> chip_id(std::string_view name);

std::string sha256(std::string_view bytes);  // In hexadecimal.

}  // namespace hub
