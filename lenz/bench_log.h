// What a meter is heard to say while it is on the bench.

#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <set>
#include <span>
#include <vector>

#include "measurement/report.h"

namespace lenz {

// Of the clamp on the bench.
struct BenchReading {
  measurement::Timestamp heard{};
  std::optional<measurement::Volts> voltage;
  std::optional<measurement::Amperes> current;
  std::optional<measurement::Watts> active_power;
  std::optional<measurement::Vars> reactive_power;
  std::optional<measurement::MilliwattHours> imported, exported;  // Since the meter's start.
};

class BenchLog {
 public:
  explicit BenchLog(std::size_t channel) : channel_(channel) {}

  // A report that was heard at `now`. Those of other streams than the steady one are passed over.
  void take(const measurement::ReportHeader&, std::span<const measurement::Sample>,
            measurement::Timestamp now);

  // When a sample came that none before it had; nothing: never.
  std::optional<measurement::Timestamp> last_heard() const { return last_heard_; }
  // The meter's start that the newest sample is of; 0: none was heard.
  std::uint64_t boot() const { return boot_; }
  std::size_t boots() const { return numbers_.size(); }
  std::uint64_t lost() const { return lost_; }  // As the meter counts them, since its last start.
  // Numbers that are lacking between the first and the last that were heard of a start.
  std::uint64_t missing() const;
  std::uint64_t count() const;  // Of different samples.

  struct Chip {
    std::optional<measurement::Volts> voltage;
    std::optional<measurement::Hertz> frequency;
    std::optional<measurement::Celsius> temperature;
  };
  // What each said last; what a chip has not said since forget_chips() is absent.
  const std::vector<Chip>& chips() const { return chips_; }
  void forget_chips() { chips_.clear(); }

  // In the order in which they came.
  std::vector<BenchReading> readings_since(measurement::Timestamp) const;

 private:
  void read_chips(const measurement::Sample&);

  std::size_t channel_;
  std::map<std::uint64_t, std::set<std::uint64_t>> numbers_;  // By boot.
  std::vector<BenchReading> readings_;
  std::vector<Chip> chips_;
  std::uint64_t boot_ = 0;
  std::uint64_t lost_ = 0;
  std::optional<measurement::Timestamp> last_heard_;
};

}  // namespace lenz
