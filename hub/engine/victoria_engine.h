// A VictoriaMetrics that is asked in MetricsQL.

#pragma once

#include <string>

#include "hub/engine/engine.h"

namespace hub {

// The line outlives it.
class VictoriaEngine final : public Engine {
 public:
  // `home` as in the points' labels. Throws std::runtime_error like VictoriaDialect.
  VictoriaEngine(VictoriaMetrics, std::string home, EngineLine&);

  const EngineDialect& dialect() const override { return dialect_; }
  std::expected<std::vector<Part>, StoreError> parts(const Series&, const Steps&) override;
  std::expected<std::vector<Value>, StoreError> values(const Series&, TimeRange) override;
  std::expected<std::optional<measurement::Timestamp>, StoreError> began(
      std::string_view device) override;

 private:
  std::string selector(const Series&) const;

  const VictoriaDialect dialect_;
  const std::string home_;
  EngineLine& line_;
};

}  // namespace hub
