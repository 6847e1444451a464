// For the tests: builds as ESP-IDF makes them, as small as they may be.

#pragma once

#include <fmt/format.h>

#include <cstdint>
#include <map>
#include <string>
#include <string_view>

namespace hub {

using BuildFiles = std::map<std::string, std::string>;

inline std::string little_endian(std::uint32_t value) {
  std::string bytes;
  for (int i = 0; i < 4; ++i) bytes += static_cast<char>(value >> (8 * i) & 0xFF);
  return bytes;
}

inline std::string partition(char type, char subtype, std::uint32_t begin, std::uint32_t bytes,
                             std::string name) {
  name.resize(16);
  return std::string("\xAA\x50") + type + subtype + little_endian(begin) + little_endian(bytes) +
         name + little_endian(0);
}

inline std::string image(std::uint16_t chip, std::string project, std::string version) {
  project.resize(32);
  version.resize(32);
  std::string bytes(32, '\0');
  bytes[0] = '\xE9';
  bytes[12] = static_cast<char>(chip);
  return bytes + little_endian(0xABCD5432) + std::string(12, '\0') + version + project +
         std::string(200, 'a');
}

inline BuildFiles meter_build() {
  return {
      {"flasher_args.json", R"({
  "write_flash_args": ["--flash_mode", "dio", "--flash_size", "4MB", "--flash_freq", "40m"],
  "flash_settings": {"flash_mode": "dio", "flash_size": "4MB", "flash_freq": "40m"},
  "flash_files": {"0x1000": "bootloader/bootloader.bin",
                  "0x8000": "partition_table/partition-table.bin",
                  "0xf000": "ota_data_initial.bin", "0x20000": "lenz_meter.bin"},
  "partition-table": {"offset": "0x8000", "file": "partition_table/partition-table.bin"},
  "app": {"offset": "0x20000", "file": "lenz_meter.bin", "encrypted": "false"},
  "extra_esptool_args": {"after": "hard_reset", "before": "default_reset", "stub": true,
                         "chip": "esp32"}
})"},
      {"bootloader/bootloader.bin", std::string(20'000, 'b')},
      {"partition_table/partition-table.bin",
       partition(1, 2, 0x9000, 0x6000, "nvs") + partition(1, 0, 0xF000, 0x2000, "otadata") +
           partition(0, 0x10, 0x20000, 0x180000, "ota_0") +
           partition(0, 0x11, 0x1A0000, 0x180000, "ota_1") +
           partition(1, 2, 0x320000, 0x4000, "cal") + std::string(64, '\xFF')},
      {"ota_data_initial.bin", std::string(8192, '\xFF')},
      {"lenz_meter.bin", image(0, "lenz_meter", "0.3.1")},
  };
}

inline std::string tar_of(const BuildFiles& files, char kind = '0') {
  std::string tar;
  for (const auto& [name, content] : files) {
    std::string header(512, '\0');
    const auto put = [&](std::size_t at, std::string_view text) {
      header.replace(at, text.size(), text);
    };
    put(0, name.substr(0, 100));
    put(100, "0000644");
    put(124, fmt::format("{:011o}", content.size()));
    put(148, "        ");
    header[156] = kind;
    put(257, std::string_view("ustar\00000", 8));
    unsigned sum = 0;
    for (const char c : header) sum += static_cast<unsigned char>(c);
    put(148, fmt::format("{:06o}", sum) + std::string("\0 ", 2));
    tar += header + content + std::string((512 - content.size() % 512) % 512, '\0');
  }
  return tar + std::string(1024, '\0');
}

}  // namespace hub
