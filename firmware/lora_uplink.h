// Summaries over LoRaWAN, as often as its air time allows.

#pragma once

#include <chrono>

#include "firmware/lora_modem.h"
#include "firmware/summaries.h"

namespace firmware {

// An uplink follows the one before after 5 minutes, or later where the data rate makes so many too
// dear. What the modem did not take, or did not get on the air, is told by the next one. A downlink
// of the one byte 1 asks for an introduction.
//
// Modem and summaries outlive it. One task owns it.
class LoraUplink {
 public:
  LoraUplink(LoraModem& modem, Summaries& summaries) : modem_(modem), summaries_(summaries) {}

  // To be called as often as the modem's.
  void step(measurement::Uptime now);

  static constexpr std::chrono::milliseconds shortest_pause = std::chrono::minutes(5);

 private:
  LoraModem& modem_;
  Summaries& summaries_;
  measurement::Uptime next_{};
  bool is_under_way_ = false;
  std::uint32_t sent_before_ = 0, failed_before_ = 0;
};

}  // namespace firmware
