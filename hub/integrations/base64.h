// As RFC 4648, section 4, has it.

#pragma once

#include <cstdint>
#include <string>
#include <string_view>

namespace hub {

inline std::string base64(std::string_view text) {
  constexpr std::string_view digits =
      "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
  std::string out;
  for (std::size_t i = 0; i < text.size(); i += 3) {
    const auto three = text.substr(i, 3);
    std::uint32_t bits = 0;
    for (std::size_t k = 0; k < 3; ++k) {
      bits = bits << 8 | (k < three.size() ? static_cast<std::uint8_t>(three[k]) : 0u);
    }
    for (std::size_t k = 0; k < 4; ++k) {
      out += k <= three.size() ? digits[bits >> (18 - 6 * k) & 63] : '=';
    }
  }
  return out;
}

}  // namespace hub
