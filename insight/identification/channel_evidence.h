// What a channel shows of its activations while they run: their features when they end, and at
// growing ages before, so that they can be named live.

#pragma once

#include <chrono>
#include <cstdint>
#include <vector>

#include "insight/identification/activation_features.h"
#include "insight/identification/activations.h"

namespace insight {

struct ActivationEvidence {
  std::uint64_t activation = 0;
  bool ended = false;
  float weight = 1;  // Above 0, at most 1: its energy beside that of the channel's greatest.
  Features features{};
};

class ChannelEvidence {
 public:
  // Good until the next call. In the order of time.
  const std::vector<ActivationEvidence>& take(const Reading&);

  const ActivationTracker& activations() const { return tracker_; }
  const ActivationChange& change() const { return *change_; }  // Of the latest reading.

 private:
  float weight_of(const Activation&) const;

  struct Due {
    std::uint64_t activation = 0;
    measurement::Timestamp next{};
  };

  ActivationTracker tracker_;
  ChannelPast past_;
  double greatest_ws_ = 0;
  const ActivationChange* change_ = nullptr;
  std::vector<Due> due_;  // Of the open ones.
  std::vector<ActivationEvidence> evidence_;
};

}  // namespace insight
