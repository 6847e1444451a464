#include "ota_slots.h"

#include <mbedtls/pk.h>

extern const unsigned char update_key_begin[] asm("_binary_update_key_pem_start");
extern const unsigned char update_key_end[] asm("_binary_update_key_pem_end");

namespace firmware::esp32_board {

bool OtaSlots::begin() {
  other_ = esp_ota_get_next_update_partition(nullptr);
  return other_ != nullptr;
}

bool OtaSlots::erase(std::size_t offset) {
  return esp_partition_erase_range(other_, offset, sector) == ESP_OK;
}

bool OtaSlots::write(std::size_t offset, std::span<const std::uint8_t> bytes) {
  return esp_partition_write(other_, offset, bytes.data(), bytes.size()) == ESP_OK;
}

bool OtaSlots::read(std::size_t offset, std::span<std::uint8_t> bytes) {
  return esp_partition_read(other_, offset, bytes.data(), bytes.size()) == ESP_OK;
}

// This looks at the image once more, and at its own signature where one is demanded.
bool OtaSlots::choose() { return esp_ota_set_boot_partition(other_) == ESP_OK; }

bool OtaSlots::is_on_trial() const {
  esp_ota_img_states_t state{};
  return esp_ota_get_state_partition(esp_ota_get_running_partition(), &state) == ESP_OK &&
         state == ESP_OTA_IMG_PENDING_VERIFY;
}

bool OtaSlots::keep() { return esp_ota_mark_app_valid_cancel_rollback() == ESP_OK; }

void OtaSlots::fall_back() { esp_ota_mark_app_invalid_rollback_and_reboot(); }

bool BuiltInKey::is_genuine(std::span<const std::uint8_t> text,
                            std::span<const std::uint8_t> signature) {
  Sha256 sum;
  sum.add(text);
  const auto digest = sum.digest();
  mbedtls_pk_context key;
  mbedtls_pk_init(&key);
  const auto size = static_cast<std::size_t>(update_key_end - update_key_begin);
  const bool genuine = mbedtls_pk_parse_public_key(&key, update_key_begin, size) == 0 &&
                       mbedtls_pk_verify(&key, MBEDTLS_MD_SHA256, digest.data(), digest.size(),
                                         signature.data(), signature.size()) == 0;
  mbedtls_pk_free(&key);
  return genuine;
}

}  // namespace firmware::esp32_board
