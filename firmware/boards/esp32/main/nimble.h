// The portable meter of Bluetooth on NimBLE.

#pragma once

#include <aes/esp_aes.h>
#include <freertos/FreeRTOS.h>
#include <freertos/queue.h>
#include <freertos/semphr.h>
#include <host/ble_hs.h>

#include <array>
#include <optional>

#include "firmware/ble_meter.h"
#include "firmware/key_values.h"

namespace firmware::esp32_board {

class EspAes final : public measurement::AesBlock {
 public:
  explicit EspAes(const std::array<std::uint8_t, 16>& key);
  void encrypt(std::span<std::uint8_t, 16> block) override;

 private:
  esp_aes_context context_{};
};

// The stack has a task of its own; what it hears is done in step(), by the meter's task, and waited
// for. There is one Bluetooth, since the stack calls without an object. All that is given to it
// outlives it.
class Bluetooth final : private BleStack {
 public:
  struct Options {
    std::string_view name;
    std::uint64_t boot = 0;
    std::uint64_t mains = 0;  // 0: only Improv is advertised.
    std::optional<std::array<std::uint8_t, 16>> bind_key{};
    bool provisioned = false;
  };
  // Counters of adverts are in `lasting`, which nobody empties while a key is in use.
  Bluetooth(const Options&, KeyValues& lasting, improv::Host&);

  // False: the radio cannot be used.
  bool begin();

  // To be called often: the stack waits for it.
  void step(measurement::Uptime now);

  BleMeter& meter() { return meter_; }

 private:
  // Of the stack's task.
  struct Call {
    void (*run)(void* what);
    void* what;
  };

  bool advertise(std::span<const std::uint8_t> advert,
                 std::span<const std::uint8_t> scan_response) override;
  void let_pair(bool may) override;
  bool notify(BleLink, BleValue, std::span<const std::uint8_t>) override;
  void hang_up(BleLink) override;

  void define_services();
  BleOptions options_of(const Options&);
  template <class What>
  void in_meters_task(What);
  int hear(const ble_gap_event&);
  int access(std::uint16_t link, BleValue, ble_gatt_access_ctxt&);
  static int on_event(ble_gap_event*, void* self);
  static int on_access(std::uint16_t link, std::uint16_t, ble_gatt_access_ctxt*, void* row);

  QueueHandle_t calls_ = nullptr;
  StaticSemaphore_t done_memory_{};
  SemaphoreHandle_t done_ = nullptr;
  std::optional<EspAes> aes_;
  KeyedStorage<RisingCounter::storage_bytes> counter_;
  BleMeter meter_;
  bool may_pair_ = false;
  bool has_link_ = false;
  std::uint8_t advertised_mode_ = 0;

  // The services as the stack wants them; a last one of each is empty.
  std::array<ble_uuid128_t, ble_characteristics.size()> uuids_{};
  std::array<ble_uuid128_t, 2> service_uuids_{};
  std::array<std::uint16_t, ble_characteristics.size()> handles_{};
  std::array<ble_gatt_chr_def, ble_characteristics.size() + 2> characteristics_{};
  std::array<ble_gatt_svc_def, 3> services_{};
};

}  // namespace firmware::esp32_board
