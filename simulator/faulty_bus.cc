#include "simulator/faulty_bus.h"

#include <cmath>
#include <limits>

namespace simulator {

FaultyBus::FaultyBus(firmware::SpiBus& bus, const BusFaults& faults, std::uint64_t seed)
    : bus_(bus),
      random_(seed),
      answer_{faults.answer},
      written_{faults.written},
      address_{faults.address} {
  for (auto* fault : {&answer_, &written_, &address_}) draw(*fault);
}

void FaultyBus::exchange(std::span<std::uint8_t> bytes) {
  ++frames_;
  if (bytes.size() != 4) {
    bus_.exchange(bytes);
    return;
  }
  const bool is_read = bytes[0] & 0x80;
  if (strikes(address_)) flip(bytes.first(2), 10);
  if (!is_read && strikes(written_)) flip(bytes.last(2), 16);
  bus_.exchange(bytes);
  if (is_read && strikes(answer_)) flip(bytes.last(2), 16);
}

bool FaultyBus::strikes(Fault& fault) {
  if (fault.after > 0) {
    --fault.after;
    return false;
  }
  draw(fault);
  return true;
}

// The number of good frames before a bad one is geometrically distributed.
void FaultyBus::draw(Fault& fault) {
  fault.after = std::numeric_limits<std::uint64_t>::max();
  if (fault.chance <= 0) return;
  fault.after = 0;
  if (fault.chance >= 1) return;
  const double uniform = (static_cast<double>(random_() >> 11) + 1) * 0x1p-53;
  fault.after = static_cast<std::uint64_t>(std::log(uniform) / std::log1p(-fault.chance));
}

void FaultyBus::flip(std::span<std::uint8_t> word, unsigned bits) {
  ++flips_;
  const auto bit = static_cast<unsigned>(random_() % bits);
  auto& byte = word[1 - bit / 8];
  byte = static_cast<std::uint8_t>(byte ^ 1u << bit % 8);
}

}  // namespace simulator
