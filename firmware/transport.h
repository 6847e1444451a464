// The only thing the meter needs from a radio or a cable.

#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>

namespace firmware {

enum class Post : std::uint8_t { report, reply };    // From meter to hub.
enum class Mail : std::uint8_t { stored, request };  // From hub to meter.

class Transport {
 public:
  // Whether what is given now has a chance to travel. A link that went down
  // and up again has dropped what was under way; `connections` then has grown.
  virtual bool is_up() const = 0;
  virtual unsigned connections() const = 0;

  // False: not taken, the same bytes may be offered again later.
  virtual bool send(Post, std::span<const std::uint8_t> bytes) = 0;

  // Copies what the hub sent next into `buffer`, as far as it fits; nothing: none is waiting.
  struct Received {
    Mail mail;
    std::size_t size;
  };
  virtual std::optional<Received> receive(std::span<std::uint8_t> buffer) = 0;

 protected:
  ~Transport() = default;
};

}  // namespace firmware
