#include "nimble.h"

#include <esp_mac.h>
#include <nimble/nimble_port.h>
#include <nimble/nimble_port_freertos.h>
#include <services/gap/ble_svc_gap.h>
#include <services/gatt/ble_svc_gatt.h>

#include <algorithm>
#include <atomic>

#include "clock.h"

// Bonds in NVS; IDF has no header for it.
extern "C" void ble_store_config_init(void);

namespace firmware::esp32_board {
namespace {

Bluetooth* here = nullptr;
std::atomic<bool> is_running{false};  // The radio, from the stack's task.

constexpr std::uint16_t advert_interval = 160;  // 100 ms, of 0.625 ms each.

ble_uuid128_t uuid_of(const BleUuid& uuid) {
  ble_uuid128_t made{};
  made.u.type = BLE_UUID_TYPE_128;
  std::ranges::reverse_copy(uuid, made.value);  // The last digit first.
  return made;
}

ble_gatt_chr_flags flags_of(const BleCharacteristic& row) {
  return static_cast<ble_gatt_chr_flags>(
      (row.reads ? BLE_GATT_CHR_F_READ : 0) |
      (row.writes ? BLE_GATT_CHR_F_WRITE | BLE_GATT_CHR_F_WRITE_NO_RSP : 0) |
      (row.notifies ? BLE_GATT_CHR_F_NOTIFY : 0));
}

void on_sync() { is_running = true; }
void on_reset(int) { is_running = false; }

void run_host(void*) {
  nimble_port_run();
  nimble_port_freertos_deinit();
}

}  // namespace

EspAes::EspAes(const std::array<std::uint8_t, 16>& key) {
  esp_aes_init(&context_);
  esp_aes_setkey(&context_, key.data(), 128);
}

void EspAes::encrypt(std::span<std::uint8_t, 16> block) {
  std::array<std::uint8_t, 16> plain;
  std::ranges::copy(block, plain.begin());
  esp_aes_crypt_ecb(&context_, ESP_AES_ENCRYPT, plain.data(), block.data());
}

Bluetooth::Bluetooth(const Options& options, KeyValues& lasting, improv::Host& host)
    : counter_(lasting, "adverts"), meter_(options_of(options), *this, counter_, host) {
  here = this;
}

BleOptions Bluetooth::options_of(const Options& options) {
  if (options.bind_key) aes_.emplace(*options.bind_key);
  BleOptions made{.name = options.name,
                  .boot = options.boot,
                  .mains = options.mains,
                  .bind_key = aes_ ? &*aes_ : nullptr,
                  .provisioned = options.provisioned};
  esp_read_mac(made.address.data(), ESP_MAC_BT);
  return made;
}

void Bluetooth::define_services() {
  auto* next = characteristics_.data();
  for (std::size_t s = 0; s < service_uuids_.size(); ++s) {
    const auto& service = s == 0 ? lenz_service : improv_service;
    service_uuids_[s] = uuid_of(service);
    services_[s].type = BLE_GATT_SVC_TYPE_PRIMARY;
    services_[s].uuid = &service_uuids_[s].u;
    services_[s].characteristics = next;
    for (std::size_t i = 0; i < ble_characteristics.size(); ++i) {
      const auto& row = ble_characteristics[i];
      if (row.service != service) continue;
      uuids_[i] = uuid_of(row.uuid);
      next->uuid = &uuids_[i].u;
      next->access_cb = on_access;
      next->arg = const_cast<BleCharacteristic*>(&row);
      next->flags = flags_of(row);
      next->val_handle = &handles_[i];
      ++next;
    }
    ++next;
  }
}

bool Bluetooth::begin() {
  calls_ = xQueueCreate(1, sizeof(Call*));
  done_ = xSemaphoreCreateBinaryStatic(&done_memory_);
  if (calls_ == nullptr || nimble_port_init() != ESP_OK) return false;
  ble_hs_cfg.sync_cb = on_sync;
  ble_hs_cfg.reset_cb = on_reset;
  ble_hs_cfg.store_status_cb = ble_store_util_status_rr;  // The oldest bond makes room.
  ble_hs_cfg.sm_io_cap = BLE_SM_IO_CAP_NO_IO;
  ble_hs_cfg.sm_sc = 1;
  ble_hs_cfg.sm_mitm = 0;
  ble_hs_cfg.sm_our_key_dist = BLE_SM_PAIR_KEY_DIST_ENC | BLE_SM_PAIR_KEY_DIST_ID;
  ble_hs_cfg.sm_their_key_dist = BLE_SM_PAIR_KEY_DIST_ENC | BLE_SM_PAIR_KEY_DIST_ID;
  define_services();
  ble_svc_gap_init();
  ble_svc_gatt_init();
  ble_svc_gap_device_name_set("Lenz meter");
  if (ble_gatts_count_cfg(services_.data()) != 0 || ble_gatts_add_svcs(services_.data()) != 0) {
    return false;
  }
  ble_store_config_init();
  nimble_port_freertos_init(run_host);
  return true;
}

void Bluetooth::step(measurement::Uptime now) {
  const Call* call = nullptr;
  while (xQueueReceive(calls_, &call, 0) == pdTRUE) {
    call->run(call->what);
    xSemaphoreGive(done_);
  }
  meter_.step(now);
}

// ---- What the meter asks of the stack ----------------------------------------------------------

// While a central is there the advert asks for no other one.
bool Bluetooth::advertise(std::span<const std::uint8_t> advert,
                          std::span<const std::uint8_t> scan_response) {
  if (!is_running) return false;
  const std::uint8_t mode = has_link_ ? BLE_GAP_CONN_MODE_NON : BLE_GAP_CONN_MODE_UND;
  const auto set = [&] {
    return ble_gap_adv_set_data(advert.data(), static_cast<int>(advert.size())) == 0 &&
           ble_gap_adv_rsp_set_data(scan_response.data(), static_cast<int>(scan_response.size())) ==
               0;
  };
  if (ble_gap_adv_active() != 0 && mode == advertised_mode_ && set()) return true;
  ble_gap_adv_stop();
  if (!set()) return false;
  ble_gap_adv_params params{};
  params.conn_mode = mode;
  params.disc_mode = BLE_GAP_DISC_MODE_GEN;
  params.itvl_min = advert_interval;
  params.itvl_max = advert_interval + advert_interval / 2;
  advertised_mode_ = mode;
  return ble_gap_adv_start(BLE_OWN_ADDR_PUBLIC, nullptr, BLE_HS_FOREVER, &params, on_event, this) ==
         0;
}

// Without a bond a central that pairs is encrypted and no more: the meter tells it nothing.
void Bluetooth::let_pair(bool may) {
  may_pair_ = may;
  ble_hs_cfg.sm_bonding = may ? 1 : 0;
}

bool Bluetooth::notify(BleLink link, BleValue value, std::span<const std::uint8_t> bytes) {
  auto* packet = ble_hs_mbuf_from_flat(bytes.data(), static_cast<std::uint16_t>(bytes.size()));
  return packet != nullptr &&
         ble_gatts_notify_custom(link, handles_[static_cast<std::size_t>(value)], packet) == 0;
}

void Bluetooth::hang_up(BleLink link) { ble_gap_terminate(link, BLE_ERR_REM_USER_CONN_TERM); }

// ---- From the stack's task ---------------------------------------------------------------------

template <class What>
void Bluetooth::in_meters_task(What what) {
  Call call{[](void* it) { (*static_cast<What*>(it))(); }, &what};
  const Call* waiting = &call;
  xQueueSend(calls_, &waiting, portMAX_DELAY);
  xSemaphoreTake(done_, portMAX_DELAY);
}

int Bluetooth::on_event(ble_gap_event* event, void* self) {
  auto& bluetooth = *static_cast<Bluetooth*>(self);
  int result = 0;
  switch (event->type) {
    case BLE_GAP_EVENT_CONNECT:
    case BLE_GAP_EVENT_DISCONNECT:
    case BLE_GAP_EVENT_ENC_CHANGE:
    case BLE_GAP_EVENT_SUBSCRIBE:
    case BLE_GAP_EVENT_MTU:
    case BLE_GAP_EVENT_REPEAT_PAIRING:
      bluetooth.in_meters_task([&] { result = bluetooth.hear(*event); });
      break;
    default:  // Some of them come from notify(), by the meter's task: it would wait for itself.
      break;
  }
  return result;
}

int Bluetooth::on_access(std::uint16_t link, std::uint16_t, ble_gatt_access_ctxt* context,
                         void* row) {
  const auto value = static_cast<const BleCharacteristic*>(row)->value;
  int result = 0;
  here->in_meters_task([&] { result = here->access(link, value, *context); });
  return result;
}

// ---- And what it hears, by the meter's ---------------------------------------------------------

int Bluetooth::hear(const ble_gap_event& event) {
  ble_gap_conn_desc link{};
  switch (event.type) {
    case BLE_GAP_EVENT_CONNECT:
      if (event.connect.status != 0) break;
      has_link_ = true;
      meter_.connected(event.connect.conn_handle, uptime());
      break;
    case BLE_GAP_EVENT_DISCONNECT:
      has_link_ = false;
      meter_.disconnected(event.disconnect.conn.conn_handle);
      break;
    case BLE_GAP_EVENT_MTU:
      meter_.agreed_on(event.mtu.conn_handle, event.mtu.value);
      break;
    case BLE_GAP_EVENT_ENC_CHANGE:
      if (event.enc_change.status == 0 &&
          ble_gap_conn_find(event.enc_change.conn_handle, &link) == 0 && link.sec_state.bonded) {
        meter_.bonded(event.enc_change.conn_handle);
      }
      break;
    case BLE_GAP_EVENT_SUBSCRIBE: {
      const auto found = std::ranges::find(handles_, event.subscribe.attr_handle);
      if (found == handles_.end()) break;
      meter_.subscribed(event.subscribe.conn_handle,
                        static_cast<BleValue>(found - handles_.begin()),
                        event.subscribe.cur_notify);
      break;
    }
    case BLE_GAP_EVENT_REPEAT_PAIRING:  // A central that has lost its bond.
      return may_pair_ && ble_gap_conn_find(event.repeat_pairing.conn_handle, &link) == 0 &&
                     ble_store_util_delete_peer(&link.peer_id_addr) == 0
                 ? BLE_GAP_REPEAT_PAIRING_RETRY
                 : BLE_GAP_REPEAT_PAIRING_IGNORE;
    default:
      break;
  }
  return 0;
}

// Of a long value the stack itself takes the part that was asked for.
int Bluetooth::access(std::uint16_t link, BleValue value, ble_gatt_access_ctxt& context) {
  std::array<std::uint8_t, max_att_value> bytes;
  if (context.op == BLE_GATT_ACCESS_OP_READ_CHR) {
    const auto size = meter_.read(link, value, 0, bytes, uptime());
    if (!size) return static_cast<int>(size.error());
    const int result = os_mbuf_append(context.om, bytes.data(), static_cast<std::uint16_t>(*size));
    return result == 0 ? 0 : BLE_ATT_ERR_INSUFFICIENT_RES;
  }
  std::uint16_t size = 0;
  if (ble_hs_mbuf_to_flat(context.om, bytes.data(), static_cast<std::uint16_t>(bytes.size()),
                          &size) != 0) {
    return BLE_ATT_ERR_INVALID_ATTR_VALUE_LEN;
  }
  const auto written = meter_.write(link, value, std::span(bytes).first(size), uptime());
  return written ? 0 : static_cast<int>(written.error());
}

}  // namespace firmware::esp32_board
