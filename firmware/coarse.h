// Minutes out of seconds, for a link too thin for more: mean powers within a stated tolerance, and
// the running totals, which lose nothing.

#pragma once

#include <array>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <optional>

#include "measurement/sample.h"

namespace firmware {

struct CoarseDetail {
  std::chrono::milliseconds period;  // Of the coarse samples: a quarter of an hour, or divides it.
  float least_watts;                 // A mean is told anew once it is off by more than
  float share;                       // both this and this share of it.
  std::chrono::milliseconds batch;   // Between two connections.
};

// From what a budget likes best to what it can do without; energy is the same in all.
inline constexpr std::array coarse_details = {
    CoarseDetail{std::chrono::minutes(1), 1, 0.01f, std::chrono::hours(1)},
    CoarseDetail{std::chrono::minutes(1), 10, 0.05f, std::chrono::hours(1)},
    CoarseDetail{std::chrono::minutes(5), 10, 0.05f, std::chrono::hours(4)},
    CoarseDetail{std::chrono::minutes(15), 10, 0.05f, std::chrono::hours(12)},
    CoarseDetail{std::chrono::hours(1), 10, 0.05f, std::chrono::hours(24)},
};

// What is told instead of the samples. An image of which nobody thins has no code of it.
class Thinning {
 public:
  // The next sample of the steady stream; its chips never change. Returns the coarse sample that it
  // completes, if it does: valid until the next call.
  virtual const measurement::Sample* add(const measurement::Sample&) = 0;
  virtual std::chrono::milliseconds period() const = 0;

 protected:
  ~Thinning() = default;
};

// Numbers coarse samples from 0. Totals and voltages are in the first sample of each quarter of an
// hour of uptime, powers in all. A period in which a channel was never measured has no power of it.
// Allocates nothing.
class Coarse final : public Thinning {
 public:
  const measurement::Sample* add(const measurement::Sample&) override;

  // From the next coarse sample on.
  void use(const CoarseDetail& detail) { detail_ = detail; }
  std::chrono::milliseconds period() const override { return detail_.period; }

 private:
  struct Mean {
    double sum = 0;  // Steps.
    std::uint32_t count = 0;
  };

  void begin_period(measurement::Uptime);
  void complete(const measurement::Sample&);
  static std::optional<std::int64_t> rounded(const Mean&, std::int64_t to);
  std::optional<std::int64_t> power_of(std::size_t channel);

  CoarseDetail detail_ = coarse_details[0];
  std::optional<measurement::Uptime> end_;  // Of the period; absent before the first sample.
  std::int64_t quarter_ = -1;               // Whose totals were told last.
  std::uint64_t next_number_ = 0;
  std::array<Mean, measurement::max_channels> power_{};
  std::array<Mean, measurement::max_chips> voltage_{};
  std::array<std::optional<std::int64_t>, measurement::max_channels> told_{};  // Powers, in steps.
  measurement::Sample sample_;
};

}  // namespace firmware
