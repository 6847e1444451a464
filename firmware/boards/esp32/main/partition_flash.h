// A partition of the controller's flash.

#pragma once

#include <esp_partition.h>

#include "firmware/flash.h"

namespace firmware::esp32_board {

class PartitionFlash final : public Flash {
 public:
  // False: the partition table has no data partition of that name.
  bool begin(const char* name);

  std::size_t size() const override { return partition_ ? partition_->size : 0; }
  bool read(std::size_t offset, std::span<std::uint8_t> bytes) override;
  bool program(std::size_t offset, std::span<const std::uint8_t> bytes) override;
  bool erase(std::size_t offset) override;

 private:
  const esp_partition_t* partition_ = nullptr;
};

}  // namespace firmware::esp32_board
