// What is wrong with how a meter is wired, from 10 to 30 minutes of its samples.
//
//   samples ──> Recorder ──> examine() ──> findings, and the clamps that carry too little to judge
//
// A step of a circuit is a step of the mains too. Their complex ratio says which leg a circuit
// hangs on, how its clamp lies to the mains' clamp and how much of the current it sees, whatever
// the power factor of the load; what the loads' own angles say decides between mains and circuit.
// docs/wiring.md has the method and how often it was wrong.

#pragma once

#include <array>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "insight/wiring/panel.h"
#include "measurement/sample.h"

namespace insight::wiring {

enum class Fault : std::uint8_t {
  dead_chip,        // Nothing is read from it.
  no_voltage,       // Its voltage input is not connected.
  reversed,         // A clamp the wrong way round.
  wrong_leg,        // The circuit hangs on another leg than the one entered.
  no_own_voltage,   // Its phase's voltage is not measured where it hangs: its watts are not valid.
  swapped,          // Two clamps are exchanged.
  doubled,          // Two clamps are on one wire.
  two_pole_pair,    // Two single circuits are one breaker of two poles.
  half_counted,     // One clamp of a circuit of two poles counts once instead of twice.
  current_limit,    // The chip's current ends at 65.535 A.
  clipped,          // The clamp gives more than the chip's input takes.
  wrong_type,       // Another type of clamp than the one set.
  before_mains,     // The circuit does not flow through the mains' clamps.
  more_than_mains,  // The circuits add up to more than the mains, and nobody knows which.
};

struct FaultRow {
  Fault id;
  std::string_view word;   // In JSON.
  std::string_view title;  // Follows the name of the clamp.
};

inline constexpr std::array faults = {
    FaultRow{Fault::dead_chip, "dead_chip", "it does not answer"},
    FaultRow{Fault::no_voltage, "no_voltage", "no voltage"},
    FaultRow{Fault::reversed, "reversed", "the wrong way round"},
    FaultRow{Fault::wrong_leg, "wrong_leg", "another leg than entered"},
    FaultRow{Fault::no_own_voltage, "no_own_voltage", "not its own phase's voltage"},
    FaultRow{Fault::swapped, "swapped", "exchanged"},
    FaultRow{Fault::doubled, "doubled", "on one wire"},
    FaultRow{Fault::two_pole_pair, "two_pole_pair", "two poles of one breaker"},
    FaultRow{Fault::half_counted, "half_counted", "counted for one leg only"},
    FaultRow{Fault::current_limit, "current_limit", "the chip's current ends here"},
    FaultRow{Fault::clipped, "clipped", "more than the input takes"},
    FaultRow{Fault::wrong_type, "wrong_type", "another type of clamp than set"},
    FaultRow{Fault::before_mains, "before_mains", "not behind the mains' clamps"},
    FaultRow{Fault::more_than_mains, "more_than_mains", "the circuits draw more than the mains"},
};

namespace detail {
constexpr bool faults_are_in_order() {
  for (std::size_t i = 0; i < faults.size(); ++i) {
    if (static_cast<std::size_t>(faults[i].id) != i) return false;
  }
  return true;
}
static_assert(faults_are_in_order(), "BUG: faults must stand in the order of their numbers");
}  // namespace detail

constexpr const FaultRow& row(Fault f) { return faults[static_cast<std::size_t>(f)]; }

struct Finding {
  Fault fault{};
  std::vector<std::size_t> channels{};  // The clamps it is about; none where it is about a chip.
  std::optional<std::size_t> chip{};
  int leg = 0;                       // Where the circuit really hangs; 0: not a matter of legs.
  double factor = 1;                 // What flows, over what is said.
  std::vector<std::string> types{};  // Of clamps that would read so.
  // wrong_leg: clamps that carry nothing to tell by, and that it may be exchanged with instead.
  std::vector<std::size_t> perhaps{};
  float confidence = 0;              // 0 to 1.
  std::string where, evidence, fix;  // A sentence each; `where` names clamp and circuit.
};

struct Report {
  std::vector<Finding> findings;    // The surest first.
  std::vector<std::size_t> silent;  // Channels that carry too little to be judged.
  std::chrono::milliseconds length{};
};

inline constexpr auto shortest_examination = std::chrono::minutes(10);
inline constexpr std::size_t most_examined = 7200;  // Samples; the oldest go first.

// Keeps what an examination needs of the samples of one meter.
class Recorder {
 public:
  explicit Recorder(std::size_t chips);

  // In the order of time.
  void take(measurement::Timestamp, const measurement::Sample&);

  // Of one channel at one instant. NaN: not measured.
  struct Point {
    float watts, vars, amperes, peak_amperes;
  };
  std::size_t size() const { return times_.size(); }
  std::size_t chips() const { return chips_; }
  measurement::Timestamp time(std::size_t at) const { return times_[at]; }
  const Point& point(std::size_t at, std::size_t channel) const {
    return points_[at * chips_ * measurement::channels_per_chip + channel];
  }
  float volts(std::size_t at, std::size_t chip) const { return volts_[at * chips_ + chip]; }

 private:
  std::size_t chips_;
  std::vector<measurement::Timestamp> times_;
  std::vector<Point> points_;
  std::vector<float> volts_;
};

// Says nothing of what it is not sure of. Less than `shortest_examination` gives no findings. Some
// tenths of a second for half an hour of 42 channels, a few seconds where clamps may be exchanged.
Report examine(Panel, Recorder);

// The same, for who must not be kept waiting.
class Examining {
 public:
  Examining(Panel, Recorder);
  ~Examining();
  Examining(Examining&&) noexcept;
  Examining& operator=(Examining&&) noexcept;

  // A piece of it. Nothing: it is to be called again.
  std::optional<Report> step();

 private:
  struct Work;
  std::unique_ptr<Work> work_;
};

}  // namespace insight::wiring
