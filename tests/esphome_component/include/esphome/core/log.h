#pragma once

#include <cstdio>

#define ESP_LOGCONFIG(tag, ...) (std::printf("[%s] ", tag), std::printf(__VA_ARGS__), std::puts(""))
#define ESP_LOGW(tag, ...) ESP_LOGCONFIG(tag, __VA_ARGS__)
