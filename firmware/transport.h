// The only thing the meter needs from a radio or a cable.

#pragma once

#include <cstddef>
#include <cstdint>
#include <span>

namespace firmware {

class Transport {
 public:
  // Whether a report given now has a chance to travel. A link that went down
  // and up again has dropped what was under way; `connections` then has grown.
  virtual bool is_up() const = 0;
  virtual unsigned connections() const = 0;

  // False: not taken, the same report may be offered again later.
  virtual bool send(std::span<const std::uint8_t> report) = 0;

  // Copies the next answer of the hub into `buffer` and returns its size; 0: none is waiting.
  virtual std::size_t receive(std::span<std::uint8_t> buffer) = 0;

 protected:
  ~Transport() = default;
};

}  // namespace firmware
