#pragma once

#include "driver/spi_master.h"
#include "esp_event.h"

typedef struct esp_eth_mac_t esp_eth_mac_t;
typedef struct esp_eth_phy_t esp_eth_phy_t;
typedef struct esp_eth_netif_glue_t* esp_eth_netif_glue_handle_t;
typedef void* esp_eth_handle_t;
typedef struct {
  uint32_t sw_reset_timeout_ms;
} eth_mac_config_t;
typedef struct {
  int reset_gpio_num;
} eth_phy_config_t;
typedef struct {
  esp_eth_mac_t* mac;
  esp_eth_phy_t* phy;
} esp_eth_config_t;
typedef struct {
  int int_gpio_num;
  uint32_t poll_period_ms;
  spi_host_device_t spi_host_id;
  spi_device_interface_config_t* spi_devcfg;
} eth_w5500_config_t;
typedef enum { ETH_CMD_S_MAC_ADDR = 1 } esp_eth_io_cmd_t;
typedef enum { ETHERNET_EVENT_DISCONNECTED = 3 } eth_event_t;

extern "C" esp_event_base_t const ETH_EVENT;

#define ETH_MAC_DEFAULT_CONFIG() \
  { .sw_reset_timeout_ms = 100 }
#define ETH_PHY_DEFAULT_CONFIG() \
  { .reset_gpio_num = 5 }
#define ETH_DEFAULT_CONFIG(emac, ephy) \
  { .mac = emac, .phy = ephy }
#define ETH_W5500_DEFAULT_CONFIG(host, devcfg) \
  { .int_gpio_num = 4, .poll_period_ms = 0, .spi_host_id = host, .spi_devcfg = devcfg }

esp_eth_mac_t* esp_eth_mac_new_w5500(const eth_w5500_config_t* w5500, const eth_mac_config_t* mac);
esp_eth_phy_t* esp_eth_phy_new_w5500(const eth_phy_config_t* config);
esp_err_t esp_eth_driver_install(const esp_eth_config_t* config, esp_eth_handle_t* handle);
esp_err_t esp_eth_ioctl(esp_eth_handle_t handle, esp_eth_io_cmd_t command, void* data);
esp_eth_netif_glue_handle_t esp_eth_new_netif_glue(esp_eth_handle_t handle);
esp_err_t esp_eth_start(esp_eth_handle_t handle);
