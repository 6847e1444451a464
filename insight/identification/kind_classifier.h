// Tells the kind of an appliance from the features of its activations: the part "kinds" of a model.

#pragma once

#include <array>
#include <expected>
#include <string>
#include <string_view>
#include <vector>

#include "insight/appliance_kinds.h"
#include "insight/identification/activation_features.h"
#include "insight/identification/forest.h"

namespace insight {

inline constexpr std::size_t kind_count = appliance_kinds.size();
using KindChances = std::array<float, kind_count>;  // By kind; together 1.

struct KindGuess {
  ApplianceKind kind = ApplianceKind::other;
  float probability = 0;
};

// How evidence is added up and trusted; from devices that the forest had not seen.
struct KindCalibration {
  float temperature = 1;     // Of the log-probabilities of all evidence together.
  float correlation = 0.8F;  // Of the evidence of two activations of one appliance.
  // From which probability a guess is shown; by kind, above 1: never.
  KindChances shown_from = [] {
    KindChances never;
    never.fill(2);
    return never;
  }();
};

// Evidence of several activations of one appliance: log-probabilities, discounted because they are
// alike in what they have in common.
class KindBelief {
 public:
  void add(const KindChances&, float weight);
  void add(const KindBelief&, float weight);
  bool empty() const { return weight_ <= 0; }

  // `prior` multiplies; nothing known: the prior itself.
  KindChances chances(const KindCalibration&, const KindChances& prior) const;

  // For a home's memory.
  const KindChances& sums() const { return sums_; }
  float weight() const { return weight_; }
  static KindBelief of(const KindChances& sums, float weight);

 private:
  KindChances sums_{};  // Of weight × log probability.
  float weight_ = 0;
};

class KindClassifier {
 public:
  // Output i of each forest is `kinds[i]`; other kinds have no chance. The forests were grown from
  // different devices; what they say is averaged.
  KindClassifier(std::vector<ApplianceKind> kinds, std::vector<Forest>, KindCalibration);

  // The error is one sentence: the part is damaged, or for other features than this program's.
  static std::expected<KindClassifier, std::string> read(std::string_view part);
  std::string bytes() const;  // docs/model_format.md has the grammar.

  KindChances chances(const Features&) const;  // Of one activation alone.
  const KindCalibration& calibration() const { return calibration_; }
  void calibrate(const KindCalibration& calibration) { calibration_ = calibration; }
  KindChances even_prior() const;  // The kinds that it knows.

  bool is_shown(const KindGuess&) const;

 private:
  std::vector<ApplianceKind> kinds_;
  std::vector<Forest> forests_;
  KindCalibration calibration_;
};

// The likeliest first, `most` at most, none without a chance.
std::vector<KindGuess> likeliest(const KindChances&, std::size_t most);

}  // namespace insight
