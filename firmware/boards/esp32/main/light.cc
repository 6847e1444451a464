#include "light.h"

#include <driver/gpio.h>

namespace firmware::esp32_board {
namespace {

gpio_num_t number_of(Pin pin) { return static_cast<gpio_num_t>(pin); }

}  // namespace

void Light::begin(Pin led, Pin button) {
  led_ = led;
  button_ = button;
  if (led_ != no_pin) {
    gpio_reset_pin(number_of(led_));
    gpio_set_direction(number_of(led_), GPIO_MODE_OUTPUT);
  }
  if (button_ != no_pin) {
    gpio_reset_pin(number_of(button_));
    gpio_set_direction(number_of(button_), GPIO_MODE_INPUT);
    gpio_set_pull_mode(number_of(button_), GPIO_PULLUP_ONLY);
  }
}

void Light::step(measurement::Uptime now, Mood mood) {
  const bool down = button_ != no_pin && gpio_get_level(number_of(button_)) == 0;
  const bool lit = panel_.step(now, mood, down);
  if (led_ != no_pin) gpio_set_level(number_of(led_), lit ? 1 : 0);
}

}  // namespace firmware::esp32_board
