// What the Energy dashboard should show of this home, so that nothing counts twice: proposed, and
// saved only when somebody says so. Entries that are not ours stay as they are.

#pragma once

#include <cstdint>
#include <expected>
#include <functional>
#include <nlohmann/json.hpp>
#include <string>

#include "hub/home.h"
#include "hub/integrations/home_assistant_conversation.h"
#include "hub/ledger.h"
#include "hub/partners.h"

namespace hub {

// How Home Assistant writes a grid: since 2026 as one source with both directions and a rate,
// before as lists of flows. (components/energy/data.py)
enum class EnergyForm : std::uint8_t { unified, flows };

// `existing` is what `energy/get_prefs` answered, merged with the home's grid, sun, batteries and
// circuits. A circuit under another names it in included_in_stat; the grid itself is no device, so
// what hangs directly under it names nothing. Circuits without a clamp are passed over: what hangs
// under them names the next one above. `statistic_id` gives the id for a circuit and key.
nlohmann::json proposed_preferences(
    const Home&, measurement::Timestamp now, const nlohmann::json& existing, EnergyForm,
    const std::function<std::string(const std::string& circuit, std::string_view key)>&
        statistic_id);

// The conversation outlives it; one at a time.
class EnergyProposal {
 public:
  struct Result {
    nlohmann::json existing, proposed;
    bool saved = false;
    std::string description;  // A line for each entry that is new or changed.
  };
  using Done = std::function<void(std::expected<Result, std::string>)>;

  EnergyProposal(const Home&, StatisticsTarget, HomeAssistantConversation&);
  void run(bool save, measurement::Timestamp now, Done);

 private:
  void read_preferences();
  void propose(nlohmann::json existing);
  void save(EnergyForm);
  void end(std::expected<Result, std::string>);

  const Home& home_;
  StatisticsTarget target_;
  HomeAssistantConversation& conversation_;
  bool wants_to_save_ = false;
  Done done_;
  measurement::Timestamp now_{};
  EntityIds entity_ids_;
  Result result_;
};

}  // namespace hub
