// One meter in its world: the chips that a scene feeds, and the device that reads them.

#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <random>
#include <string>
#include <vector>

#include "firmware/atm90e32.h"
#include "firmware/device.h"
#include "firmware/service.h"
#include "firmware/update.h"
#include "simulator/board.h"
#include "simulator/boot_flash.h"
#include "simulator/scene.h"

namespace lenz {

struct SimulatedMeterOptions {
  std::string device;
  std::chrono::milliseconds period{1000};
  firmware::EdgeRule edges{};  // None, unless it is stepped often enough for it.
  std::uint64_t seed = 0;      // Of the boots' names and of the bus faults.
  double bit_flips = 0;        // Share of frames in which one bit of the chip's answer is flipped.
  double address_flips = 0;    // Share of frames whose address reaches the chip with a flipped bit.
  bool takes_requests = true;
  bool is_uncalibrated = false;  // Gains are up to 5 % off and clamps lead by up to 1.5 degrees.
  // Whose updates it takes, into a simulated flash that starts with version 1.0.0; null: none. An
  // image changes its version and nothing else that it does. Outlives the meter.
  firmware::SignatureCheck* update_key = nullptr;
};

// Scene, storage and transport must outlive it. When the scene's mains fail, so does the meter;
// when they come back it starts anew with the same storage, and with the words that it was set to.
class SimulatedMeter : private firmware::BoardControl {
 public:
  SimulatedMeter(simulator::Scene&, const SimulatedMeterOptions&, firmware::Storage&,
                 firmware::Transport&);
  ~SimulatedMeter();

  // Moves the world to `now` and samples when it is time.
  void sample(measurement::Timestamp now);
  // Talks with the hub; `steady` is any clock that never stands still.
  void exchange(measurement::Uptime steady);

  bool is_on() const { return device_.has_value(); }
  float outbox_fill() const { return device_ ? device_->outbox().fill() : 0; }
  bool is_all_stored() const { return device_ && device_->outbox().empty(); }

  struct Count {
    std::uint64_t starts = 0;
    std::uint64_t samples = 0;            // Taken.
    std::uint64_t reports = 0;            // Handed to the link.
    std::uint64_t lost = 0;               // Dropped by the outbox before they were stored.
    std::uint64_t frames = 0, flips = 0;  // On the bus.
    std::uint64_t resets = 0, garbled = 0, doubtful = 0;  // As the sampler saw the chips.
  };
  Count count() const;

 private:
  // The two slots and what watches over them.
  struct Images;

  void start(measurement::Timestamp now);
  void end();

  bool keep(std::size_t channel, const firmware::ChannelConfig&) override;
  bool identify() override { return false; }  // It has no light.
  bool restart() override;
  void tell(measurement::Diagnostics&) const override;

  SimulatedMeterOptions options_;
  std::mt19937_64 random_;
  simulator::Board board_;
  std::vector<firmware::Atm90e32> chips_;
  std::vector<measurement::Sample> window_;
  firmware::Storage& storage_;
  firmware::Transport& transport_;
  std::map<std::size_t, firmware::ChannelConfig> kept_;  // By channel.
  std::unique_ptr<Images> images_;                       // Null: it takes no updates.
  bool restarts_ = false;
  std::optional<firmware::MeterService> service_;
  std::optional<firmware::Device> device_;
  measurement::Timestamp booted_at_{};
  Count count_;  // Of the starts before this one.
};

}  // namespace lenz
