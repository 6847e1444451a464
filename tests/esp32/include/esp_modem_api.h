// Of the component espressif/esp_modem.

#pragma once

#include "driver/uart.h"
#include "esp_netif.h"

typedef struct esp_modem_dce_wrap esp_modem_dce_t;
typedef enum { ESP_MODEM_MODE_COMMAND, ESP_MODEM_MODE_DATA } esp_modem_dce_mode_t;
typedef enum { ESP_MODEM_DCE_GENERIC } esp_modem_dce_device_t;
struct esp_modem_uart_term_config {
  uart_port_t port_num;
  int baud_rate, tx_io_num, rx_io_num, rts_io_num, cts_io_num;
};
typedef struct {
  size_t dte_buffer_size;
  union {
    struct esp_modem_uart_term_config uart_config;
  };
} esp_modem_dte_config_t;
typedef struct {
  const char* apn;
} esp_modem_dce_config_t;

#define ESP_MODEM_DTE_DEFAULT_CONFIG() \
  { .dte_buffer_size = 512, .uart_config = {.port_num = UART_NUM_1, .baud_rate = 115200} }
#define ESP_MODEM_DCE_DEFAULT_CONFIG(name) \
  { .apn = name }

esp_modem_dce_t* esp_modem_new_dev(esp_modem_dce_device_t module,
                                   const esp_modem_dte_config_t* dte_config,
                                   const esp_modem_dce_config_t* dce_config, esp_netif_t* netif);
esp_err_t esp_modem_set_mode(esp_modem_dce_t* dce, esp_modem_dce_mode_t mode);
