#pragma once

#include "freertos/queue.h"

typedef struct {
  uint32_t tx_buffer_size, rx_buffer_size;
} usb_serial_jtag_driver_config_t;

#define USB_SERIAL_JTAG_DRIVER_CONFIG_DEFAULT() \
  { .tx_buffer_size = 256, .rx_buffer_size = 256 }

esp_err_t usb_serial_jtag_driver_install(usb_serial_jtag_driver_config_t* config);
int usb_serial_jtag_write_bytes(const void* from, size_t size, TickType_t ticks);
int usb_serial_jtag_read_bytes(void* into, uint32_t length, TickType_t ticks);
