// What the status LED says, and what a press of the button means.

#pragma once

#include <cstdint>
#include <utility>

#include "measurement/units.h"

namespace firmware {

enum class Mood : std::uint8_t {
  well,        // On.
  no_hub,      // A short flash every 2 s: samples are kept.
  no_network,  // Twice a second: nobody gave it one yet.
  chip_lost,   // Five times a second: a chip does not answer.
};

// LED and button of a meter, either of which a board may lack.
class PanelLight {
 public:
  // As `chip_lost`, for 10 s.
  void identify() { identify_wanted_ = true; }

  // Whether the LED is lit at `now`. To be called twenty times a second, in order.
  bool step(measurement::Uptime now, Mood mood, bool button_is_down);

  // True once after the button was down for less than 3 s: somebody stands there.
  bool was_pressed() { return std::exchange(was_pressed_, false); }
  // True once after it was down for 10 s or longer: all settings are to be forgotten.
  bool was_held() { return std::exchange(was_held_, false); }

 private:
  bool identify_wanted_ = false;
  measurement::Uptime identify_until_{};
  bool is_down_ = false, was_pressed_ = false, was_held_ = false;
  measurement::Uptime down_since_{};
};

}  // namespace firmware
