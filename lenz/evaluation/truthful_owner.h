// Somebody at home who answers from the truth.

#pragma once

#include <optional>
#include <vector>

#include "lenz/evaluation/method.h"

namespace lenz::evaluation {

// So many questions about each meter, or so many in all to a hub. The case outlives it.
class TruthfulOwner final : public Owner {
 public:
  TruthfulOwner(const Case&, int labels, bool to_hub);

  // The appliance that took most energy there; absent: none of those that are known.
  std::optional<ApplianceKind> answer(std::size_t channel, measurement::Timestamp begin,
                                      measurement::Timestamp end) override;
  bool is_asked_by_hub() const override { return to_hub_; }

  const std::vector<Answered>& answered() const { return answered_; }

 private:
  const Case& case_;
  int labels_;
  bool to_hub_;
  std::vector<std::vector<int>> asked_;  // Of each channel's meters.
  std::vector<Answered> answered_;
};

}  // namespace lenz::evaluation
