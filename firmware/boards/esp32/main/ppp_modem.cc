#include "ppp_modem.h"

#include <esp_netif_ppp.h>

#include "modem_uart.h"

namespace firmware::esp32_board {
namespace {

constexpr std::uint32_t stack_bytes = 4096;
constexpr UBaseType_t priority = 4;  // Above the meter's: it mostly waits.

}  // namespace

bool PppModem::begin(const ModemPins& pins, const char* access_point) {
  esp_modem_dte_config_t line = ESP_MODEM_DTE_DEFAULT_CONFIG();
  line.uart_config.port_num = modem_port;
  line.uart_config.baud_rate = modem_baud_rate;
  line.uart_config.tx_io_num = pins.transmit;
  line.uart_config.rx_io_num = pins.receive;
  line.uart_config.rts_io_num = UART_PIN_NO_CHANGE;
  line.uart_config.cts_io_num = UART_PIN_NO_CHANGE;
  const esp_modem_dce_config_t contract = ESP_MODEM_DCE_DEFAULT_CONFIG(access_point);
  const esp_netif_config_t ppp = ESP_NETIF_DEFAULT_PPP();
  auto* netif = esp_netif_new(&ppp);
  if (netif == nullptr) return false;
  modem_ = esp_modem_new_dev(ESP_MODEM_DCE_GENERIC, &line, &contract, netif);
  const auto run = [](void* self) {
    for (;;) static_cast<PppModem*>(self)->step();
  };
  return modem_ != nullptr &&
         xTaskCreate(run, "modem", stack_bytes, this, priority, &task_) == pdPASS;
}

void PppModem::want(bool call) {
  wants_call_ = call;
  if (task_ != nullptr) xTaskNotifyGive(task_);
}

void PppModem::step() {
  ulTaskNotifyTake(pdTRUE, pdMS_TO_TICKS(500));
  if (wants_call_) {
    if (!has_called_) has_called_ = esp_modem_set_mode(modem_, ESP_MODEM_MODE_DATA) == ESP_OK;
    if (has_called_ && !link_runs_ && network_.links().modem) link_runs_ = link_.start();
    return;
  }
  if (link_runs_) link_.stop();
  if (has_called_) esp_modem_set_mode(modem_, ESP_MODEM_MODE_COMMAND);
  has_called_ = link_runs_ = false;
}

}  // namespace firmware::esp32_board
