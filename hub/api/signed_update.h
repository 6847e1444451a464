// An update as sign_update wrote it: docs/update_format.md says what it is and what is checked.

#pragma once

#include <cstddef>
#include <cstdint>
#include <expected>
#include <string>
#include <string_view>

namespace hub {

struct SignedUpdate {
  static constexpr std::size_t most_bytes = 4 << 20;
  static constexpr const char* ending = "update";

  std::string id;  // 16 hexadecimal digits of a hash of the whole file.
  std::string version, project, chip;
  std::uint32_t image_bytes = 0;
  std::string signed_text, signature;  // Of the manifest: DER of ECDSA over P-256 and SHA-256.
  std::size_t bytes = 0;               // Of the whole file.

  // The error is one sentence: what is wrong and what to do. Who signed it is not looked at.
  static std::expected<SignedUpdate, std::string> of_file(std::string_view);
};

}  // namespace hub
