// Improv's GATT service on NimBLE (improv-wifi.com/ble).

#include <host/ble_hs.h>
#include <nimble/nimble_port.h>
#include <nimble/nimble_port_freertos.h>
#include <services/gap/ble_svc_gap.h>
#include <services/gatt/ble_svc_gatt.h>

#include <algorithm>

#include "provisioning.h"

namespace firmware::esp32_board {

// The stack calls without an object: this board has one service.
struct ImprovGatt {
  enum Place : std::uint8_t { state, error, command, result, capabilities, places };

  static constexpr std::uint16_t no_connection = BLE_HS_CONN_HANDLE_NONE;

  ImprovService* service = nullptr;
  std::uint8_t own_address_type = 0;
  std::uint16_t connection = no_connection;
  std::array<std::uint16_t, places> handles{};
  std::array<std::uint8_t, 258> result_bytes{};
  std::size_t result_size = 0;
  std::uint8_t state_byte = 0, error_byte = 0;

  void advertise();
  void notify(Place);
  std::span<const std::uint8_t> value(Place) const;
  static int on_access(std::uint16_t, std::uint16_t, ble_gatt_access_ctxt*, void* place);
  static int on_gap(ble_gap_event*, void*);
};

namespace {

ImprovGatt gatt;

// 00467768-6228-2272-4663-27747826800x, the last byte first.
constexpr ble_uuid128_t improv_uuid(std::uint8_t last) {
  return {{BLE_UUID_TYPE_128},
          {last, 0x80, 0x26, 0x78, 0x74, 0x27, 0x63, 0x46, 0x72, 0x22, 0x28, 0x62, 0x68, 0x77, 0x46,
           0x00}};
}

constexpr ble_uuid128_t service_uuid = improv_uuid(0);
constexpr std::array<ble_uuid128_t, ImprovGatt::places> uuids = {
    improv_uuid(1), improv_uuid(2), improv_uuid(3), improv_uuid(4), improv_uuid(5)};
constexpr std::array<std::uint16_t, ImprovGatt::places> flags = {
    BLE_GATT_CHR_F_READ | BLE_GATT_CHR_F_NOTIFY, BLE_GATT_CHR_F_READ | BLE_GATT_CHR_F_NOTIFY,
    BLE_GATT_CHR_F_WRITE | BLE_GATT_CHR_F_WRITE_NO_RSP, BLE_GATT_CHR_F_READ | BLE_GATT_CHR_F_NOTIFY,
    BLE_GATT_CHR_F_READ};
constexpr std::array<std::uint8_t, ImprovGatt::places> place_numbers = {0, 1, 2, 3, 4};
constexpr std::uint8_t capabilities_byte = improv::Bluetooth::capabilities;

std::array<ble_gatt_chr_def, ImprovGatt::places + 1> characteristics{};
std::array<ble_gatt_svc_def, 2> services{};

void on_sync() {
  ble_hs_id_infer_auto(0, &gatt.own_address_type);
  gatt.advertise();
}

void run_host(void*) {
  nimble_port_run();
  nimble_port_freertos_deinit();
}

}  // namespace

bool ImprovService::begin(improv::State state) {
  queue_ = xQueueCreate(4, sizeof(Written));
  gatt.service = this;
  gatt.state_byte = static_cast<std::uint8_t>(state);
  if (queue_ == nullptr || nimble_port_init() != ESP_OK) return false;
  for (std::size_t i = 0; i < uuids.size(); ++i) {
    characteristics[i].uuid = &uuids[i].u;
    characteristics[i].access_cb = ImprovGatt::on_access;
    characteristics[i].arg = const_cast<std::uint8_t*>(&place_numbers[i]);
    characteristics[i].flags = flags[i];
    characteristics[i].val_handle = &gatt.handles[i];
  }
  services[0].type = BLE_GATT_SVC_TYPE_PRIMARY;
  services[0].uuid = &service_uuid.u;
  services[0].characteristics = characteristics.data();
  ble_svc_gap_init();
  ble_svc_gatt_init();
  ble_svc_gap_device_name_set("Lenz meter");
  if (ble_gatts_count_cfg(services.data()) != 0 || ble_gatts_add_svcs(services.data()) != 0) {
    return false;
  }
  ble_hs_cfg.sync_cb = on_sync;
  nimble_port_freertos_init(run_host);
  return true;
}

void ImprovService::show(improv::State state) {
  gatt.state_byte = static_cast<std::uint8_t>(state);
  gatt.notify(ImprovGatt::state);
  gatt.advertise();  // The state is in the adverts too.
}

void ImprovService::show(improv::Error error) {
  gatt.error_byte = static_cast<std::uint8_t>(error);
  gatt.notify(ImprovGatt::error);
}

void ImprovService::show_result(std::span<const std::uint8_t> bytes) {
  gatt.result_size = std::min(bytes.size(), gatt.result_bytes.size());
  std::copy_n(bytes.begin(), gatt.result_size, gatt.result_bytes.begin());
  gatt.notify(ImprovGatt::result);
}

void ImprovService::deliver(improv::Bluetooth& bluetooth, measurement::Uptime now) {
  static Written written;
  while (queue_ != nullptr && xQueueReceive(queue_, &written, 0) == pdTRUE) {
    if (written.size == 0) {
      bluetooth.forget();
    } else {
      bluetooth.write(std::span(written.bytes).first(written.size), now);
    }
  }
}

// The service's identity and, under 0x4677, state and capabilities, in one advert.
void ImprovGatt::advertise() {
  if (connection != no_connection) return;
  ble_gap_adv_stop();
  const std::array<std::uint8_t, 8> data = {0x77, 0x46, state_byte, capabilities_byte, 0, 0, 0, 0};
  ble_hs_adv_fields fields{};
  fields.flags = BLE_HS_ADV_F_DISC_GEN | BLE_HS_ADV_F_BREDR_UNSUP;
  fields.uuids128 = &service_uuid;
  fields.num_uuids128 = 1;
  fields.uuids128_is_complete = 1;
  fields.svc_data_uuid16 = data.data();
  fields.svc_data_uuid16_len = static_cast<std::uint8_t>(data.size());
  if (ble_gap_adv_set_fields(&fields) != 0) return;
  ble_gap_adv_params params{};
  params.conn_mode = BLE_GAP_CONN_MODE_UND;
  params.disc_mode = BLE_GAP_DISC_MODE_GEN;
  ble_gap_adv_start(own_address_type, nullptr, BLE_HS_FOREVER, &params, on_gap, nullptr);
}

std::span<const std::uint8_t> ImprovGatt::value(Place place) const {
  switch (place) {
    case state:
      return {&state_byte, 1};
    case error:
      return {&error_byte, 1};
    case result:
      return std::span(result_bytes).first(result_size);
    case capabilities:
      return {&capabilities_byte, 1};
    default:
      return {};
  }
}

void ImprovGatt::notify(Place place) {
  if (connection == no_connection) return;
  const auto bytes = value(place);
  auto* packet = ble_hs_mbuf_from_flat(bytes.data(), static_cast<std::uint16_t>(bytes.size()));
  if (packet != nullptr) ble_gatts_notify_custom(connection, handles[place], packet);
}

int ImprovGatt::on_access(std::uint16_t, std::uint16_t, ble_gatt_access_ctxt* access, void* place) {
  const auto which = static_cast<Place>(*static_cast<const std::uint8_t*>(place));
  if (access->op == BLE_GATT_ACCESS_OP_READ_CHR) {
    const auto bytes = gatt.value(which);
    const int result =
        os_mbuf_append(access->om, bytes.data(), static_cast<std::uint16_t>(bytes.size()));
    return result == 0 ? 0 : BLE_ATT_ERR_INSUFFICIENT_RES;
  }
  if (which != command) return BLE_ATT_ERR_UNLIKELY;
  ImprovService::Written written{};
  if (ble_hs_mbuf_to_flat(access->om, written.bytes.data(),
                          static_cast<std::uint16_t>(written.bytes.size()), &written.size) != 0) {
    return BLE_ATT_ERR_INVALID_ATTR_VALUE_LEN;
  }
  if (written.size == 0) return 0;
  return xQueueSend(gatt.service->queue_, &written, 0) == pdTRUE ? 0 : BLE_ATT_ERR_INSUFFICIENT_RES;
}

int ImprovGatt::on_gap(ble_gap_event* event, void*) {
  if (event->type == BLE_GAP_EVENT_CONNECT && event->connect.status == 0) {
    gatt.connection = event->connect.conn_handle;
  } else if (event->type == BLE_GAP_EVENT_DISCONNECT || event->type == BLE_GAP_EVENT_CONNECT) {
    gatt.connection = no_connection;
    const ImprovService::Written gone{};
    xQueueSend(gatt.service->queue_, &gone, 0);
    gatt.advertise();
  }
  return 0;
}

}  // namespace firmware::esp32_board
