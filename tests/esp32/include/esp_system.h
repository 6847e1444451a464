#pragma once

#include <stdint.h>

typedef enum { ESP_RST_UNKNOWN } esp_reset_reason_t;

[[noreturn]] void esp_restart(void);
uint32_t esp_get_free_heap_size(void);
esp_reset_reason_t esp_reset_reason(void);
