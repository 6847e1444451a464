// Small values in memory, as flash keeps them; what flash would not take is refused.

#pragma once

#include <algorithm>
#include <map>
#include <string>
#include <vector>

#include "firmware/key_values.h"

namespace simulator {

class KeyValues final : public firmware::KeyValues {
 public:
  std::optional<std::size_t> get(const char* key, std::span<std::uint8_t> value) override {
    const auto found = kept.find(key);
    if (found == kept.end() || found->second.size() > value.size()) return std::nullopt;
    std::ranges::copy(found->second, value.begin());
    return found->second.size();
  }
  bool put(const char* key, std::span<const std::uint8_t> value) override {
    const bool fits = std::string(key).size() <= firmware::KeyValues::longest_key &&
                      !value.empty() && value.size() <= firmware::KeyValues::longest_value;
    if (!works || !fits) return false;
    kept[key].assign(value.begin(), value.end());
    return true;
  }
  bool erase_all() override {
    kept.clear();
    return true;
  }

  std::map<std::string, std::vector<std::uint8_t>> kept;
  bool works = true;
};

}  // namespace simulator
