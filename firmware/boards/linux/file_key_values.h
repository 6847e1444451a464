// What a meter keeps over restarts, in a folder of the machine.

#pragma once

#include <string>

#include "firmware/settings.h"

namespace firmware::linux_board {

// A file for each key. Whoever owns the folder alone can read it.
class FileKeyValues final : public KeyValues {
 public:
  // Makes the folder, or keeps what is in it. Throws std::runtime_error, one sentence with the
  // folder and the remedy.
  explicit FileKeyValues(std::string folder);

  std::optional<std::size_t> get(const char* key, std::span<std::uint8_t> value) override;
  bool put(const char* key, std::span<const std::uint8_t> value) override;
  bool erase_all() override;

 private:
  std::string folder_;
};

}  // namespace firmware::linux_board
