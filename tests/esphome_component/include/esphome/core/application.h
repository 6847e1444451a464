#pragma once

namespace esphome {

class Application {
 public:
  void safe_reboot() { ++reboots; }

  int reboots = 0;
};

inline Application App;

}  // namespace esphome
