#pragma once

// As Kconfig writes it: what is off is not defined.
#ifndef LENZ_WITHOUT_RADIOS
#define CONFIG_LENZ_BLUETOOTH 1
#define CONFIG_LENZ_LORAWAN 1
#define CONFIG_LENZ_CELLULAR 1
#endif
#ifdef __XTENSA__
#define CONFIG_IDF_TARGET "esp32"
#else
#define CONFIG_IDF_TARGET "esp32s3"
#define CONFIG_ESP_CONSOLE_USB_SERIAL_JTAG 1
#endif
