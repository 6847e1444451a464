// What Prometheus reads: its text format 0.0.4
// (https://prometheus.io/docs/instrumenting/exposition_formats/#text-based-format).

#pragma once

#include <cstddef>
#include <cstdint>
#include <expected>
#include <optional>
#include <string>
#include <string_view>

#include "hub/api/served_home.h"

namespace hub {

// What came from the broker since the hub's start.
struct Traffic {
  std::uint64_t reports = 0;     // That were accepted.
  std::uint64_t refused = 0;     // That were no report, or not to be accepted.
  std::uint64_t overflowed = 0;  // For which there was no room: their meters send them again.
};

// Power and energy of every circuit of a home, and how its meters do. What is not known is left
// out, and so is the power of a meter that was last heard more than a minute ago. `home` may be
// null: only what the hub itself has to tell.
std::expected<std::string, StoreError> metrics_text(const ServedHome* home, std::size_t homes,
                                                    const std::optional<Traffic>&,
                                                    std::string_view version,
                                                    measurement::Timestamp now);

// Whether an Authorization header is "Bearer " and the token; false for an empty token. Takes as
// long for a wrong token as for a right one.
bool is_bearer_of(std::string_view token, std::string_view authorization);

}  // namespace hub
