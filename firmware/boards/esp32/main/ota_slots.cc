#include "ota_slots.h"

#include <esp_http_client.h>
#include <mbedtls/pk.h>

#include <algorithm>

#include "firmware/settings.h"

extern const unsigned char update_key_begin[] asm("_binary_update_key_pem_start");
extern const unsigned char update_key_end[] asm("_binary_update_key_pem_end");

namespace firmware::esp32_board {
namespace {

constexpr std::size_t at_once = 16 * 4096;  // Of 50 ms a sector.

}  // namespace

bool OtaSlots::begin(void (*meanwhile)()) {
  meanwhile_ = meanwhile;
  other_ = esp_ota_get_next_update_partition(nullptr);
  return other_ != nullptr;
}

bool OtaSlots::erase(std::size_t size) {
  for (std::size_t offset = 0; offset < size; offset += at_once) {
    const auto piece = std::min<std::size_t>(at_once, other_->size - offset);
    if (esp_partition_erase_range(other_, offset, piece) != ESP_OK) return false;
    meanwhile_();
  }
  return true;
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

std::expected<void, UpdateError> fetch(Update& update, std::string_view url,
                                       const char* certificate, void (*meanwhile)()) {
  Word<max_manifest> address;
  address.set(url);
  esp_http_client_config_t config{};
  config.url = address.c_str();
  config.cert_pem = certificate;
  config.timeout_ms = 10'000;
  auto* client = esp_http_client_init(&config);
  std::expected<void, UpdateError> result = std::unexpected(UpdateError::cut_short);
  if (client != nullptr && esp_http_client_open(client, 0) == ESP_OK &&
      esp_http_client_fetch_headers(client) >= 0 &&
      esp_http_client_get_status_code(client) == 200) {
    static std::array<char, 1024> part;
    result = {};
    while (result) {
      const int size = esp_http_client_read(client, part.data(), part.size());
      if (size <= 0) break;
      result = update.write(
          {reinterpret_cast<const std::uint8_t*>(part.data()), static_cast<std::size_t>(size)});
      meanwhile();
    }
    if (result) result = update.finish();
  }
  update.abandon();
  esp_http_client_cleanup(client);
  return result;
}

}  // namespace firmware::esp32_board
