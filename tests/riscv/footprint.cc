// The largest meter, 42 clamps on 14 chips, with edges that do nothing: what the portable part of
// the firmware costs on a small RISC-V microcontroller.

#include <array>
#include <cstddef>
#include <cstdint>
#include <utility>

#include "firmware/device.h"
#include "firmware/ram_storage.h"

namespace {

class Wire final : public firmware::SpiBus {
 public:
  void exchange(std::span<std::uint8_t> bytes) override {
    for (auto& byte : bytes) {
      port = byte;
      byte = port;
    }
  }

 private:
  volatile std::uint8_t port = 0;
};

class Flash final : public firmware::Flash {
 public:
  std::size_t size() const override { return 224 * sector; }
  bool read(std::size_t, std::span<std::uint8_t>) override { return works; }
  bool program(std::size_t, std::span<const std::uint8_t>) override { return works; }
  bool erase(std::size_t) override { return works; }

 private:
  volatile bool works = true;
};

class Board final : public firmware::BoardControl {
 public:
  bool keep(std::size_t, const firmware::ChannelConfig&) override { return works; }
  bool identify() override { return works; }
  bool restart() override { return works; }
  void tell(measurement::Diagnostics&) const override {}

 private:
  volatile bool works = true;
};

class Radio final : public firmware::Transport {
 public:
  bool is_up() const override { return up; }
  unsigned connections() const override { return 1; }
  bool send(firmware::Post, std::span<const std::uint8_t>) override { return up; }
  std::optional<Received> receive(std::span<std::uint8_t>) override {
    if (waiting == 0) return std::nullopt;
    return Received{firmware::Mail::stored, waiting};
  }

 private:
  volatile bool up = true;
  volatile std::size_t waiting = 0;
};

volatile std::int64_t clock_ms = 0;

template <std::size_t... chip>
std::array<firmware::Atm90e32, sizeof...(chip)> chips_on(firmware::SpiBus& bus,
                                                         std::index_sequence<chip...>) {
  return {((void)chip, firmware::Atm90e32(bus, firmware::ChipConfig{}))...};
}

Wire wire;
Flash flash;
Board board;
Radio radio;
auto chips = chips_on(wire, std::make_index_sequence<measurement::max_chips>());
// What is laid out to be sent at a time.
std::array<measurement::Sample, 4> window;
// Twenty seconds of samples until they are in flash.
std::array<std::uint8_t, 24 * 1024> ring;
firmware::RamStorage storage(ring);
firmware::FlashLog flash_log(flash, window, firmware::FlashLogOptions::of(224 * 4096));
firmware::MeterService service(chips, board);
firmware::Device device({.name = "meter-1"}, chips, storage, window, radio);

}  // namespace

// What a board does when an assertion fails or a pure virtual function is called: it starts again.
extern "C" [[noreturn]] void restart() {
  for (;;) clock_ms = 0;
}
extern "C" [[noreturn]] void __cxa_pure_virtual() { restart(); }
extern "C" [[noreturn]] void __assert_func(const char*, int, const char*, const char*) {
  restart();
}

int main() {
  device.keep_in(flash_log);
  device.serve(service);
  for (;;) device.step(measurement::Uptime(clock_ms));
}
