// The only thing the outbox needs to survive a restart: a fixed number of bytes
// in a file, or in a partition of the flash.

#pragma once

#include <cstddef>
#include <cstdint>
#include <span>

namespace firmware {

class Storage {
 public:
  virtual std::size_t size() const = 0;

  // False: the bytes could not be read or written. `offset + bytes.size()` is at most size().
  virtual bool read(std::size_t offset, std::span<std::uint8_t> bytes) = 0;
  virtual bool write(std::size_t offset, std::span<const std::uint8_t> bytes) = 0;

 protected:
  ~Storage() = default;
};

}  // namespace firmware
