// The pins of the status LED and the button.

#pragma once

#include "firmware/board_map.h"
#include "firmware/panel_light.h"

namespace firmware::esp32_board {

// Either pin may be none; the button pulls its pin down.
class Light {
 public:
  void begin(Pin led, Pin button);
  bool has_led() const { return led_ != no_pin; }
  // To be called twenty times a second.
  void step(measurement::Uptime now, Mood);

  PanelLight& panel() { return panel_; }

 private:
  Pin led_ = no_pin, button_ = no_pin;
  PanelLight panel_;
};

}  // namespace firmware::esp32_board
