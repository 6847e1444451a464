#pragma once

#include "freertos/queue.h"

typedef enum { UART_NUM_0 } uart_port_t;

esp_err_t uart_driver_install(uart_port_t port, int rx, int tx, int queue_size,
                              QueueHandle_t* queue, int flags);
int uart_write_bytes(uart_port_t port, const void* from, size_t size);
int uart_read_bytes(uart_port_t port, void* into, uint32_t length, TickType_t ticks);
