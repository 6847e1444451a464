#include "provisioning.h"

#include <esp_app_desc.h>
#include <sdkconfig.h>

#include "radios.h"
#if CONFIG_ESP_CONSOLE_USB_SERIAL_JTAG
#include <driver/usb_serial_jtag.h>
#else
#include <driver/uart.h>
#endif

namespace firmware::esp32_board {

Commissioner::Commissioner(Settings& settings, NvsValues& kept, Network& network, Light& light)
    : settings_(settings), kept_(kept), network_(network), light_(light) {
  identity_ = {.firmware = "Lenz",
               .version = esp_app_get_description()->version,
               .chip = CONFIG_IDF_TARGET,
               .name = settings.title.empty() ? "Lenz meter" : settings.title.view()};
}

bool Commissioner::join(std::string_view network, std::string_view password) {
  joining_ = wanted_network_.set(network) && wanted_password_.set(password) &&
             network_.join(network, password);
  return joining_;
}

void Commissioner::keep_network() {
  settings_.keep_network(kept_, wanted_network_.view(), wanted_password_.view());
  joining_ = false;
}

bool Commissioner::take_hostname(std::string_view name) {
  return settings_.keep_names(kept_, name, settings_.title.view());
}

bool Commissioner::take_device_name(std::string_view name) {
  const auto host = settings_.hostname.empty() ? "lenz-meter" : settings_.hostname.view();
  if (!settings_.keep_names(kept_, host, name)) return false;
  identity_.name = settings_.title.view();
  return true;
}

bool Commissioner::take_hub(const improv::HubAddress& hub) {
  if (!settings_.keep_hub(kept_, hub)) return false;
  restart_wanted_ = settings_.has_hub();
  return true;
}

bool Commissioner::take_certificate(std::size_t offset, std::size_t total,
                                    std::span<const std::uint8_t> part) {
  if (!settings_.keep_certificate(kept_, offset, total, part)) return false;
  restart_wanted_ = settings_.has_hub() && offset + part.size() == total;
  return true;
}

bool Commissioner::take_assembly(const Assembly& assembly, int line_frequency) {
  restart_wanted_ = settings_.keep_assembly(kept_, assembly, line_frequency);
  return restart_wanted_;
}

const char* Commissioner::take_radio(improv::Radio radio, std::span<const std::uint8_t> bytes) {
  if (!bytes.empty() && !Radios::are_built(radio)) return "This image was built without it.";
  const char* trouble = settings_.radios.keep(kept_, radio, bytes, settings_.assembly);
  restart_wanted_ = restart_wanted_ || trouble == nullptr;
  return trouble;
}

std::optional<std::size_t> Commissioner::radio(improv::Radio radio,
                                               std::span<std::uint8_t> into) const {
  if (!Radios::are_built(radio)) return std::nullopt;
  return settings_.radios.tell(radio, into);
}

#if CONFIG_ESP_CONSOLE_USB_SERIAL_JTAG

bool Console::begin() {
  usb_serial_jtag_driver_config_t config = USB_SERIAL_JTAG_DRIVER_CONFIG_DEFAULT();
  return usb_serial_jtag_driver_install(&config) == ESP_OK;
}

void Console::write(std::span<const std::uint8_t> bytes) {
  usb_serial_jtag_write_bytes(bytes.data(), bytes.size(), pdMS_TO_TICKS(50));
}

std::optional<std::uint8_t> Console::read() {
  std::uint8_t byte = 0;
  if (usb_serial_jtag_read_bytes(&byte, 1, 0) != 1) return std::nullopt;
  return byte;
}

#else

bool Console::begin() { return uart_driver_install(UART_NUM_0, 512, 0, 0, nullptr, 0) == ESP_OK; }

void Console::write(std::span<const std::uint8_t> bytes) {
  uart_write_bytes(UART_NUM_0, bytes.data(), bytes.size());
}

std::optional<std::uint8_t> Console::read() {
  std::uint8_t byte = 0;
  if (uart_read_bytes(UART_NUM_0, &byte, 1, 0) != 1) return std::nullopt;
  return byte;
}

#endif

}  // namespace firmware::esp32_board
