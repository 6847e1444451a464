#pragma once

#include <stddef.h>
#include <stdint.h>

#include "esp_err.h"

typedef uint32_t TickType_t;
typedef int BaseType_t;
typedef unsigned UBaseType_t;
typedef struct {
  void* memory[20];
} StaticSemaphore_t;

#define pdTRUE 1
#define pdPASS 1
#define portMAX_DELAY 0xffffffffUL
#define pdMS_TO_TICKS(ms) static_cast<TickType_t>(ms)
