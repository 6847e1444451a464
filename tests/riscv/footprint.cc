// The largest meter, 42 clamps on 14 chips, with edges that do nothing: what the portable part of
// the firmware costs on a small RISC-V microcontroller. LORAWAN, BLUETOOTH and CELLULAR add a
// radio.

#include <array>
#include <cstddef>
#include <cstdint>
#include <utility>

#include "firmware/ble_meter.h"
#include "firmware/cellular.h"
#include "firmware/device.h"
#include "firmware/lora_uplink.h"
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

#ifdef CELLULAR
struct Modem final : firmware::Dialer {
  void dial() override { works = true; }
  void hang_up() override { works = false; }
  volatile bool works = true;
};
Modem dialer;
firmware::CellularMeter cellular(radio, dialer, 5'000'000);
firmware::Device device({.name = "meter-1"}, chips, storage, window, cellular.link());
#else
firmware::Device device({.name = "meter-1", .edges = firmware::usual_edges}, chips, storage, window,
                        radio);
#endif

#ifdef LORAWAN
struct Line final : firmware::SerialPort {
  std::size_t read(std::span<std::uint8_t>) override { return waiting; }
  std::size_t write(std::span<const std::uint8_t>) override { return waiting; }
  volatile std::size_t waiting = 0;
};
Line line;
firmware::LoraModem modem(line, {});
firmware::Summaries summaries({.boot = 1, .mains = 3});
firmware::LoraUplink uplink(modem, summaries);
#endif

#ifdef BLUETOOTH
struct Stack final : firmware::BleStack {
  bool advertise(std::span<const std::uint8_t>, std::span<const std::uint8_t>) override {
    return works;
  }
  void let_pair(bool may) override { works = may; }
  bool notify(firmware::BleLink, firmware::BleValue, std::span<const std::uint8_t>) override {
    return works;
  }
  void hang_up(firmware::BleLink) override {}
  volatile bool works = true;
};
struct Host final : firmware::improv::Host {
  const firmware::improv::Identity& identity() const override { return who; }
  firmware::improv::Links links() const override { return {}; }
  std::string_view url() const override { return {}; }
  std::string_view hostname() const override { return {}; }
  bool join(std::string_view, std::string_view) override { return works; }
  std::size_t scan(std::span<firmware::improv::Network>) override { return 0; }
  bool take_hostname(std::string_view) override { return works; }
  bool take_device_name(std::string_view) override { return works; }
  bool take_hub(const firmware::improv::HubAddress&) override { return works; }
  bool take_certificate(std::size_t, std::size_t, std::span<const std::uint8_t>) override {
    return works;
  }
  bool take_assembly(const firmware::Assembly&, int) override { return works; }
  const char* take_radio(firmware::improv::Radio, std::span<const std::uint8_t>) override {
    return nullptr;
  }
  std::optional<std::size_t> radio(firmware::improv::Radio,
                                   std::span<std::uint8_t>) const override {
    return std::nullopt;
  }
  const firmware::Assembly& assembly() const override { return built; }
  int line_frequency() const override { return 50; }
  void identify() override {}

  firmware::Assembly built;
  firmware::improv::Identity who;
  volatile bool works = true;
};
Stack stack;
Host host;
std::array<std::uint8_t, firmware::RisingCounter::storage_bytes> counter_bytes;
firmware::RamStorage counter(counter_bytes);
firmware::BleMeter bluetooth({.name = "meter-1", .boot = 1}, stack, counter, host);
#endif

// One step of all of them.
void step(measurement::Uptime now) {
  [[maybe_unused]] const auto* sample = device.sample(now);
#ifdef LORAWAN
  if (sample) summaries.add(*sample);
  uplink.step(now);
#endif
#ifdef BLUETOOTH
  if (sample) bluetooth.add(*sample);
  // What the stack tells.
  std::array<std::uint8_t, firmware::max_att_value> bytes{};
  bluetooth.connected(1, now);
  bluetooth.agreed_on(1, 247);
  bluetooth.bonded(1);
  bluetooth.subscribed(1, firmware::BleValue::post, board.identify());
  (void)bluetooth.read(1, firmware::BleValue::summary, 0, bytes, now);
  (void)bluetooth.write(1, firmware::BleValue::improv_command, bytes, now);
  bluetooth.disconnected(1);
  bluetooth.open_window(now);
  bluetooth.step(now);
#endif
#ifdef CELLULAR
  cellular.step(now);
#endif
  device.exchange(now);
}

}  // namespace

// What a board does when an assertion fails or a pure virtual function is called: it starts again.
extern "C" [[noreturn]] void restart() {
  for (;;) clock_ms = 0;
}
extern "C" [[noreturn]] void __cxa_pure_virtual() { restart(); }
// Of text that is cut by its own length; the controller's library has it.
namespace std {
[[noreturn]] void __throw_out_of_range_fmt(const char*, ...) { restart(); }
}  // namespace std
extern "C" [[noreturn]] void __assert_func(const char*, int, const char*, const char*) {
  restart();
}

int main() {
  device.keep_in(flash_log);
  device.serve(service);
#ifdef CELLULAR
  device.thin(cellular.coarse());
#endif
  for (;;) step(measurement::Uptime(clock_ms));
}
