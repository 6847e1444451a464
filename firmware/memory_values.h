// For the tests: small values in memory, with what flash demands of them.

#pragma once

#include <gtest/gtest.h>

#include <algorithm>
#include <map>
#include <string>
#include <vector>

#include "firmware/key_values.h"

namespace firmware {

class MemoryValues final : public KeyValues {
 public:
  std::optional<std::size_t> get(const char* key, std::span<std::uint8_t> value) override {
    const auto found = kept.find(key);
    if (found == kept.end() || found->second.size() > value.size()) return std::nullopt;
    std::ranges::copy(found->second, value.begin());
    return found->second.size();
  }
  bool put(const char* key, std::span<const std::uint8_t> value) override {
    EXPECT_LE(std::string(key).size(), longest_key);
    EXPECT_FALSE(value.empty());
    EXPECT_LE(value.size(), longest_value);
    if (works) kept[key].assign(value.begin(), value.end());
    return works;
  }
  bool erase_all() override {
    kept.clear();
    return true;
  }

  std::map<std::string, std::vector<std::uint8_t>> kept;
  bool works = true;
};

}  // namespace firmware
