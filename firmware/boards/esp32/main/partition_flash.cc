#include "partition_flash.h"

namespace firmware::esp32_board {

bool PartitionFlash::begin(const char* name) {
  partition_ = esp_partition_find_first(ESP_PARTITION_TYPE_DATA, ESP_PARTITION_SUBTYPE_ANY, name);
  return partition_ != nullptr;
}

bool PartitionFlash::read(std::size_t offset, std::span<std::uint8_t> bytes) {
  return esp_partition_read(partition_, offset, bytes.data(), bytes.size()) == ESP_OK;
}

bool PartitionFlash::program(std::size_t offset, std::span<const std::uint8_t> bytes) {
  return esp_partition_write(partition_, offset, bytes.data(), bytes.size()) == ESP_OK;
}

bool PartitionFlash::erase(std::size_t offset) {
  return esp_partition_erase_range(partition_, offset, sector) == ESP_OK;
}

}  // namespace firmware::esp32_board
