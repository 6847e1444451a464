#pragma once

#include "esp_err.h"
#include "esp_event.h"

typedef struct {
  int magic;
} wifi_init_config_t;
typedef enum { WIFI_MODE_STA = 1 } wifi_mode_t;
typedef enum { WIFI_IF_STA } wifi_interface_t;
typedef enum { WIFI_STORAGE_RAM = 1 } wifi_storage_t;
typedef enum { WIFI_AUTH_OPEN, WIFI_AUTH_WPA2_PSK = 3 } wifi_auth_mode_t;
typedef enum { WIFI_EVENT_STA_DISCONNECTED = 5 } wifi_event_t;
typedef struct {
  uint8_t ssid[32];
  uint8_t password[64];
  struct {
    wifi_auth_mode_t authmode;
  } threshold;
  struct {
    bool capable, required;
  } pmf_cfg;
} wifi_sta_config_t;
typedef union {
  wifi_sta_config_t sta;
} wifi_config_t;
typedef struct {
  uint8_t ssid[33];
  int8_t rssi;
  wifi_auth_mode_t authmode;
} wifi_ap_record_t;
typedef struct wifi_scan_config_t wifi_scan_config_t;

extern "C" esp_event_base_t const WIFI_EVENT;

#define WIFI_INIT_CONFIG_DEFAULT() \
  { .magic = 0x1F2F3F4F }

esp_err_t esp_wifi_init(const wifi_init_config_t* config);
esp_err_t esp_wifi_set_storage(wifi_storage_t storage);
esp_err_t esp_wifi_set_mode(wifi_mode_t mode);
esp_err_t esp_wifi_start(void);
esp_err_t esp_wifi_connect(void);
esp_err_t esp_wifi_disconnect(void);
esp_err_t esp_wifi_set_config(wifi_interface_t interface, wifi_config_t* config);
esp_err_t esp_wifi_scan_start(const wifi_scan_config_t* config, bool block);
esp_err_t esp_wifi_scan_get_ap_records(uint16_t* number, wifi_ap_record_t* records);
esp_err_t esp_wifi_sta_get_ap_info(wifi_ap_record_t* info);
