#pragma once

#include "esp_err.h"
#include "esp_event.h"

typedef struct esp_netif_obj esp_netif_t;
typedef struct {
  const void* base;
} esp_netif_config_t;
typedef struct {
  uint32_t addr;
} esp_ip4_addr_t;
typedef struct {
  esp_ip4_addr_t ip, netmask, gw;
} esp_netif_ip_info_t;
typedef struct {
  esp_netif_t* esp_netif;
  esp_netif_ip_info_t ip_info;
  bool ip_changed;
} ip_event_got_ip_t;
typedef enum {
  IP_EVENT_STA_GOT_IP,
  IP_EVENT_ETH_GOT_IP = 5,
  IP_EVENT_PPP_GOT_IP,
  IP_EVENT_PPP_LOST_IP
} ip_event_t;

extern "C" esp_event_base_t const IP_EVENT;

#define IPSTR "%d.%d.%d.%d"
#define IP2STR(ip)                                                               \
  static_cast<int>((ip)->addr & 0xff), static_cast<int>((ip)->addr >> 8 & 0xff), \
      static_cast<int>((ip)->addr >> 16 & 0xff), static_cast<int>((ip)->addr >> 24 & 0xff)
#define ESP_NETIF_DEFAULT_ETH() \
  {}
#define ESP_NETIF_DEFAULT_PPP() \
  {}

esp_err_t esp_netif_init(void);
esp_netif_t* esp_netif_new(const esp_netif_config_t* config);
esp_err_t esp_netif_attach(esp_netif_t* netif, void* driver);
esp_err_t esp_netif_set_hostname(esp_netif_t* netif, const char* hostname);
esp_netif_t* esp_netif_create_default_wifi_sta(void);
