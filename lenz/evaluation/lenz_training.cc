#include "lenz/evaluation/lenz_training.h"

#include <algorithm>
#include <iterator>
#include <string>
#include <utility>
#include <vector>

#include "lenz/evaluation/kind_training.h"
#include "lenz/evaluation/mains_training.h"

namespace lenz::evaluation {
namespace {

std::string household(const Case& one) {
  return one.households.empty() ? one.name : *one.households.begin();
}

RecordedDevice device_of(const Case& one, std::size_t c) {
  const auto& channel = one.channels[c];
  DeviceCollector collector;
  collector.begin();
  for (std::size_t row = 0; row < channel.rows(); ++row) collector.take(channel.reading(row));
  RecordedDevice device{.name = one.name + "/" + std::to_string(c),
                        .household = household(one),
                        .kind = one.truths[c].meters.front().kind};
  collector.give(device);
  return device;
}

MainsRecording mains_of(const Case& one, std::size_t c) {
  const auto& channel = one.channels[c];
  MainsRecording made{.household = household(one),
                      .interval_s = channel.interval_s,
                      .nominal_voltage = channel.facts.nominal_voltage,
                      .utc_offset = channel.facts.utc_offset,
                      .times = *channel.times,
                      .mains_w = channel.active_power_w};
  for (const auto& meter : one.truths[c].meters) {
    auto& sum = made.kinds_w[meter.kind];
    sum.resize(channel.rows(), 0.0F);
    for (std::size_t row = 0; row < sum.size(); ++row) sum[row] += meter.active_power_w[row];
  }
  return made;
}

}  // namespace

insight::Model fit_lenz(CaseList training, const std::set<ApplianceKind>& wanted,
                        std::uint64_t seed) {
  std::vector<RecordedDevice> devices;
  std::vector<MainsRecording> mains;
  for (const auto& one : training) {
    for (std::size_t c = 0; c < one->channels.size(); ++c) {
      if (one->channels[c].facts.is_mains) {
        mains.push_back(mains_of(*one, c));
      } else if (one->truths[c].is_whole && one->truths[c].meters.size() == 1) {
        devices.push_back(device_of(*one, c));
      }
    }
  }
  insight::Model model;
  if (!devices.empty()) {
    std::ranges::move(simulated_circuit_devices(), std::back_inserter(devices));
    std::vector<const RecordedDevice*> all;
    for (const auto& device : devices) all.push_back(&device);
    model.parts["kinds"] = fit_kinds(all, {.seed = seed}).classifier.bytes();
  }
  if (!mains.empty()) {
    const std::vector<ApplianceKind> kinds(wanted.begin(), wanted.end());
    MainsTraining fit(kinds, {.seed = seed});
    for (const auto& recording : mains) fit.add(recording);
    model.parts["mains"] = fit.fit().model.bytes();
  }
  return model;
}

}  // namespace lenz::evaluation
