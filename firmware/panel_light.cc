#include "firmware/panel_light.h"

namespace firmware {
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
    case Mood::no_network:
      return ms % 500 < 250;
    case Mood::chip_lost:
      return ms % 200 < 100;
  }
  return false;
}

}  // namespace

bool PanelLight::step(Uptime now, Mood mood, bool button_is_down) {
  if (button_is_down && !is_down_) down_since_ = now;
  if (!button_is_down && is_down_) {
    was_pressed_ |= now - down_since_ < short_press;
    was_held_ |= now - down_since_ >= long_press;
  }
  is_down_ = button_is_down;
  if (std::exchange(identify_wanted_, false)) identify_until_ = now + identifying;
  return is_lit(now < identify_until_ ? Mood::chip_lost : mood, now);
}

}  // namespace firmware
