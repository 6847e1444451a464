// What the Energy dashboard should show of this home, so that nothing counts twice: proposed, and
// saved only when somebody says so. Entries that are not ours stay as they are.

#pragma once

#include <cstdint>
#include <expected>
#include <functional>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "hub/home.h"
#include "hub/integrations/home_assistant_conversation.h"
#include "hub/integrations/home_assistant_sensors.h"
#include "hub/partners.h"

namespace hub {

// How Home Assistant writes a grid: since 2026 as one source with both directions, before as lists
// of flows. (home-assistant/core, components/energy/data.py)
enum class EnergyForm : std::uint8_t { unified, flows };

struct ProposedPreferences {
  nlohmann::json preferences;      // As `energy/save_prefs` takes them.
  std::vector<std::string> lines;  // Each entry that is new or changed, or was left out and why.
  bool is_changed = false;
};

// `existing` is what `energy/get_prefs` answered (null: nothing yet). Grid, sun and battery become
// sources unless there is one of the kind that is not ours, which would count the same energy
// again. Circuits become individual devices; one that hangs under another names it in
// included_in_stat, so that both may be shown and nothing counts twice. The grid itself is no
// device: what hangs directly under it names nothing; and where the circuit above has no clamp, the
// next one above is named. `statistic_id` gives the id of a circuit's counter, empty where Home
// Assistant does not know it.
using StatisticIdOf = std::function<std::string(const Circuit&, Direction)>;
ProposedPreferences proposed_preferences(const Home&, measurement::Timestamp now,
                                         const nlohmann::json& existing, EnergyForm,
                                         const StatisticIdOf&);

// The conversation outlives it; one at a time.
class EnergyProposal {
 public:
  struct Result {
    ProposedPreferences proposed;
    bool is_saved = false;
  };
  using Done = std::function<void(std::expected<Result, std::string>)>;

  EnergyProposal(const Home&, StatisticsTarget, HomeAssistantConversation&);
  void run(bool save, measurement::Timestamp now, Done);

 private:
  void read_preferences();
  void propose(EnergyForm);
  void save(EnergyForm);
  void end(std::expected<Result, std::string>);

  const Home& home_;
  StatisticsTarget target_;
  HomeAssistantConversation& conversation_;
  bool wants_to_save_ = false;
  Done done_;
  measurement::Timestamp now_{};
  EntityIds entity_ids_;
  nlohmann::json existing_;
  Result result_;
};

}  // namespace hub
