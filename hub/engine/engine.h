// A database outside that keeps samples as lenz_sample (docs/engines.md) and adds them up: the long
// memory of a store.

#pragma once

#include <cstddef>
#include <cstdint>
#include <expected>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "hub/integrations/engine_dialect.h"
#include "hub/store/store.h"
#include "hub/store/summary.h"

namespace hub {

// Carries a request and waits for its answer, at most as long as was allowed.
class EngineLine {
 public:
  virtual ~EngineLine() = default;

  // All requests until the next call share this time.
  virtual void allow(std::chrono::milliseconds) = 0;
  virtual EngineAnswer ask(const EngineRequest&) = 0;
};

// Every error is StoreError::unavailable: there was no answer, or none that makes sense.
class Engine {
 public:
  virtual ~Engine() = default;

  virtual const EngineDialect& dialect() const = 0;

  // `count` steps from a time on.
  struct Steps {
    measurement::Timestamp begin;
    std::chrono::milliseconds step;
    std::size_t count = 0;
  };

  // A series in one stream of one boot, in whole steps of the quantity's resolution.
  struct Part {
    std::uint64_t boot = 0;
    measurement::Stream stream{};
    measurement::Timestamp since;  // When the boot began.
    std::vector<MinuteSummary> steps;
  };
  // Not of derived quantities. Parts without a sample in all of the steps may be missing.
  virtual std::expected<std::vector<Part>, StoreError> parts(const Series&, const Steps&) = 0;

  struct Value {
    std::uint64_t boot = 0;
    measurement::Stream stream{};
    measurement::Timestamp time;
    std::int64_t steps = 0;
    friend auto operator<=>(const Value&, const Value&) = default;
  };
  // Each of the samples, in any order. Not of derived quantities.
  virtual std::expected<std::vector<Value>, StoreError> values(const Series&, TimeRange) = 0;

  // When the first boot began of which there are samples. Nothing: there are none.
  virtual std::expected<std::optional<measurement::Timestamp>, StoreError> began(
      std::string_view device) = 0;
};

}  // namespace hub
