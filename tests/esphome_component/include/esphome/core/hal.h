#pragma once

#include <cstdint>

namespace esphome {

inline std::uint32_t stub_millis = 0;
inline std::uint32_t millis() { return stub_millis; }

}  // namespace esphome
