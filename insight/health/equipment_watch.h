// All that is watched of one asset: what changes over days or from run to run, and what must be
// said within minutes.

#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "insight/health/acute_watch.h"
#include "insight/health/asset_watch.h"
#include "insight/health/run_watch.h"

namespace insight {

// Of no other kind there is anything to watch.
bool is_watched(ApplianceKind);

class EquipmentWatch {
 public:
  // Of a kind that is_watched(). `memory` as memory() gave it; what is damaged is learnt anew.
  explicit EquipmentWatch(ApplianceKind, std::string_view memory = {});

  void set_surroundings(const Surroundings&);

  // The run or pause that was going on is not judged; what cools makes up for it.
  void mains_were_away();

  // Its own power, 0.3 s to a minute apart, in the order of time.
  void take(const Reading&);

  // Those that stand now; an asset has at most one for each change.
  std::vector<Finding> findings() const;

  struct State {
    Condition condition{};
    int days_left = 0;  // That are needed yet to learn what is usual; 0 unless learning.
    int runs_left = 0;  // The same in runs.
  };
  State state() const;

  // How what is looked at went, day by day or run by run, the latest `most` of them.
  std::vector<Evidence> trends(std::size_t most) const;

  // To a finding that stands; nothing happens where none does.
  void said(Change, Verdict, measurement::Timestamp);

  // At most 150 KiB.
  std::string memory() const;

 private:
  std::optional<AssetWatch> days_;
  std::optional<RunWatch> runs_;
  std::optional<AcuteWatch> acute_;
};

}  // namespace insight
