// Messages on their way from the task that hears them to the one that reads them.

#pragma once

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>

#include "firmware/transport.h"

namespace firmware {

// A ring of `places` messages of at most `most_bytes`. When it is full the oldest goes: the hub
// says everything again. Allocates nothing; two tasks need a lock around it.
template <std::size_t places, std::size_t most_bytes>
class MailBox {
 public:
  // False: it is too long, and nothing changes.
  bool put(Mail mail, std::span<const std::uint8_t> bytes) {
    if (bytes.size() > most_bytes) return false;
    if (count_ == places) drop_first();
    auto& message = messages_[(first_ + count_++) % places];
    message.mail = mail;
    message.size = bytes.size();
    std::ranges::copy(bytes, message.bytes.begin());
    return true;
  }

  // The oldest, as Transport::receive() has it.
  std::optional<Transport::Received> take(std::span<std::uint8_t> buffer) {
    if (count_ == 0) return std::nullopt;
    const auto& message = messages_[first_];
    const auto size = std::min(message.size, buffer.size());
    std::copy_n(message.bytes.begin(), size, buffer.begin());
    const Transport::Received received{message.mail, size};
    drop_first();
    return received;
  }

 private:
  struct Message {
    Mail mail{};
    std::size_t size = 0;
    std::array<std::uint8_t, most_bytes> bytes{};
  };

  void drop_first() {
    first_ = (first_ + 1) % places;
    --count_;
  }

  std::array<Message, places> messages_{};
  std::size_t first_ = 0, count_ = 0;
};

}  // namespace firmware
