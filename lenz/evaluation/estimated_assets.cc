#include "lenz/evaluation/estimated_assets.h"

#include <algorithm>
#include <cmath>
#include <utility>

#include "insight/health/cycle_patterns.h"
#include "lenz/evaluation/lenz_method.h"
#include "lenz/evaluation/scenes.h"

namespace lenz::evaluation {

namespace {

constexpr std::size_t fewest_days = 7;

class NobodyAtHome final : public Owner {
  std::optional<ApplianceKind> answer(std::size_t, measurement::Timestamp,
                                      measurement::Timestamp) override {
    return std::nullopt;
  }
};

// Models name fridges, freezers and both in one; in mains they are told apart by little.
std::vector<float> power_of_the_cold(const ChannelEstimate& estimate) {
  std::vector<float> sum;
  for (const auto& [kind, power] : estimate.revised.kinds) {
    if (!insight::keeps_food_cold(kind)) continue;
    if (sum.empty()) sum.resize(power.size());
    for (std::size_t i = 0; i < power.size(); ++i) sum[i] += power[i];
  }
  return sum;
}

}  // namespace

std::vector<EstimatedPair> estimated_pairs(const DataSet& data,
                                           std::shared_ptr<const insight::Model> model,
                                           const std::vector<AssetHistory>& machines) {
  const auto method = lenz_method(std::move(model), {});
  const Scenes scenes(data, scene_called("mains"), {});
  std::vector<EstimatedPair> pairs;
  for (std::size_t entry = 0; entry < scenes.entries().size(); ++entry) {
    const auto& house = scenes.entries()[entry].name;
    const auto measured = std::ranges::find_if(machines, [&](const AssetHistory& m) {
      return m.kind == ApplianceKind::fridge && m.days.size() >= fewest_days &&
             m.name.starts_with(house + "-");
    });
    if (measured == machines.end()) continue;
    const auto one = scenes.load(entry);
    if (!one) continue;
    NobodyAtHome owner;
    const auto estimates = method->estimate(
        one->channels,
        {ApplianceKind::fridge, ApplianceKind::freezer, ApplianceKind::fridge_freezer}, owner);
    for (std::size_t c = 0; c < estimates.size(); ++c) {
      const auto& channel = one->channels[c];
      const auto power = power_of_the_cold(estimates[c]);
      if (power.empty()) continue;
      AssetHistory machine{
          .name = measured->name,
          .household = measured->household,
          .kind = measured->kind,
          .cycles = cycles_of(*channel.times, power, std::max(60.0, channel.hold_s)),
          .days = {},
          .measured_days = measured->measured_days,
          .is_chosen_on = false};
      machine.days = days_of(machine.cycles);
      if (machine.days.size() >= fewest_days) pairs.push_back({std::move(machine), *measured});
    }
  }
  return pairs;
}

}  // namespace lenz::evaluation
