// Settings and calibrations in NVS.

#pragma once

#include <nvs.h>

#include "firmware/settings.h"

namespace firmware::esp32_board {

// One partition, one namespace.
class NvsValues final : public KeyValues {
 public:
  explicit NvsValues(const char* partition) : partition_(partition) {}

  // What is damaged or of a later version is emptied where it `may_be_emptied`, else left alone.
  // False: it cannot be used.
  bool begin(bool may_be_emptied);

  std::optional<std::size_t> get(const char* key, std::span<std::uint8_t> value) override;
  bool put(const char* key, std::span<const std::uint8_t> value) override;
  // With what IDF keeps beside it, bonds of Bluetooth among that. Nothing is kept until the next
  // start.
  bool erase_all() override;

 private:
  const char* partition_;
  nvs_handle_t handle_ = 0;
};

}  // namespace firmware::esp32_board
