// IDF's two slots for images, and its bootloader's choice between them.

#pragma once

#include <esp_ota_ops.h>

#include "firmware/update.h"

namespace firmware::esp32_board {

class OtaSlots final : public Slots {
 public:
  // False: the partition table has no second slot. Erasing it takes some 20 s: `meanwhile` is
  // called each second of that.
  bool begin(void (*meanwhile)());

  std::size_t size() const override { return other_->size; }
  bool erase(std::size_t size) override;
  bool write(std::size_t offset, std::span<const std::uint8_t>) override;
  bool read(std::size_t offset, std::span<std::uint8_t>) override;
  bool choose() override;
  bool is_on_trial() const override;
  bool keep() override;
  void fall_back() override;

 private:
  const esp_partition_t* other_ = nullptr;
  void (*meanwhile_)() = nullptr;
};

// The key that updates are signed with, in the image as update_key.pem.
class BuiltInKey final : public SignatureCheck {
 public:
  bool is_genuine(std::span<const std::uint8_t> text,
                  std::span<const std::uint8_t> signature) override;
};

// Fetches what the manifest names into `update`, whose begin() has taken it, and finishes it. The
// server's certificate must be signed with `certificate`. Takes as long as the network does, and
// calls `meanwhile` at least every 4 KiB.
std::expected<void, UpdateError> fetch(Update& update, std::string_view url,
                                       const char* certificate, void (*meanwhile)());

}  // namespace firmware::esp32_board
