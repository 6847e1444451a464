// Grows the forests that take mains apart (insight/identification/disaggregator.h) from houses
// whose appliances have meters of their own.

#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <map>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "insight/appliance_kinds.h"
#include "insight/identification/disaggregator.h"
#include "lenz/evaluation/data_set.h"
#include "measurement/units.h"

namespace lenz::evaluation {

struct MainsTrainingOptions {
  std::size_t on_rows = 400, off_rows = 800;  // Of a recording, interval and kind, about.
  int rounds = 50, depth = 5;
  std::uint64_t seed = 1;
};

// Mains, and what kinds drew of them; missing is NaN.
struct MainsRecording {
  std::string household;
  double interval_s = 1;
  measurement::Volts nominal_voltage{230};
  std::optional<std::chrono::minutes> utc_offset;  // Absent: the time of day is not known.
  std::vector<measurement::Timestamp> times;
  std::vector<float> mains_w;
  std::map<insight::ApplianceKind, std::vector<float>> kinds_w;  // Those that have meters.
};

struct TrainedMains {
  insight::MainsModel model;
  // Of its kinds: error of what is said with hindsight, of what they draw, in households that the
  // forests had not seen. 1: as good as saying nothing.
  std::vector<double> nmae;
};

// Of these kinds. Several meters of a kind are one. Absent: the house has no mains.
std::optional<MainsRecording> mains_recording(const House&,
                                              std::span<const insight::ApplianceKind>);

// Examples of houses, one house after the other, so that only one need be in memory.
class MainsTraining {
 public:
  MainsTraining(std::span<const insight::ApplianceKind>, const MainsTrainingOptions&);
  ~MainsTraining();
  MainsTraining(MainsTraining&&) noexcept;

  void add(const MainsRecording&);

  // From all that was added but these households. Left out are kinds that fewer than two households
  // have, and those that are never said. The same houses in the same order and the same seed give
  // the same model.
  TrainedMains fit(std::span<const std::string> without = {}) const;

 private:
  struct Rows;
  struct Grown {
    insight::KindForests::View view;
    double nmae = 1;
  };

  void add_rows(const MainsRecording&);
  // Households by how much they use the kind, so that folds get some of each.
  static std::map<std::string, std::size_t> in_order(std::span<const Rows* const>);
  // The power at which it draws its energy.
  static measurement::Watts typical_of(std::span<const Rows* const>);
  static measurement::Watts least_of(std::span<const Rows* const>);
  Grown grow(std::span<const Rows* const>, const std::map<std::string, std::size_t>& households,
             measurement::Watts least, std::vector<float> Rows::*features) const;

  std::vector<insight::ApplianceKind> kinds_;
  MainsTrainingOptions options_;
  std::vector<Rows> rows_;  // Of a house, an interval and a kind.
};

}  // namespace lenz::evaluation
