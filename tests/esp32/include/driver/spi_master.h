#pragma once

#include <stddef.h>

#include "driver/gpio.h"
#include "esp_err.h"

typedef enum { SPI1_HOST, SPI2_HOST, SPI3_HOST } spi_host_device_t;
typedef enum { SPI_DMA_DISABLED, SPI_DMA_CH_AUTO = 3 } spi_dma_chan_t;
typedef struct spi_device_t* spi_device_handle_t;
typedef struct {
  int mosi_io_num, miso_io_num, sclk_io_num, quadwp_io_num, quadhd_io_num;
} spi_bus_config_t;
typedef struct {
  uint8_t mode;
  int clock_speed_hz, spics_io_num, queue_size;
} spi_device_interface_config_t;
typedef struct {
  uint32_t flags;
  size_t length;
  uint8_t tx_data[4];
  uint8_t rx_data[4];
} spi_transaction_t;

#define SPI_TRANS_USE_RXDATA (1 << 2)
#define SPI_TRANS_USE_TXDATA (1 << 3)

esp_err_t spi_bus_initialize(spi_host_device_t host, const spi_bus_config_t* bus,
                             spi_dma_chan_t dma);
esp_err_t spi_bus_add_device(spi_host_device_t host, const spi_device_interface_config_t* config,
                             spi_device_handle_t* handle);
esp_err_t spi_device_polling_transmit(spi_device_handle_t handle, spi_transaction_t* transaction);
