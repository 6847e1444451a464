// Chips on this machine's own SPI bus: Linux's spidev, and a GPIO line for each chip's select.

#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "firmware/spi_bus.h"

namespace firmware::linux_board {

// What is asked of the kernel. Each returns what the system call does, and sets errno.
class Kernel {
 public:
  virtual ~Kernel() = default;
  virtual int open(const char* file) = 0;
  virtual int control(int descriptor, unsigned long request, void* argument) = 0;
  virtual void close(int descriptor) = 0;
};

// The machine's.
Kernel& running_kernel();

struct SpidevOptions {
  std::string device = "/dev/spidev0.0";
  std::string gpio_chip = "/dev/gpiochip0";
  std::vector<unsigned> selects;    // Of each chip, in the order of the meter's chips: lines of it.
  std::uint32_t hertz = 1'000'000;  // The ATM90E32's limit is 1.1 MHz.
};

// Mode 3; selects are low while a chip is spoken to. The controller's own select, which is of no
// chip, is left alone where it can be. The kernel must outlive this. One thread.
class SpidevBus final {
 public:
  // Throws std::runtime_error, one sentence with the device and the remedy.
  explicit SpidevBus(SpidevOptions, Kernel& = running_kernel());
  ~SpidevBus();
  SpidevBus(const SpidevBus&) = delete;
  SpidevBus& operator=(const SpidevBus&) = delete;

  std::size_t chips() const { return places_.size(); }
  // What could not be exchanged reads as all ones: as of a chip that is not there.
  SpiBus& chip(std::size_t chip) { return places_[chip]; }
  std::uint64_t failures() const { return failures_; }  // Frames that the kernel refused.

 private:
  class Place final : public SpiBus {
   public:
    Place(SpidevBus& bus, int line) : bus_(bus), line_(line) {}
    void exchange(std::span<std::uint8_t> bytes) override { bus_.exchange(line_, bytes); }

   private:
    SpidevBus& bus_;
    int line_;  // A descriptor.
  };

  int open_bus();
  int open_line(int gpio_chip, unsigned line);
  void exchange(int line, std::span<std::uint8_t> bytes);
  bool select(int line, bool selected);
  void close_all();

  SpidevOptions options_;
  Kernel& kernel_;
  int bus_ = -1;
  std::vector<int> lines_;
  std::vector<Place> places_;
  std::uint64_t failures_ = 0;
};

}  // namespace firmware::linux_board
