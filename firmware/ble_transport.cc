#include "firmware/ble_transport.h"

#include <algorithm>

namespace firmware {

static_assert(static_cast<int>(Post::report) == measurement::report_chunks &&
              static_cast<int>(Post::reply) == measurement::reply_chunks &&
              static_cast<int>(Mail::stored) == measurement::stored_chunks &&
              static_cast<int>(Mail::request) == measurement::request_chunks);

void BleTransport::open(BleLink link, std::size_t mtu) {
  link_ = link;
  mtu_ = mtu;
  ++connections_;
  leaving_ = {};
  arriving_.clear();
  arrived_.reset();
}

bool BleTransport::send(Post kind, std::span<const std::uint8_t> bytes) {
  if (!link_ || !leaving_.is_over() || bytes.size() > outgoing_.size()) return false;
  std::ranges::copy(bytes, outgoing_.begin());
  leaving_ = {static_cast<std::uint8_t>(kind), std::span(outgoing_).first(bytes.size())};
  step();
  return true;
}

std::optional<Transport::Received> BleTransport::receive(std::span<std::uint8_t> buffer) {
  if (!arrived_) return std::nullopt;
  const auto bytes = arrived_->bytes.first(std::min(arrived_->bytes.size(), buffer.size()));
  std::ranges::copy(bytes, buffer.begin());
  const auto mail = static_cast<Mail>(arrived_->kind);
  arrived_.reset();
  return Received{mail, bytes.size()};
}

bool BleTransport::hear(std::span<const std::uint8_t> chunk) {
  if (arrived_) return false;
  arrived_ = arriving_.add(chunk);
  if (arrived_ && arrived_->kind > static_cast<std::uint8_t>(Mail::request)) arrived_.reset();
  return true;
}

void BleTransport::step() {
  std::array<std::uint8_t, max_att_value> chunk;
  while (link_ && !leaving_.is_over()) {
    const auto size = leaving_.write(std::span(chunk).first(room_of(mtu_)));
    if (!stack_.notify(*link_, BleValue::post, std::span(chunk).first(size))) return;
    leaving_.taken();
  }
}

}  // namespace firmware
