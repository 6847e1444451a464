#include "lenz/evaluation/mains_training.h"

#include <algorithm>
#include <array>
#include <chrono>
#include <cmath>
#include <limits>
#include <map>
#include <random>
#include <string>
#include <utility>

#include "insight/identification/forest_training.h"
#include "insight/identification/slots.h"
#include "insight/identification/window_features.h"
#include "lenz/evaluation/scenes.h"

namespace lenz::evaluation {
namespace {

using namespace std::chrono_literals;
using insight::ApplianceKind;
using insight::Examples;
using insight::Forest;
using insight::WindowFeatures;
using measurement::Timestamp;

constexpr float missing = std::numeric_limits<float>::quiet_NaN();
constexpr float on_from_w = 20;
constexpr auto hole = 10min;
// A household that was recorded for longer says more, but not of other households.
constexpr double days_exponent = 0.2;

constexpr std::size_t fold_count = 3;
// Of what a kind draws, this share may lie below MainsModel's `least`.
constexpr double lost_share = 0.005;
// What is expected of a kind is less than this share of what it typically draws where it probably
// does not run.
constexpr float said_share = 0.6F;

// So that their mean is 1.
void normalise(std::vector<float>& weights) {
  double sum = 0;
  for (const auto weight : weights) sum += weight;
  if (sum == 0) return;
  const auto factor = static_cast<float>(static_cast<double>(weights.size()) / sum);
  for (auto& weight : weights) weight *= factor;
}

// What saying a kind would have done in households that the forest had not seen.
struct Trial {
  double drawn = 0, error = 0, weight = 0;
};

// Gains differ from household to household. Where many were tried, only what does harm is left
// out; where few were, only what surely helps is said.
bool is_worth_saying(const std::map<std::string, Trial>& households) {
  constexpr std::size_t few = 6;
  constexpr double margin = -1, margin_of_few = 1.5;  // Standard errors.
  if (households.size() < 2) return false;
  const auto n = static_cast<double>(households.size());
  double sum = 0, squares = 0;
  for (const auto& [name, trial] : households) {
    const double gain = (trial.drawn - trial.error) / trial.weight;
    sum += gain;
    squares += gain * gain;
  }
  const double error = std::sqrt(std::max(0.0, squares - sum * sum / n) * n / (n - 1));
  return sum > (households.size() < few ? margin_of_few : margin) * error;
}

MainsRecording averaged(const MainsRecording& recording, std::chrono::seconds interval) {
  MainsRecording result{
      .household = recording.household,
      .interval_s = static_cast<double>(interval.count()),
      .nominal_voltage = recording.nominal_voltage,
      .utc_offset = recording.utc_offset,
  };
  const auto bin = [&](Timestamp time) {
    return std::chrono::floor<std::chrono::seconds>(time).time_since_epoch() / interval;
  };
  const auto mean = [](const std::vector<float>& values, std::size_t begin, std::size_t end) {
    double sum = 0;
    for (auto i = begin; i < end; ++i) sum += values[i];
    return static_cast<float>(sum / static_cast<double>(end - begin));
  };
  for (std::size_t begin = 0, end = 0; begin < recording.times.size(); begin = end) {
    const auto number = bin(recording.times[begin]);
    while (end < recording.times.size() && bin(recording.times[end]) == number) ++end;
    result.times.emplace_back(number * interval);
    result.mains_w.push_back(mean(recording.mains_w, begin, end));
    for (const auto& [kind, power_w] : recording.kinds_w) {
      result.kinds_w[kind].push_back(mean(power_w, begin, end));
    }
  }
  return result;
}

struct SlottedRecording {
  std::vector<insight::Slot> slots;
  std::vector<bool> after_hole;
  std::map<ApplianceKind, std::vector<float>> kinds_w;
};

SlottedRecording slotted(const MainsRecording& recording) {
  SlottedRecording result;
  insight::Slots slots;
  std::vector<std::size_t> open;  // Rows.
  bool after_hole = false;
  const auto close = [&](std::span<const insight::Slot> closed) {
    for (const auto& slot : closed) {
      result.slots.push_back(slot);
      result.after_hole.push_back(std::exchange(after_hole, false));
      for (const auto& [kind, power_w] : recording.kinds_w) {
        float sum = 0;
        for (std::size_t i = 0; i < slot.readings; ++i) sum += power_w[open[i]];
        result.kinds_w[kind].push_back(sum / static_cast<float>(slot.readings));
      }
      open.erase(open.begin(), open.begin() + static_cast<std::ptrdiff_t>(slot.readings));
    }
  };
  std::optional<Timestamp> last;
  for (std::size_t i = 0; i < recording.times.size(); ++i) {
    if (!std::isfinite(recording.mains_w[i])) continue;
    if (last && recording.times[i] - *last > hole) {
      close(slots.end());
      after_hole = true;
    }
    last = recording.times[i];
    open.push_back(i);
    close(slots.take(recording.times[i], {recording.mains_w[i]}));
  }
  close(slots.end());
  return result;
}

// Which slots become rows, so that about as many do as are wanted: those where the kind is on all
// alike, the others the sooner the more power there is to be wrong about.
class Selection {
 public:
  Selection(const SlottedRecording& recording, const std::vector<float>& power_w,
            const MainsTrainingOptions& options) {
    std::vector<float> mains_w;
    for (const auto& slot : recording.slots) mains_w.push_back(slot.active_power.value);
    const auto low = mains_w.begin() + static_cast<std::ptrdiff_t>(mains_w.size() / 20);
    std::ranges::nth_element(mains_w, low);
    low_w_ = *low;
    double on = 0, off = 0;
    for (std::size_t i = 0; i < power_w.size(); ++i) {
      if (std::isnan(power_w[i])) continue;
      (power_w[i] >= on_from_w ? on : off) += worth(recording.slots[i], power_w[i]);
    }
    on_share_ = static_cast<double>(options.on_rows) / std::max(on, 1.0);
    off_share_ = static_cast<double>(options.off_rows) / std::max(off, 1.0);
  }

  // The probability that it is chosen.
  double share(const insight::Slot& slot, float power_w) const {
    return std::min(1.0, (power_w >= on_from_w ? on_share_ : off_share_) * worth(slot, power_w));
  }

 private:
  double worth(const insight::Slot& slot, float power_w) const {
    return power_w >= on_from_w ? 1 : std::max(30.0F, slot.active_power.value - low_w_);
  }

  float low_w_ = 0;
  double on_share_ = 0, off_share_ = 0;
};

}  // namespace

struct MainsTraining::Rows {
  std::string household;
  ApplianceKind kind{};
  std::vector<float> live, settled;  // Features, row by row.
  std::vector<float> power_w, weights;
};

std::optional<MainsRecording> mains_recording(const House& house,
                                              std::span<const ApplianceKind> kinds) {
  const auto mains = std::ranges::find_if(house.channels, [](const auto& channel) {
    return channel.role == ChannelRole::mains && channel.parent.empty() &&
           !channel.active_power_w.empty();
  });
  if (mains == house.channels.end()) return std::nullopt;
  MainsRecording recording{.household = household_of(house.name),
                           .interval_s = house.interval_s,
                           .nominal_voltage = {static_cast<float>(house.nominal_voltage_v)},
                           .times = house.times,
                           .mains_w = mains->active_power_w};
  if (house.has_clock) recording.utc_offset = utc_offset(house.country);
  for (const auto& channel : house.channels) {
    if (channel.role == ChannelRole::mains || channel.active_power_w.empty() ||
        !channel.appliance || std::ranges::find(kinds, *channel.appliance) == kinds.end()) {
      continue;
    }
    auto& sum = recording.kinds_w[*channel.appliance];
    sum.resize(house.times.size());
    for (std::size_t i = 0; i < sum.size(); ++i) sum[i] += channel.active_power_w[i];
  }
  return recording;
}

MainsTraining::MainsTraining(std::span<const ApplianceKind> kinds,
                             const MainsTrainingOptions& options)
    : kinds_(kinds.begin(), kinds.end()), options_(options) {}

MainsTraining::~MainsTraining() = default;
MainsTraining::MainsTraining(MainsTraining&&) noexcept = default;

void MainsTraining::add(const MainsRecording& recording) {
  add_rows(recording);
  if (recording.interval_s < 40) add_rows(averaged(recording, 60s));
}

void MainsTraining::add_rows(const MainsRecording& recording) {
  struct Chosen {
    Selection selection;
    Rows rows;
    std::vector<std::size_t> slots;
    std::size_t settled = 0;  // Of them.
  };
  const auto data = slotted(recording);
  if (data.slots.empty()) return;
  std::map<ApplianceKind, Chosen> kinds;
  for (const auto kind : kinds_) {
    const auto found = data.kinds_w.find(kind);
    if (found == data.kinds_w.end()) continue;
    kinds.try_emplace(kind, Selection(data, found->second, options_),
                      Rows{.household = recording.household, .kind = kind});
  }
  WindowFeatures features(recording.nominal_voltage, recording.utc_offset);
  std::vector<float> live(WindowFeatures::live_count()), settled(WindowFeatures::settled_count());
  std::size_t next = 0;  // Slot to be settled.
  const auto settle = [&] {
    for (; features.settle(settled); ++next) {
      for (auto& [kind, chosen] : kinds) {
        if (chosen.settled == chosen.slots.size() || chosen.slots[chosen.settled] != next) continue;
        chosen.rows.settled.insert(chosen.rows.settled.end(), settled.begin(), settled.end());
        ++chosen.settled;
      }
    }
  };
  const double slot_s = std::max(6.0, recording.interval_s);
  const double days = std::max(0.2, static_cast<double>(data.slots.size()) * slot_s / 86400);
  const std::chrono::milliseconds longest(std::llround(3000 * std::max(5.0, recording.interval_s)));
  std::mt19937_64 random(options_.seed);
  std::uniform_real_distribution<double> chance;
  for (std::size_t i = 0; i < data.slots.size(); ++i) {
    if (data.after_hole[i]) {
      features.end();
      settle();
      features = WindowFeatures(recording.nominal_voltage, recording.utc_offset);
    }
    features.take(data.slots[i], longest);
    features.live(live);
    const float mains_w = std::max(data.slots[i].active_power.value, 0.0F);
    for (auto& [kind, chosen] : kinds) {
      const float power_w = data.kinds_w.at(kind)[i];
      if (std::isnan(power_w)) continue;
      const double share = chosen.selection.share(data.slots[i], power_w);
      if (chance(random) >= share) continue;
      chosen.rows.live.insert(chosen.rows.live.end(), live.begin(), live.end());
      chosen.rows.power_w.push_back(std::min(power_w, mains_w));
      chosen.rows.weights.push_back(
          static_cast<float>(slot_s / share / std::pow(days, 1 - days_exponent)));
      chosen.slots.push_back(i);
    }
    settle();
  }
  features.end();
  settle();
  for (auto& [kind, chosen] : kinds) {
    if (!chosen.rows.power_w.empty()) rows_.push_back(std::move(chosen.rows));
  }
}

TrainedMains MainsTraining::fit(std::span<const std::string> without) const {
  TrainedMains trained;
  for (const auto kind : kinds_) {
    std::vector<const Rows*> rows;
    for (const auto& of : rows_) {
      if (of.kind != kind || std::ranges::find(without, of.household) != without.end()) continue;
      rows.push_back(&of);
    }
    const auto households = in_order(rows);
    const auto is_on_somewhere = std::ranges::any_of(rows, [](const Rows* of) {
      return std::ranges::any_of(of->power_w, [](float power) { return power >= on_from_w; });
    });
    if (households.size() < 2 || !is_on_somewhere) continue;
    const auto least = least_of(rows);
    auto live = grow(rows, households, least, &Rows::live);
    auto settled = grow(rows, households, least, &Rows::settled);
    if (!live.view.is_said() && !settled.view.is_said()) continue;
    trained.model.kinds.push_back({.kind = kind,
                                   .least = least,
                                   .live = std::move(live.view),
                                   .settled = std::move(settled.view)});
    trained.nmae.push_back(settled.nmae);
  }
  return trained;
}

std::map<std::string, std::size_t> MainsTraining::in_order(std::span<const Rows* const> rows) {
  std::map<std::string, std::size_t> on_rows, places;
  for (const auto* of : rows) {
    on_rows[of->household] += static_cast<std::size_t>(
        std::ranges::count_if(of->power_w, [](float power_w) { return power_w >= on_from_w; }));
  }
  std::vector<std::pair<std::size_t, std::string>> order;
  for (const auto& [household, count] : on_rows) order.emplace_back(count, household);
  std::ranges::sort(order, std::greater());
  for (const auto& [count, household] : order) places.emplace(household, places.size());
  return places;
}

measurement::Watts MainsTraining::typical_of(std::span<const Rows* const> rows) {
  double sum = 0, squares = 0;
  for (const auto* of : rows) {
    for (std::size_t i = 0; i < of->power_w.size(); ++i) {
      const double power_w = of->power_w[i];
      if (power_w < on_from_w) continue;
      sum += of->weights[i] * power_w;
      squares += of->weights[i] * power_w * power_w;
    }
  }
  return {static_cast<float>(squares / sum)};
}

measurement::Watts MainsTraining::least_of(std::span<const Rows* const> rows) {
  std::vector<std::pair<float, double>> energies;  // By what is above the base.
  double sum = 0;
  for (const auto* of : rows) {
    for (std::size_t i = 0; i < of->power_w.size(); ++i) {
      if (of->power_w[i] < on_from_w) continue;
      const double energy = static_cast<double>(of->power_w[i]) * of->weights[i];
      const auto at = i * WindowFeatures::settled_count() + WindowFeatures::above_base;
      energies.emplace_back(of->settled[at], energy);
      sum += energy;
    }
  }
  std::ranges::sort(energies);
  double below = 0;
  for (const auto& [above_w, energy] : energies) {
    below += energy;
    if (below > lost_share * sum) return {above_w};
  }
  return {0};
}

MainsTraining::Grown MainsTraining::grow(std::span<const Rows* const> rows,
                                         const std::map<std::string, std::size_t>& households,
                                         measurement::Watts least,
                                         std::vector<float> Rows::*features) const {
  const auto inputs = (rows[0]->*features).size() / rows[0]->power_w.size();
  const auto features_of = [&](const Rows& of, std::size_t i) {
    return std::span(of.*features).subspan(i * inputs, inputs);
  };
  const auto fold_of = [&](const Rows& of) { return households.at(of.household) % fold_count; };
  const auto power_without = [&](std::size_t fold) {
    Examples examples{.inputs = inputs};
    for (const auto* of : rows) {
      if (fold_of(*of) == fold) continue;
      for (std::size_t i = 0; i < of->power_w.size(); ++i) {
        examples.add(features_of(*of, i), of->power_w[i], of->weights[i]);
      }
    }
    normalise(examples.weights);
    return insight::train(examples, {.objective = insight::Objective::mean,
                                     .rounds = options_.rounds,
                                     .depth = options_.depth,
                                     .row_share = 0.7,
                                     .column_share = 0.4,
                                     .least_weight = 5,
                                     .lambda = 5,
                                     .bins = 48,
                                     .seed = options_.seed});
  };
  const float from_w = said_share * typical_of(rows).value;
  std::map<std::string, Trial> trials;
  const auto folds = std::min(fold_count, households.size());
  for (std::size_t fold = 0; fold < folds; ++fold) {
    const auto power = power_without(fold);
    for (const auto* of : rows) {
      if (fold_of(*of) != fold) continue;
      auto& trial = trials[of->household];
      for (std::size_t i = 0; i < of->power_w.size(); ++i) {
        const auto row = features_of(*of, i);
        float said_w = 0;
        if (row[WindowFeatures::above_base] >= least.value) power.evaluate(row, {&said_w, 1});
        if (said_w < from_w) said_w = 0;
        const double weight = of->weights[i];
        trial.weight += weight;
        trial.drawn += weight * static_cast<double>(of->power_w[i]);
        trial.error += weight * static_cast<double>(std::abs(of->power_w[i] - said_w));
      }
    }
  }
  if (!is_worth_saying(trials)) return {};
  double error = 0, drawn = 0;
  for (const auto& [name, trial] : trials) {
    error += trial.error / trial.weight;
    drawn += trial.drawn / trial.weight;
  }
  return {.view = {.power = power_without(fold_count), .said_from = {from_w}},
          .nmae = error / drawn};
}

}  // namespace lenz::evaluation
