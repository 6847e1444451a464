// What a hub may ask of a meter besides its reports: the Device carries the bytes, this knows their
// meaning.

#pragma once

#include <cstdint>
#include <optional>
#include <span>

#include "measurement/units.h"

namespace firmware {

// Takes the hub's requests and has one reply at a time. No answer is waited for.
class Service {
 public:
  // Bytes that came as a request. What is none is passed over: there is nobody to tell.
  virtual void take(std::span<const std::uint8_t> request, measurement::Uptime now) = 0;
  // Does what is due; to be called as often as Device::step().
  virtual void step(measurement::Uptime now) = 0;
  // The reply that waits, or nothing. It stays until it is taken by `sent`.
  virtual std::span<const std::uint8_t> reply() const = 0;
  virtual void sent(measurement::Uptime now) = 0;
  // From where the outbox is to send a stream of this boot again; given once.
  struct From {
    std::uint8_t stream = 0;
    std::uint64_t number = 0;
  };
  virtual std::optional<From> send_again() = 0;

 protected:
  ~Service() = default;
};

}  // namespace firmware
