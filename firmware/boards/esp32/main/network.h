// Wi-Fi and Ethernet, and how a modem's PPP is: whichever is up carries the meter.

#pragma once

#include <esp_event.h>
#include <esp_netif.h>

#include <array>
#include <atomic>

#include "firmware/board_map.h"
#include "firmware/improv.h"
#include "firmware/settings.h"

namespace firmware::esp32_board {

class Network {
 public:
  // False: the radio or the Ethernet controller cannot be used. Ethernet where the board has it.
  bool begin(const Settings&, const EthernetPins&, bool wants_wifi);

  // Leaves the network that it was in.
  bool join(std::string_view network, std::string_view password);
  std::size_t scan(std::span<improv::Network>);

  improv::Links links() const;
  bool is_online() const { return wifi_up_ || ethernet_up_ || modem_up_; }
  int signal_dbm() const;  // 0: no Wi-Fi.
  std::string_view address() const { return {address_.data()}; }

 private:
  bool begin_wifi(const Settings&);
  bool begin_ethernet(const EthernetPins&);
  static void on_event(void* self, esp_event_base_t, std::int32_t event, void* what);

  std::atomic<bool> wifi_up_{false}, ethernet_up_{false}, modem_up_{false};
  bool has_wifi_ = false;
  std::atomic<bool> wants_wifi_{false};
  std::array<char, 24> address_{};  // http://255.255.255.255
};

}  // namespace firmware::esp32_board
