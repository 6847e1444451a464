// Asks meters, and knows what they replied.

#pragma once

#include <chrono>
#include <cstdint>
#include <expected>
#include <functional>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <utility>

#include "measurement/request.h"

namespace hub {

// Requests on their way, at most one to each meter. A meter that does not reply has not said
// whether it did what it was asked: ask it again.
class MeterRequests {
 public:
  static constexpr std::chrono::seconds patience{10};
  static constexpr std::chrono::milliseconds longest_window{700};  // Every second one garbled.
  static constexpr std::size_t most_waiting = 32;

  enum class Failure : std::uint8_t {
    busy,         // This meter has a request already.
    full,         // Too many meters have one.
    unreachable,  // The broker is away.
    silent,       // No reply within `patience`, and the time that its readings take.
  };
  // The reply lives as long as the call.
  using Done = std::function<void(const std::expected<const measurement::Reply*, Failure>& answer)>;

  struct World {
    // False: the broker is away.
    std::function<bool(std::string_view home, std::string_view device, std::string_view bytes)>
        send;
    std::function<std::uint64_t()> draw;  // 64 random bits.
  };
  explicit MeterRequests(World world) : world_(std::move(world)) {}

  // Gives the request its identity. `done` is called once, here or later.
  void ask(const std::string& home, const std::string& device, measurement::Request,
           measurement::Timestamp now, Done done);

  // What came as a reply of this meter. What is none, or nobody waits for, is passed over.
  void heard(std::string_view home, std::string_view device, std::string_view bytes,
             measurement::Timestamp now);

  // Gives up on those that waited long enough; to be called every second or so.
  void expire(measurement::Timestamp now);

  struct Condition {
    measurement::Timestamp time;           // Of the reply.
    measurement::Diagnostics diagnostics;  // Its firmware is empty: that is here.
    std::string firmware;                  // Printable ASCII.
  };
  // What the meter said last of itself since the hub's start; null: nothing.
  const Condition* condition(std::string_view home, std::string_view device) const;

 private:
  using Meter = std::pair<std::string, std::string>;  // Home and device.
  struct Waiting {
    std::uint64_t id;
    measurement::Timestamp asked;
    std::chrono::milliseconds patience;
    Done done;
  };

  World world_;
  std::map<Meter, Waiting> waiting_;
  std::map<Meter, Condition> conditions_;  // Of meters that were asked.
};

// What to do about it, in a sentence that names the meter.
std::string sentence(MeterRequests::Failure, std::string_view device);

}  // namespace hub
