#pragma once

#include <stdint.h>

#define BLE_HS_CONN_HANDLE_NONE 0xffff
#define BLE_HS_FOREVER INT32_MAX
#define BLE_UUID_TYPE_128 128
#define BLE_GATT_SVC_TYPE_PRIMARY 1
#define BLE_GATT_CHR_F_READ 0x0002
#define BLE_GATT_CHR_F_WRITE_NO_RSP 0x0004
#define BLE_GATT_CHR_F_WRITE 0x0008
#define BLE_GATT_CHR_F_NOTIFY 0x0010
#define BLE_GATT_ACCESS_OP_READ_CHR 0
#define BLE_ATT_ERR_INVALID_ATTR_VALUE_LEN 0x0d
#define BLE_ATT_ERR_UNLIKELY 0x0e
#define BLE_ATT_ERR_INSUFFICIENT_RES 0x11
#define BLE_GAP_EVENT_CONNECT 0
#define BLE_GAP_EVENT_DISCONNECT 1
#define BLE_GAP_CONN_MODE_UND 2
#define BLE_GAP_DISC_MODE_GEN 2
#define BLE_HS_ADV_F_DISC_GEN 0x02
#define BLE_HS_ADV_F_BREDR_UNSUP 0x04

typedef struct {
  uint8_t type;
} ble_uuid_t;
typedef struct {
  ble_uuid_t u;
  uint8_t value[16];
} ble_uuid128_t;
struct os_mbuf;
struct ble_gatt_access_ctxt {
  uint8_t op;
  struct os_mbuf* om;
};
typedef int ble_gatt_access_fn(uint16_t connection, uint16_t attribute,
                               struct ble_gatt_access_ctxt* context, void* arg);
struct ble_gatt_chr_def {
  const ble_uuid_t* uuid;
  ble_gatt_access_fn* access_cb;
  void* arg;
  uint16_t flags;
  uint16_t* val_handle;
};
struct ble_gatt_svc_def {
  uint8_t type;
  const ble_uuid_t* uuid;
  const struct ble_gatt_chr_def* characteristics;
};
struct ble_gap_event {
  uint8_t type;
  struct {
    int status;
    uint16_t conn_handle;
  } connect;
};
typedef int ble_gap_event_fn(struct ble_gap_event* event, void* arg);
struct ble_gap_adv_params {
  uint8_t conn_mode, disc_mode;
};
struct ble_hs_adv_fields {
  uint8_t flags;
  const ble_uuid128_t* uuids128;
  uint8_t num_uuids128;
  unsigned uuids128_is_complete : 1;
  const uint8_t* svc_data_uuid16;
  uint8_t svc_data_uuid16_len;
};
typedef struct {
  uint8_t type;
  uint8_t val[6];
} ble_addr_t;
struct ble_hs_cfg {
  void (*sync_cb)(void);
};
extern struct ble_hs_cfg ble_hs_cfg;

int ble_hs_id_infer_auto(int privacy, uint8_t* address_type);
int ble_gatts_count_cfg(const struct ble_gatt_svc_def* services);
int ble_gatts_add_svcs(const struct ble_gatt_svc_def* services);
int ble_gatts_notify_custom(uint16_t connection, uint16_t attribute, struct os_mbuf* value);
int ble_gap_adv_stop(void);
int ble_gap_adv_set_fields(const struct ble_hs_adv_fields* fields);
int ble_gap_adv_start(uint8_t own, const ble_addr_t* direct, int32_t ms,
                      const struct ble_gap_adv_params* params, ble_gap_event_fn* callback,
                      void* arg);
struct os_mbuf* ble_hs_mbuf_from_flat(const void* bytes, uint16_t size);
int ble_hs_mbuf_to_flat(const struct os_mbuf* from, void* into, uint16_t max, uint16_t* size);
int os_mbuf_append(struct os_mbuf* into, const void* bytes, uint16_t size);
