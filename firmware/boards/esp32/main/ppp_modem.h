// A cellular modem that carries IP over PPP, by Espressif's esp_modem, and the MQTT client over it.

#pragma once

#include <esp_modem_api.h>
#include <freertos/FreeRTOS.h>
#include <freertos/task.h>

#include <atomic>

#include "firmware/board_map.h"
#include "firmware/cellular.h"
#include "mqtt_link.h"
#include "network.h"

namespace firmware::esp32_board {

// Calls of the modem take seconds, so that they have a task of their own. The link runs only while
// the modem has an address: it dials no earlier, and says good-bye before the modem hangs up.
class PppModem final : public Dialer {
 public:
  PppModem(MqttLink& link, const Network& network) : link_(link), network_(network) {}
  // False: the pins could not be taken. The network must have begun; `access_point` outlives it.
  bool begin(const ModemPins&, const char* access_point);

  void dial() override { want(true); }
  void hang_up() override { want(false); }

 private:
  void want(bool call);
  void step();

  MqttLink& link_;
  const Network& network_;
  esp_modem_dce_t* modem_ = nullptr;
  TaskHandle_t task_ = nullptr;
  std::atomic<bool> wants_call_{false};
  bool has_called_ = false, link_runs_ = false;  // Of its own task.
};

}  // namespace firmware::esp32_board
