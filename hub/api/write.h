// Points in line protocol by POST, as programs write them to InfluxDB 1.x and 2.x.

#pragma once

#include <chrono>
#include <cstddef>
#include <expected>
#include <functional>
#include <string>
#include <string_view>

#include "hub/api/message.h"
#include "hub/store/store.h"
#include "measurement/units.h"

namespace hub {

// What became of a text of points.
struct PointsTaken {
  std::size_t lines = 0;       // Without empty ones and comments.
  std::size_t refused = 0;     // Of them.
  std::size_t first_line = 0;  // That was refused, from 1.
  std::string why;             // "has no fields"
};

// Where points go; it is built where hub/ingest is known.
struct PointsDoor {
  std::function<std::expected<PointsTaken, StoreError>(
      std::string_view text, std::chrono::nanoseconds unit, measurement::Timestamp now)>
      take;
  // Calls back once, when all that was taken before is on the disk, or is lost.
  std::function<void(std::function<void(std::expected<void, StoreError>)>)> when_stored;
};

inline constexpr std::size_t most_points_bytes = 4 * 1024 * 1024;  // Of a body, unpacked too.

// The answer waits for the disk: 204 when all is on it, 400 with the first bad line when the rest
// is, 503 or 507 when nothing could be stored and the same may be sent again.
Response write_points(const PointsDoor&, const Request&, std::string_view query,
                      measurement::Timestamp now);

// The token of "Token TOKEN", "Bearer TOKEN", or the password of "Basic ..."; else empty.
std::string written_token(std::string_view authorization);

}  // namespace hub
