#pragma once

namespace esphome {

namespace setup_priority {
inline constexpr float BUS = 1000.0f;
inline constexpr float AFTER_CONNECTION = 100.0f;
}  // namespace setup_priority

class Component {
 public:
  virtual void setup() {}
  virtual void loop() {}
  virtual void dump_config() {}
  virtual float get_setup_priority() const { return 0; }

 protected:
  ~Component() = default;
};

}  // namespace esphome
