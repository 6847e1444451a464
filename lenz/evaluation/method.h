// Something that says what runs: ours, and those that it is compared with.

#pragma once

#include <functional>
#include <limits>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <span>
#include <string>
#include <vector>

#include "lenz/evaluation/scenes.h"

namespace lenz::evaluation {

// Somebody's claim that an appliance ran from begin to end.
struct NamedSpan {
  measurement::Timestamp begin{}, end{};
  double energy_wh = 0;
  std::optional<ApplianceKind> kind;                              // The best guess.
  double probability = std::numeric_limits<double>::quiet_NaN();  // NaN: the method gives none.
  bool is_shown = false;                                          // To people, as the kind's name.
  std::optional<measurement::Timestamp> named_at;  // When it was first shown; absent: never.
  std::uint32_t appliance = 0;                     // Within the channel.
};

// In watts, of each row of a channel. A row is NaN where the channel is.
struct Powers {
  std::map<ApplianceKind, std::vector<float>> kinds;
  std::vector<float> rest;  // What no kind explains: kinds and rest are the channel's power.
};

struct ChannelEstimate {
  Powers live;     // As it was known at each row.
  Powers revised;  // As it is known at the end.
  std::vector<NamedSpan> live_spans, revised_spans;
};

struct Answered {
  std::size_t channel = 0;
  measurement::Timestamp begin{}, end{};
};

// Somebody at home, who is asked what ran on a channel from begin to end. Absent: they do not know,
// or were asked often enough. Kept is what was answered.
class Owner {
 public:
  virtual ~Owner() = default;
  virtual std::optional<ApplianceKind> answer(std::size_t channel, measurement::Timestamp begin,
                                              measurement::Timestamp end) = 0;

  // Whether a hub asks, which does so twice a day and of the channel where it is worth most; else
  // each channel is asked whenever something ends there.
  virtual bool is_asked_by_hub() const { return false; }
};

using CaseList = std::span<const std::shared_ptr<const Case>>;

class Method {
 public:
  virtual ~Method() = default;
  virtual std::string name() const = 0;
  // Whether it shows names to people, so that they can be wrong.
  virtual bool shows_names() const { return false; }

  // Forgets what it learnt earlier. Only `wanted` kinds will be asked for.
  virtual void fit(CaseList training, const std::set<ApplianceKind>& wanted) = 0;

  // One for each channel. Kinds that are not in `wanted` may be left out; what is said of the
  // others does not depend on it.
  virtual std::vector<ChannelEstimate> estimate(std::span<const Channel>,
                                                const std::set<ApplianceKind>& wanted,
                                                Owner&) const = 0;
};

// rest = power - kinds, which conserves by itself.
void fill_rest(const Channel&, Powers&);

// Throws std::runtime_error with one sentence where kinds and rest are not the channel's power to
// 0.1 W, or not missing where it is.
void require_conservation(const Channel&, const Powers&, const std::string& who);

}  // namespace lenz::evaluation
