#pragma once

#ifdef __XTENSA__
#define CONFIG_IDF_TARGET "esp32"
#else
#define CONFIG_IDF_TARGET "esp32s3"
#define CONFIG_ESP_CONSOLE_USB_SERIAL_JTAG 1
#endif
