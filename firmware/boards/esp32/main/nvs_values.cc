#include "nvs_values.h"

#include <nvs_flash.h>

namespace firmware::esp32_board {

bool NvsValues::begin(bool may_be_emptied) {
  auto result = nvs_flash_init_partition(partition_);
  const bool is_unusable =
      result == ESP_ERR_NVS_NO_FREE_PAGES || result == ESP_ERR_NVS_NEW_VERSION_FOUND;
  if (is_unusable && may_be_emptied) {
    nvs_flash_erase_partition(partition_);
    result = nvs_flash_init_partition(partition_);
  }
  return result == ESP_OK &&
         nvs_open_from_partition(partition_, "lenz", NVS_READWRITE, &handle_) == ESP_OK;
}

std::optional<std::size_t> NvsValues::get(const char* key, std::span<std::uint8_t> value) {
  auto size = value.size();
  if (nvs_get_blob(handle_, key, value.data(), &size) != ESP_OK) return std::nullopt;
  return size;
}

bool NvsValues::put(const char* key, std::span<const std::uint8_t> value) {
  return nvs_set_blob(handle_, key, value.data(), value.size()) == ESP_OK &&
         nvs_commit(handle_) == ESP_OK;
}

bool NvsValues::erase_all() { return nvs_flash_erase_partition(partition_) == ESP_OK; }

}  // namespace firmware::esp32_board
