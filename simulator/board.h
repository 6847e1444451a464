// The meter's hardware in a scene: clamps that fit, chips with their boards' front ends, and the
// calibration that a careful owner would have given them.

#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string_view>
#include <vector>

#include "firmware/atm90e32.h"
#include "simulator/atm90e32_chip.h"
#include "simulator/faulty_bus.h"
#include "simulator/scene.h"

namespace simulator {

struct CurrentTransformer {
  std::string_view name;
  double ratio;     // Primary over secondary current.
  double greatest;  // Amperes, RMS: what keeps the pin below 720 mV, the chip's rating.
};

inline constexpr double burden_ohm = 22;

// The smallest that carries `greatest`, else the largest there is.
const CurrentTransformer& clamp_for(measurement::Amperes greatest);

// What makes the chip's counts true behind `front`, at most half a step of gain off. `multiplier`
// is raised until `greatest` fits the current's register.
firmware::ChannelConfig calibrated(const FrontEnd& front, std::size_t phase, int line_frequency,
                                   measurement::Amperes greatest);

struct BoardOptions {
  ChipOptions chip;             // Each chip has its own seed and its own place in the window.
  double clock_spread_ppm = 0;  // The chips' crystals are off by up to so much.
  BusFaults faults;
  std::uint64_t seed = 1;
  double gain_spread = 0;  // Voltages and clamps are off by up to this share of themselves,
  double lead_spread = 0;  // and clamps lead by up to so many degrees: nobody calibrated it.
};

// The scene must outlive the board.
class Board {
 public:
  explicit Board(Scene& scene, const BoardOptions& options = {});

  // Meters, through each of the scene's pieces, what flowed until `now`, which never goes back; the
  // first call sets the begin. Returns whether the meter has power at `now`: while it has not, its
  // chips are off, and when it is back they and the meter start anew.
  bool advance(measurement::Timestamp now);

  std::size_t chips() const { return chips_.size(); }
  const std::vector<firmware::ChipConfig>& configs() const { return configs_; }
  firmware::SpiBus& bus(std::size_t chip) { return *buses_[chip]; }
  Atm90e32Chip& chip(std::size_t chip) { return *chips_[chip]; }
  std::uint64_t frames() const;  // On all buses, since the begin.
  std::uint64_t flips() const;

 private:
  void enter(measurement::Timestamp);

  Scene& scene_;
  std::vector<firmware::ChipConfig> configs_;
  // On the heap each, since buses refer to chips and drivers to buses.
  std::vector<std::unique_ptr<Atm90e32Chip>> chips_;
  std::vector<std::unique_ptr<FaultyBus>> buses_;
  std::vector<ChipInput> inputs_;
  std::optional<measurement::Timestamp> at_;
  Scene::Moment moment_;
};

}  // namespace simulator
