#include "light.h"

#include <driver/gpio.h>

#include <utility>

namespace firmware::esp32_board {
namespace {

using measurement::Uptime;

constexpr Uptime short_press{3000}, long_press{10'000}, identifying{10'000};

bool is_lit(Mood mood, Uptime now) {
  const auto ms = now.count();
  switch (mood) {
    case Mood::well:
      return true;
    case Mood::no_hub:
      return ms % 2000 < 100;
    case Mood::no_wifi:
      return ms % 500 < 250;
    case Mood::chip_lost:
      return ms % 200 < 100;
  }
  return false;
}

}  // namespace

void Light::begin(Pin led, Pin button) {
  led_ = led;
  button_ = button;
  if (led_ != no_pin) {
    gpio_reset_pin(static_cast<gpio_num_t>(led_));
    gpio_set_direction(static_cast<gpio_num_t>(led_), GPIO_MODE_OUTPUT);
  }
  if (button_ != no_pin) {
    gpio_reset_pin(static_cast<gpio_num_t>(button_));
    gpio_set_direction(static_cast<gpio_num_t>(button_), GPIO_MODE_INPUT);
    gpio_set_pull_mode(static_cast<gpio_num_t>(button_), GPIO_PULLUP_ONLY);
  }
}

void Light::step(Uptime now, Mood mood) {
  watch(now);
  if (std::exchange(identify_wanted_, false)) identify_until_ = now + identifying;
  if (led_ == no_pin) return;
  const bool lit = now < identify_until_ ? now.count() % 200 < 100 : is_lit(mood, now);
  gpio_set_level(static_cast<gpio_num_t>(led_), lit ? 1 : 0);
}

void Light::watch(Uptime now) {
  if (button_ == no_pin) return;
  const bool down = gpio_get_level(static_cast<gpio_num_t>(button_)) == 0;
  if (down && !is_down_) down_since_ = now;
  if (!down && is_down_) {
    was_pressed_ |= now - down_since_ < short_press;
    was_held_ |= now - down_since_ >= long_press;
  }
  is_down_ = down;
}

bool Light::was_pressed() { return std::exchange(was_pressed_, false); }
bool Light::was_held() { return std::exchange(was_held_, false); }

}  // namespace firmware::esp32_board
