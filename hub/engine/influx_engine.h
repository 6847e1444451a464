// An InfluxDB that is asked in InfluxQL: 1.x, and 2.x through its 1.x interface.

#pragma once

#include <string>

#include "hub/engine/engine.h"

namespace hub {

// The line outlives it.
class InfluxEngine final : public Engine {
 public:
  // `home` as in the points' tags. Throws std::runtime_error like InfluxDialect.
  InfluxEngine(InfluxDb, std::string home, EngineLine&);

  const EngineDialect& dialect() const override { return dialect_; }
  std::expected<std::vector<Part>, StoreError> parts(const Series&, const Steps&) override;
  std::expected<std::vector<Value>, StoreError> values(const Series&, TimeRange) override;
  std::expected<std::optional<measurement::Timestamp>, StoreError> began(
      std::string_view device) override;

 private:
  std::string from(const Series&, TimeRange) const;

  const InfluxDialect dialect_;
  const std::string home_;
  EngineLine& line_;
};

}  // namespace hub
