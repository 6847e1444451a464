// The condition of one asset that works in cycles: a fridge, a freezer, a heat pump, a pump, a
// water heater. It learns how the asset used to be, and says when it is not so any more.
//
//   readings ──> cycles ──> a day's features ──> shift ──> finding
//
// Streaming; constant memory. Nothing is said of what was not measured.

#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "insight/appliance_kinds.h"
#include "insight/health/cycle_days.h"
#include "insight/health/cycle_patterns.h"
#include "insight/health/duty_cycles.h"
#include "insight/health/finding.h"
#include "insight/reading.h"

namespace insight {

enum class Condition : std::uint8_t {
  learning,   // Until enough days were seen.
  as_before,  // What was looked at is as it used to be.
  changed,    // A finding stands.
  unusual,    // Away from what was learnt in a way that its surroundings explain; not judged.
};

// What people say to a finding.
enum class Verdict : std::uint8_t {
  fixed,     // It was so, and is repaired.
  expected,  // It is so, and shall be taken for usual.
  wrong,     // It was not so; it takes more to say it again.
};

class AssetWatch {
 public:
  // Of a kind that is_watched_by_cycles(). `memory` as memory() gave it; what is damaged or of
  // another kind is left, and it learns anew.
  // A finding takes a score of `caution` times the one that ships.
  explicit AssetWatch(ApplianceKind, std::string_view memory = {}, float caution = 1);
  AssetWatch(AssetWatch&&) noexcept;
  AssetWatch& operator=(AssetWatch&&) noexcept;
  ~AssetWatch();

  // From now on, until told otherwise.
  void set_surroundings(const Surroundings&);

  // Its own power, 0.3 s to a minute apart, in the order of time.
  void take(const Reading&);
  // Instead of readings, where cycles are known already.
  void take(const DutyCycle&);

  // Those that stand now.
  std::vector<Finding> findings() const;

  struct State {
    Condition condition{};
    int days_left = 0;  // Whole days that are needed yet; 0 unless learning.
  };
  State condition() const;

  // Whole days, the oldest first, at most 400.
  const std::vector<AssetDay>& days() const;

  // To a finding that stands; nothing happens where none does.
  void said(Change, Verdict, measurement::Timestamp);

  // At most 64 KiB.
  std::string memory() const;

 private:
  struct Parts;
  std::unique_ptr<Parts> parts_;
};

}  // namespace insight
