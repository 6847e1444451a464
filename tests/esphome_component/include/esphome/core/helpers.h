#pragma once

#include <cstdint>

namespace esphome {

inline std::uint32_t stub_random = 7;
inline std::uint32_t random_uint32() { return stub_random = stub_random * 1664525 + 1013904223; }

}  // namespace esphome
