// IDF's two slots for images, and its bootloader's choice between them.

#pragma once

#include <esp_ota_ops.h>

#include "firmware/update.h"

namespace firmware::esp32_board {

class OtaSlots final : public Slots {
 public:
  // False: the partition table has no second slot.
  bool begin();

  std::size_t size() const override { return other_->size; }
  bool erase(std::size_t offset) override;
  bool write(std::size_t offset, std::span<const std::uint8_t>) override;
  bool read(std::size_t offset, std::span<std::uint8_t>) override;
  bool choose() override;
  bool is_on_trial() const override;
  bool keep() override;
  void fall_back() override;

 private:
  const esp_partition_t* other_ = nullptr;
};

// The key that updates are signed with, in the image as update_key.pem.
class BuiltInKey final : public SignatureCheck {
 public:
  bool is_genuine(std::span<const std::uint8_t> text,
                  std::span<const std::uint8_t> signature) override;
};

}  // namespace firmware::esp32_board
