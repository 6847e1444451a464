// What stands in for a machine with an SPI bus in tests.

#pragma once

#include <gtest/gtest.h>
#include <linux/gpio.h>
#include <linux/spi/spidev.h>

#include <algorithm>
#include <cerrno>
#include <map>
#include <set>
#include <string>

#include "firmware/boards/linux/spidev_bus.h"

namespace firmware::linux_board {

// A machine with one SPI bus, and a chip at each of some GPIO lines.
class FakeMachine final : public Kernel {
 public:
  int open(const char* file) override {
    if (missing.contains(file)) {
      errno = ENOENT;
      return -1;
    }
    files[next_] = file;
    return next_++;
  }

  int control(int descriptor, unsigned long request, void* argument) override {
    if (request == SPI_IOC_WR_MODE32) return set_mode(*static_cast<std::uint32_t*>(argument));
    if (request == GPIO_V2_GET_LINE_IOCTL) {
      return give_line(*static_cast<gpio_v2_line_request*>(argument));
    }
    if (request == GPIO_V2_LINE_SET_VALUES_IOCTL) {
      const auto& values = *static_cast<gpio_v2_line_values*>(argument);
      EXPECT_EQ(values.mask, 1u);
      if (values.bits & 1) {
        selected.insert(lines.at(descriptor));
      } else {
        selected.erase(lines.at(descriptor));
      }
      return 0;
    }
    EXPECT_EQ(request, SPI_IOC_MESSAGE(1));
    return transfer(*static_cast<spi_ioc_transfer*>(argument));
  }

  void close(int descriptor) override {
    files.erase(descriptor);
    lines.erase(descriptor);
  }

  std::set<std::string> missing;      // Files that do not exist.
  std::set<unsigned> busy;            // Lines that somebody else has.
  bool knows_no_select = true;        // SPI_NO_CS.
  bool fails = false;                 // Transfers do.
  std::map<unsigned, SpiBus*> chips;  // By line.
  std::map<int, std::string> files;   // Open, by descriptor.
  std::map<int, unsigned> lines;      // Given, by descriptor.
  std::set<unsigned> selected;        // Lines that are low.
  std::uint32_t mode = 0;
  std::uint32_t fastest = 0;  // Hz.

 private:
  int set_mode(std::uint32_t wanted) {
    if (wanted & SPI_NO_CS && !knows_no_select) {
      errno = EINVAL;
      return -1;
    }
    mode = wanted;
    return 0;
  }

  int give_line(gpio_v2_line_request& request) {
    EXPECT_EQ(request.num_lines, 1u);
    // An inactive output of this kind is high: no chip is selected by being claimed.
    EXPECT_EQ(request.config.flags, GPIO_V2_LINE_FLAG_OUTPUT | GPIO_V2_LINE_FLAG_ACTIVE_LOW);
    EXPECT_EQ(request.config.num_attrs, 0u);
    if (busy.contains(request.offsets[0])) {
      errno = EBUSY;
      return -1;
    }
    request.fd = next_;
    lines[next_++] = request.offsets[0];
    return 0;
  }

  int transfer(const spi_ioc_transfer& transfer) {
    EXPECT_EQ(selected.size(), 1u) << "Chips that talk at once drive one line against another.";
    fastest = std::max(fastest, transfer.speed_hz);
    if (fails) {
      errno = EIO;
      return -1;
    }
    const std::span bytes(reinterpret_cast<std::uint8_t*>(transfer.rx_buf), transfer.len);
    EXPECT_EQ(transfer.tx_buf, transfer.rx_buf);
    chips.at(*selected.begin())->exchange(bytes);
    return static_cast<int>(transfer.len);
  }

  int next_ = 3;
};

}  // namespace firmware::linux_board
