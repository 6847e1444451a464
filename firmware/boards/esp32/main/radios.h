// The radios besides Wi-Fi: those that the image was built with and the settings want. What is off
// takes no memory.

#pragma once

#include <sdkconfig.h>

#include <memory>
#include <optional>

#include "firmware/coarse.h"
#include "firmware/device.h"
#include "firmware/improv.h"
#include "firmware/settings.h"
#include "firmware/two_links.h"
#include "mqtt_link.h"
#include "network.h"
#if CONFIG_LENZ_BLUETOOTH
#include "nimble.h"
#endif
#if CONFIG_LENZ_LORAWAN
#include "firmware/lora_uplink.h"
#include "modem_uart.h"
#endif
#if CONFIG_LENZ_CELLULAR
#include "firmware/cellular.h"
#include "ppp_modem.h"
#endif

namespace firmware::esp32_board {

// All that is given to it outlives it.
class Radios {
 public:
  Radios(const Settings& settings, MqttLink& hub) : settings_(settings), hub_(hub) {}
  static bool are_built(improv::Radio);

  // To be called once, when network and hub's link have begun. A sentence with the remedy: one of
  // them cannot be used, and the meter works without it.
  const char* begin(std::uint64_t boot, const Network&, KeyValues& lasting, improv::Host&);

  // How the device reaches its hub, and what it thins its samples to; null: it does not.
  Transport& link();
  Coarse* coarse();
  // What waits longer than that is written to flash.
  measurement::Uptime write_every() const;
  bool costs_by_the_byte() const;

  void step(measurement::Uptime now);
  void add(const measurement::Sample&);
  void know_time(measurement::Timestamp booted_at);
  // UTC at uptime 0, as the LoRaWAN network tells it.
  std::optional<measurement::Timestamp> booted_at() const;
  // Whether a modem does what it is there for.
  bool reach() const;

  void open_window(measurement::Uptime now);  // A button was pressed.
  void joined(bool connected);                // What joining a Wi-Fi came to.

 private:
  const char* begin_bluetooth(std::uint64_t boot, KeyValues& lasting, improv::Host&);
  const char* begin_lorawan(std::uint64_t boot);
  const char* begin_cellular(const Network&);

  const Settings& settings_;
  MqttLink& hub_;
  std::optional<TwoLinks> both_;
#if CONFIG_LENZ_BLUETOOTH
  std::unique_ptr<Bluetooth> bluetooth_;
#endif
#if CONFIG_LENZ_LORAWAN
  struct Lorawan {
    Lorawan(const RadioSettings::Lorawan&, std::uint64_t boot);
    ModemUart uart;
    LoraModem modem;
    Summaries summaries;
    LoraUplink uplink;
  };
  std::unique_ptr<Lorawan> lorawan_;
#endif
#if CONFIG_LENZ_CELLULAR
  struct Cellular {
    Cellular(const RadioSettings::Cellular&, MqttLink&, const Network&);
    PppModem modem;
    CellularMeter meter;
  };
  std::unique_ptr<Cellular> cellular_;
#endif
};

}  // namespace firmware::esp32_board
