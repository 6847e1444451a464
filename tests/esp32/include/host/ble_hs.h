#pragma once

#include <stdint.h>

#define BLE_HS_CONN_HANDLE_NONE 0xffff
#define BLE_HS_FOREVER INT32_MAX
#define BLE_OWN_ADDR_PUBLIC 0x00
#define BLE_ERR_REM_USER_CONN_TERM 0x13
#define BLE_SM_IO_CAP_NO_IO 0x03
#define BLE_SM_PAIR_KEY_DIST_ENC 0x01
#define BLE_SM_PAIR_KEY_DIST_ID 0x02
#define BLE_UUID_TYPE_128 128
#define BLE_GATT_SVC_TYPE_PRIMARY 1
#define BLE_GATT_CHR_F_READ 0x0002
#define BLE_GATT_CHR_F_WRITE_NO_RSP 0x0004
#define BLE_GATT_CHR_F_WRITE 0x0008
#define BLE_GATT_CHR_F_NOTIFY 0x0010
#define BLE_GATT_ACCESS_OP_READ_CHR 0
#define BLE_ATT_ERR_INVALID_ATTR_VALUE_LEN 0x0d
#define BLE_ATT_ERR_INSUFFICIENT_RES 0x11
#define BLE_GAP_EVENT_CONNECT 0
#define BLE_GAP_EVENT_DISCONNECT 1
#define BLE_GAP_EVENT_ENC_CHANGE 10
#define BLE_GAP_EVENT_SUBSCRIBE 14
#define BLE_GAP_EVENT_MTU 15
#define BLE_GAP_EVENT_REPEAT_PAIRING 17
#define BLE_GAP_REPEAT_PAIRING_RETRY 1
#define BLE_GAP_REPEAT_PAIRING_IGNORE 2
#define BLE_GAP_CONN_MODE_NON 0
#define BLE_GAP_CONN_MODE_UND 2
#define BLE_GAP_DISC_MODE_GEN 2

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
typedef uint16_t ble_gatt_chr_flags;
struct ble_gatt_chr_def {
  const ble_uuid_t* uuid;
  ble_gatt_access_fn* access_cb;
  void* arg;
  ble_gatt_chr_flags flags;
  uint16_t* val_handle;
};
struct ble_gatt_svc_def {
  uint8_t type;
  const ble_uuid_t* uuid;
  const struct ble_gatt_chr_def* characteristics;
};
typedef struct {
  uint8_t type;
  uint8_t val[6];
} ble_addr_t;
struct ble_gap_sec_state {
  unsigned encrypted : 1;
  unsigned authenticated : 1;
  unsigned bonded : 1;
};
struct ble_gap_conn_desc {
  struct ble_gap_sec_state sec_state;
  ble_addr_t peer_id_addr;
  uint16_t conn_handle;
};
struct ble_gap_event {
  uint8_t type;
  union {
    struct {
      int status;
      uint16_t conn_handle;
    } connect;
    struct {
      int reason;
      struct ble_gap_conn_desc conn;
    } disconnect;
    struct {
      int status;
      uint16_t conn_handle;
    } enc_change;
    struct {
      uint16_t conn_handle, attr_handle;
      uint8_t reason;
      uint8_t prev_notify : 1;
      uint8_t cur_notify : 1;
    } subscribe;
    struct {
      uint16_t conn_handle, channel_id, value;
    } mtu;
    struct {
      uint16_t conn_handle;
    } repeat_pairing;
  };
};
typedef int ble_gap_event_fn(struct ble_gap_event* event, void* arg);
struct ble_gap_adv_params {
  uint8_t conn_mode, disc_mode;
  uint16_t itvl_min, itvl_max;
};
struct ble_store_status_event;
struct ble_hs_cfg {
  uint8_t sm_io_cap;
  unsigned sm_bonding : 1;
  unsigned sm_mitm : 1;
  unsigned sm_sc : 1;
  uint8_t sm_our_key_dist, sm_their_key_dist;
  void (*reset_cb)(int reason);
  void (*sync_cb)(void);
  int (*store_status_cb)(struct ble_store_status_event* event, void* arg);
};
extern struct ble_hs_cfg ble_hs_cfg;

int ble_gatts_count_cfg(const struct ble_gatt_svc_def* services);
int ble_gatts_add_svcs(const struct ble_gatt_svc_def* services);
int ble_gatts_notify_custom(uint16_t connection, uint16_t attribute, struct os_mbuf* value);
int ble_gap_adv_stop(void);
int ble_gap_adv_active(void);
int ble_gap_adv_set_data(const uint8_t* data, int data_len);
int ble_gap_adv_rsp_set_data(const uint8_t* data, int data_len);
int ble_gap_adv_start(uint8_t own, const ble_addr_t* direct, int32_t ms,
                      const struct ble_gap_adv_params* params, ble_gap_event_fn* callback,
                      void* arg);
int ble_gap_conn_find(uint16_t connection, struct ble_gap_conn_desc* desc);
int ble_gap_terminate(uint16_t connection, uint8_t hci_reason);
int ble_store_util_delete_peer(const ble_addr_t* peer);
int ble_store_util_status_rr(struct ble_store_status_event* event, void* arg);
struct os_mbuf* ble_hs_mbuf_from_flat(const void* bytes, uint16_t size);
int ble_hs_mbuf_to_flat(const struct os_mbuf* from, void* into, uint16_t max, uint16_t* size);
int os_mbuf_append(struct os_mbuf* into, const void* bytes, uint16_t size);
