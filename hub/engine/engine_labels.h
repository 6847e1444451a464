// What the labels of a series say, the same in every engine.

#pragma once

#include <algorithm>
#include <map>
#include <nlohmann/json.hpp>
#include <tuple>

#include "hub/engine/engine.h"
#include "hub/integrations/sample_points.h"

namespace hub {

// The boot's stream that a series is of, without steps. Throws std::exception where they say none.
inline Engine::Part part_of(const nlohmann::json& labels) {
  const auto stream = std::ranges::find(stream_names, labels.at("stream").get<std::string>());
  if (stream == stream_names.end()) throw std::runtime_error("no such stream");
  return {.boot = std::stoull(labels.at("boot").get<std::string>(), nullptr, 16),
          .stream = static_cast<measurement::Stream>(stream - stream_names.begin()),
          .since = measurement::Timestamp(
              std::chrono::milliseconds(std::stoll(labels.at("since").get<std::string>()))),
          .steps = {}};
}

// Finds the part that a series belongs to among those of before, or adds it.
inline Engine::Part& part_in(std::vector<Engine::Part>& parts, const nlohmann::json& labels,
                             std::size_t steps) {
  auto part = part_of(labels);
  const auto found = std::ranges::find_if(parts, [&](const Engine::Part& known) {
    return known.boot == part.boot && known.stream == part.stream && known.since == part.since;
  });
  if (found != parts.end()) return *found;
  part.steps.resize(steps);
  return parts.emplace_back(std::move(part));
}

}  // namespace hub
