// A link as radios and routers make it: it drops, repeats and overtakes.

#pragma once

#include <cstdint>
#include <functional>
#include <random>
#include <vector>

#include "firmware/transport.h"

namespace simulator {

struct LinkFaults {
  double duplicated = 0.05;  // Share of messages that arrive twice.
  double held_back = 0.05;   // Share of reports that a later message overtakes.
  double dropped =
      0.005;  // Chance at each message that the link breaks, with all that is under way.
};

// Same seed and same messages, same faults. The link must outlive this.
class FaultyLink final : public firmware::Transport {
 public:
  FaultyLink(firmware::Transport& link, std::function<void()> break_link, std::uint64_t seed,
             const LinkFaults& faults = {})
      : link_(link), break_link_(std::move(break_link)), faults_(faults), random_(seed) {}

  bool is_up() const override { return link_.is_up(); }
  unsigned connections() const override { return link_.connections(); }
  bool send(firmware::Post, std::span<const std::uint8_t> bytes) override;
  std::optional<Received> receive(std::span<std::uint8_t> buffer) override {
    return link_.receive(buffer);
  }

  struct Count {
    std::uint64_t duplicated = 0, held_back = 0, dropped = 0;
  };
  const Count& count() const { return count_; }

 private:
  bool happens(double chance) { return static_cast<double>(random_() >> 11) * 0x1p-53 < chance; }

  firmware::Transport& link_;
  std::function<void()> break_link_;
  LinkFaults faults_;
  std::mt19937_64 random_;
  std::vector<std::uint8_t> held_;
  Count count_;
};

}  // namespace simulator
