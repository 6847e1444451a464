#include "insight/identification/signature_refit.h"

#include <algorithm>

namespace insight {
namespace {

std::span<const Features> latest(const ToldAppliance& appliance) {
  const auto count = std::min(appliance.said.size(), SignatureRefit::most_runs);
  return std::span(appliance.said).last(count);
}

bool is_learnt_again(const ToldAppliance& appliance) {
  return appliance.said.size() >= SignatureRefit::from_runs;
}

}  // namespace

SignatureRefit refit(std::span<const ToldAppliance> appliances, float stranger) {
  SignatureRefit made;
  std::vector<Signature> before;
  for (const auto& appliance : appliances) {
    before.push_back(appliance.signature);
    auto& after = made.signatures.emplace_back(appliance.signature);
    if (!is_learnt_again(appliance)) continue;
    after = {};
    for (const auto& run : latest(appliance)) after.learn(run);
  }
  const auto is_recognised = [&](const std::vector<Signature>& signatures, std::size_t owner,
                                 const Features& run) {
    auto own = signatures[owner];
    own.forget(run);
    const float fit = own.log_density(run) + appliances[owner].prior;
    if (fit <= stranger + Signature::log_density_of_any(run)) return false;
    for (std::size_t i = 0; i < signatures.size(); ++i) {
      if (i != owner && signatures[i].log_density(run) + appliances[i].prior >= fit) return false;
    }
    return true;
  };
  for (std::size_t i = 0; i < appliances.size(); ++i) {
    if (!is_learnt_again(appliances[i])) continue;
    for (const auto& run : latest(appliances[i])) {
      ++made.runs;
      made.right_before += is_recognised(before, i, run);
      made.right_after += is_recognised(made.signatures, i, run);
    }
  }
  return made;
}

}  // namespace insight
