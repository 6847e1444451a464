#include "firmware/boards/linux/spidev_bus.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <linux/gpio.h>
#include <linux/spi/spidev.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <stdexcept>
#include <utility>

namespace firmware::linux_board {
namespace {

constexpr char consumer[] = "lenz";  // As `gpioinfo` shows who has a line.

class RunningKernel final : public Kernel {
 public:
  int open(const char* file) override { return ::open(file, O_RDWR | O_CLOEXEC); }
  int control(int descriptor, unsigned long request, void* argument) override {
    return ::ioctl(descriptor, request, argument);
  }
  void close(int descriptor) override { ::close(descriptor); }
};

template <class T>
std::uint64_t address_of(T* value) {
  return reinterpret_cast<std::uintptr_t>(value);
}

}  // namespace

Kernel& running_kernel() {
  static RunningKernel kernel;
  return kernel;
}

SpidevBus::SpidevBus(SpidevOptions options, Kernel& kernel)
    : options_(std::move(options)), kernel_(kernel) {
  try {
    bus_ = open_bus();
    const int gpio_chip = kernel_.open(options_.gpio_chip.c_str());
    if (gpio_chip < 0) {
      throw std::runtime_error(fmt::format(
          "The GPIO lines {} cannot be opened ({}): name their device, as `gpiodetect` lists them, "
          "and let this user into its group, usually gpio.",
          options_.gpio_chip, std::strerror(errno)));
    }
    lines_.push_back(gpio_chip);  // So that it is closed where the next throws.
    for (const auto line : options_.selects) lines_.push_back(open_line(gpio_chip, line));
  } catch (...) {
    close_all();
    throw;
  }
  for (std::size_t i = 1; i < lines_.size(); ++i) places_.emplace_back(*this, lines_[i]);
}

SpidevBus::~SpidevBus() { close_all(); }

void SpidevBus::close_all() {
  for (const int line : lines_) kernel_.close(line);
  if (bus_ >= 0) kernel_.close(bus_);
}

int SpidevBus::open_bus() {
  const int bus = kernel_.open(options_.device.c_str());
  if (bus < 0) {
    throw std::runtime_error(fmt::format(
        "The SPI bus {} cannot be opened ({}): switch SPI on (on a Raspberry Pi dtparam=spi=on in "
        "config.txt), and let this user into its group, usually spi.",
        options_.device, std::strerror(errno)));
  }
  // Controllers that cannot leave their own select alone move it too, which no chip sees.
  std::uint32_t alone = SPI_MODE_3 | SPI_NO_CS;
  std::uint32_t plain = SPI_MODE_3;
  const bool is_set = kernel_.control(bus, SPI_IOC_WR_MODE32, &alone) >= 0 ||
                      kernel_.control(bus, SPI_IOC_WR_MODE32, &plain) >= 0;
  if (!is_set) {
    const int error = errno;
    kernel_.close(bus);
    throw std::runtime_error(
        fmt::format("The SPI bus {} cannot be set to mode 3 ({}): the chips need a bus that can.",
                    options_.device, std::strerror(error)));
  }
  return bus;
}

int SpidevBus::open_line(int gpio_chip, unsigned line) {
  gpio_v2_line_request request{};
  request.offsets[0] = line;
  request.num_lines = 1;
  request.config.flags = GPIO_V2_LINE_FLAG_OUTPUT | GPIO_V2_LINE_FLAG_ACTIVE_LOW;
  std::copy(std::begin(consumer), std::end(consumer), std::begin(request.consumer));
  if (kernel_.control(gpio_chip, GPIO_V2_GET_LINE_IOCTL, &request) < 0) {
    throw std::runtime_error(
        fmt::format("GPIO line {} of {} cannot select a chip ({}): choose a line that nothing else "
                    "uses, as `gpioinfo` lists them.",
                    line, options_.gpio_chip, std::strerror(errno)));
  }
  return request.fd;
}

void SpidevBus::exchange(int line, std::span<std::uint8_t> bytes) {
  spi_ioc_transfer transfer{};
  transfer.tx_buf = transfer.rx_buf = address_of(bytes.data());
  transfer.len = static_cast<std::uint32_t>(bytes.size());
  transfer.speed_hz = options_.hertz;
  transfer.bits_per_word = 8;
  const bool selected = select(line, true);
  const bool exchanged = selected && kernel_.control(bus_, SPI_IOC_MESSAGE(1), &transfer) ==
                                         static_cast<int>(bytes.size());
  const bool released = select(line, false);
  if (exchanged && released) return;
  ++failures_;
  std::ranges::fill(bytes, std::uint8_t{0xFF});
}

bool SpidevBus::select(int line, bool selected) {
  gpio_v2_line_values values{.bits = selected, .mask = 1};
  return kernel_.control(line, GPIO_V2_LINE_SET_VALUES_IOCTL, &values) >= 0;
}

}  // namespace firmware::linux_board
