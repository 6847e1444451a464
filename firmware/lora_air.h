// What a LoRaWAN region allows: bytes per uplink and the time it may be on the air.

#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>

#include "measurement/units.h"

namespace firmware {

enum class LoraRegion : std::uint8_t { eu868, us915, au915, as923, in865 };

// Application bytes of one uplink without MAC options, no repeater in between (RP002-1.0.3 tables
// N). 0: nothing may be sent. `dwell_limited`: the 400 ms of AU915 and AS923 are in force.
std::size_t lora_room(LoraRegion, unsigned data_rate, bool dwell_limited);

// On the air, of so many application bytes behind 13 bytes of LoRaWAN (Semtech AN1200.13; coding
// rate 4/5, eight symbols of preamble, explicit header).
std::chrono::microseconds lora_air_time(LoraRegion, unsigned data_rate, std::size_t bytes);

// Share of an hour that a device may be on the air, in thousandths; 1000: no limit. 10 is the main
// bands' 1 % of EU868 (EN 300 220).
unsigned lora_duty_per_mille(LoraRegion);

// Time on the air that is earned steadily and spent by uplinks.
class AirBudget {
 public:
  // `share` of each `window` may be spent; it is full at the start. share == window: no limit.
  AirBudget(std::chrono::milliseconds share, std::chrono::milliseconds window)
      : share_(share), window_(window), left_(share) {}

  bool allows(std::chrono::microseconds cost, measurement::Uptime now) {
    earn(now);
    return share_ >= window_ || cost <= left_;
  }
  void spend(std::chrono::microseconds cost) { left_ -= cost; }
  // At this cost each, uplinks may follow each other so closely for ever.
  std::chrono::milliseconds pace(std::chrono::microseconds cost) const {
    if (share_ >= window_) return std::chrono::milliseconds(0);
    return std::chrono::milliseconds(cost.count() * window_.count() / share_.count() / 1000);
  }

 private:
  void earn(measurement::Uptime now) {
    const auto since = now - earned_at_;
    earned_at_ = now;
    if (since >= window_) {
      left_ = share_;
      return;
    }
    const auto earned = since.count() * 1000 * share_.count() + rest_;
    left_ += std::chrono::microseconds(earned / window_.count());
    rest_ = earned % window_.count();
    if (left_ > share_) left_ = share_;
  }

  std::chrono::milliseconds share_, window_;
  std::chrono::microseconds left_;
  std::int64_t rest_ = 0;  // Of a microsecond, in parts of the window.
  measurement::Uptime earned_at_{};
};

}  // namespace firmware
