#pragma once

void esp_log_error(const char* tag, const char* format, ...) __attribute__((format(printf, 2, 3)));
#define ESP_LOGE(tag, ...) esp_log_error(tag, __VA_ARGS__)
