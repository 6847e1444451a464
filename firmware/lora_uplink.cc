#include "firmware/lora_uplink.h"

#include <algorithm>
#include <array>

namespace firmware {

void LoraUplink::step(measurement::Uptime now) {
  modem_.step(now);
  if (const auto booted_at = modem_.booted_at()) summaries_.know_time(*booted_at);
  if (is_under_way_) {
    const bool is_sent = modem_.counts().sent != sent_before_;
    if (!is_sent && modem_.counts().failed == failed_before_) return;
    is_under_way_ = false;
    if (is_sent) summaries_.told();
  }
  std::array<std::uint8_t, 1> asked;
  if (const auto down = modem_.receive(asked); down && down->size == 1 && asked[0] == 1) {
    summaries_.introduce();
  }
  if (now < next_) return;
  const auto room = modem_.room(now);
  if (room == 0) return;
  std::array<std::uint8_t, LoraModem::most_bytes> bytes;
  const auto summary = std::span(bytes).first(summaries_.next(std::span(bytes).first(room)));
  if (summary.empty()) return;
  sent_before_ = modem_.counts().sent;
  failed_before_ = modem_.counts().failed;
  is_under_way_ = modem_.send(summary, now);
  if (is_under_way_) next_ = now + std::max(shortest_pause, modem_.pace(summary.size()));
}

}  // namespace firmware
