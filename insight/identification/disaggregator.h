// Takes the power of a channel that feeds many apart: how much of it each kind of appliance draws.
//
//   Reading -> Slots -> WindowFeatures -> a forest a kind -> shares that make up the reading
//
// A forest says the power to be expected. Little is expected where the kind probably does not run:
// then nothing is said, which lessens the absolute error.

#pragma once

#include <array>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <limits>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "insight/appliance_kinds.h"
#include "insight/identification/channel_identifier.h"
#include "insight/identification/forest.h"
#include "insight/reading.h"
#include "insight/identification/window_features.h"

namespace insight {

// Of one kind, by what came before (live) and by what came after too (settled).
struct KindForests {
  struct View {
    Forest power;  // Expected watts.
    // What is less is not said; infinite: never, and there is no forest.
    measurement::Watts said_from{std::numeric_limits<float>::infinity()};

    bool is_said() const { return std::isfinite(said_from.value); }
  };

  ApplianceKind kind{};
  measurement::Watts least{};  // What is less above the base is not of the kind.
  View live, settled;
};

// The model part "mains".
struct MainsModel {
  static constexpr std::size_t max_kinds = appliance_kinds.size();
  std::vector<KindForests> kinds;

  std::string bytes() const;

  // Throws std::runtime_error with one sentence where they are damaged or for another program.
  static MainsModel from(std::string_view bytes);
};

class Disaggregator {
 public:
  // Of one reading, in the order of MainsModel::kinds. Together with `unexplained` they are the
  // reading's active power to 0.1 W; none is negative where that is not.
  struct Shares {
    measurement::Timestamp time{};
    measurement::Watts measured{}, unexplained{};
    std::array<measurement::Watts, MainsModel::max_kinds> of_kind{};
  };

  // The model is shared by all channels. Of the facts the nominal voltage and the UTC offset count.
  explicit Disaggregator(std::shared_ptr<const MainsModel>, const ChannelFacts& = {});

  // In the order of time; a reading that is not later than the last is left out, and one whose
  // power is not measured too. A hole of 10 minutes ends what ran.
  void take(const Reading&);
  void end();  // Nothing follows: all is settled.

  // Of the latest reading, as far as it can be known at once; absent: it was not measured.
  const std::optional<Shares>& live() const { return live_; }

  // The oldest that was not taken yet and has its future behind it, WindowFeatures::lag; absent:
  // none.
  std::optional<Shares> take_settled();

 private:
  struct Kept {
    measurement::Timestamp time{};
    float power_w = 0;
  };
  using Estimate = Shares;  // Of a slot.

  void take(std::span<const Slot>);
  void settle();
  void estimate(bool settled, Estimate&) const;
  static Shares apply(const Estimate&, measurement::Timestamp, float power_w);

  std::shared_ptr<const MainsModel> model_;
  measurement::Volts nominal_voltage_;
  std::optional<std::chrono::minutes> utc_offset_;
  Slots slots_;
  WindowFeatures features_;
  std::vector<float> live_features_, settled_features_;
  Estimate slot_now_;
  std::optional<measurement::Timestamp> last_;
  std::optional<Shares> live_;
  std::deque<Kept> waiting_;  // Readings without settled shares.
  std::deque<Shares> settled_;
};

}  // namespace insight
