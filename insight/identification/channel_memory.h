// What an identifier has learnt of its channel: the appliances that it found, with their runs, and
// what people said of them. As bytes it is kept and given back.

#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "insight/identification/activation_features.h"
#include "insight/identification/channel_identifier.h"
#include "insight/identification/kind_classifier.h"
#include "insight/identification/signatures.h"

namespace insight {

struct RememberedRun {
  Run run;
  Features features{};
  KindChances chances{};  // Not kept: they are the classifier's.
  float weight = 1;
  bool is_level = false;
  bool is_said = false;  // Somebody spoke of it.
};

struct LearntAppliance {
  ApplianceId id = unexplained;
  bool is_standing = false;  // The latest time it drew for hours, and others ran above it.
  std::optional<ApplianceKind> confirmed_kind;
  bool is_confirmed = false;  // Somebody named it; without a kind, perhaps.
  bool is_refit = false;      // Its signature is of what people said alone.
  std::string name;
  Signature signature;
  KindBelief belief;  // Of the activations that ended.
  std::vector<RememberedRun> runs;
  std::uint32_t run_count = 0;
};

struct ChannelMemory {
  static constexpr std::size_t max_appliances = 64, max_runs = 200;  // Of each.

  ApplianceId next_appliance = 1;
  std::uint64_t next_run = 1;
  std::vector<LearntAppliance> appliances;
};

std::string bytes_of(const ChannelMemory&);  // docs/model_format.md

// Throws std::runtime_error with one sentence where the bytes are damaged or not for this program.
ChannelMemory read_channel_memory(std::string_view bytes);

}  // namespace insight
