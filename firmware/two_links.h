// Two ways to one hub: the first while it is up, else the second.

#pragma once

#include "firmware/transport.h"

namespace firmware {

// Both outlive it. What the hub says is heard by either. Who goes from one to the other while both
// were up says again after a while what was under way; the hub stores it once.
class TwoLinks final : public Transport {
 public:
  TwoLinks(Transport& first, Transport& second) : first_(first), second_(second) {}

  bool is_up() const override { return first_.is_up() || second_.is_up(); }
  unsigned connections() const override { return first_.connections() + second_.connections(); }
  bool send(Post post, std::span<const std::uint8_t> bytes) override {
    return (first_.is_up() ? first_ : second_).send(post, bytes);
  }
  std::optional<Received> receive(std::span<std::uint8_t> buffer) override {
    const auto received = first_.receive(buffer);
    return received ? received : second_.receive(buffer);
  }

 private:
  Transport& first_;
  Transport& second_;
};

}  // namespace firmware
