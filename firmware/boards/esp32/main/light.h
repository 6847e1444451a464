// The status LED and the button.

#pragma once

#include "firmware/board_map.h"
#include "measurement/units.h"

namespace firmware::esp32_board {

enum class Mood : std::uint8_t {
  well,       // On.
  no_hub,     // A short flash every 2 s: samples are kept.
  no_wifi,    // Two a second: nobody gave it a network yet.
  chip_lost,  // Fast: a chip does not answer.
};

// Either pin may be none.
class Light {
 public:
  void begin(Pin led, Pin button);
  bool has_led() const { return led_ != no_pin; }
  void identify() { identify_wanted_ = true; }  // Five times a second, for 10 s.
  // Shows the mood. To be called twenty times a second.
  void step(measurement::Uptime now, Mood);

  // True once when the button was let go after less than 3 s.
  bool was_pressed();
  // True once when it was held for 10 s: all settings are to be forgotten.
  bool was_held();

 private:
  void watch(measurement::Uptime now);

  Pin led_ = no_pin, button_ = no_pin;
  bool identify_wanted_ = false;
  measurement::Uptime identify_until_{};
  bool is_down_ = false, was_pressed_ = false, was_held_ = false;
  measurement::Uptime down_since_{};
};

}  // namespace firmware::esp32_board
