#pragma once

namespace esphome::sensor {

class Sensor {
 public:
  void publish_state(float value) {
    state = value;
    ++published;
  }

  float state = 0;
  int published = 0;
};

}  // namespace esphome::sensor
