// Reports over Bluetooth: what the Device has for its hub, in chunks of what the link carries.

#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <span>

#include "firmware/ble.h"
#include "firmware/transport.h"
#include "measurement/chunks.h"
#include "measurement/report.h"

namespace firmware {

// One message is under way each way; allocates nothing.
class BleTransport final : public Transport {
 public:
  explicit BleTransport(BleStack& stack) : stack_(stack) {}

  bool is_up() const override { return link_.has_value(); }
  unsigned connections() const override { return connections_; }
  bool send(Post, std::span<const std::uint8_t>) override;
  std::optional<Received> receive(std::span<std::uint8_t> buffer) override;

  // The side of the radio. Open: a central that may has subscribed to `post`.
  void open(BleLink, std::size_t mtu);
  void close() { link_.reset(); }
  // What was written to `mail`. False: the message before was not received yet; the central is to
  // try again.
  bool hear(std::span<const std::uint8_t> chunk);
  // Gives the stack as many chunks as it takes.
  void step();

  static constexpr std::size_t max_mail = 2048;

 private:
  BleStack& stack_;
  std::optional<BleLink> link_;
  std::size_t mtu_ = 0;
  unsigned connections_ = 0;
  measurement::Cutter leaving_;
  std::array<std::uint8_t, measurement::max_report_bytes> outgoing_{};
  std::array<std::uint8_t, max_mail> incoming_{};
  measurement::Joiner arriving_{incoming_};
  std::optional<measurement::Joiner::Message> arrived_;
};

}  // namespace firmware
