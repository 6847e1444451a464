#include "insight/identification/kind_classifier.h"

#include <algorithm>
#include <cassert>
#include <cmath>
#include <cstdint>
#include <utility>

#include "insight/identification/bytes.h"

namespace insight {
namespace {

constexpr std::uint32_t version = 1, max_forests = 64;
constexpr float least_chance = 1e-3F;  // No single activation rules a kind out.

}  // namespace

void KindBelief::add(const KindChances& chances, float weight) {
  for (std::size_t i = 0; i < kind_count; ++i) {
    sums_[i] += weight * std::log(std::max(chances[i], least_chance));
  }
  weight_ += weight;
}

void KindBelief::add(const KindBelief& other, float weight) {
  for (std::size_t i = 0; i < kind_count; ++i) sums_[i] += weight * other.sums_[i];
  weight_ += weight * other.weight_;
}

KindBelief KindBelief::of(const KindChances& sums, float weight) {
  KindBelief belief;
  belief.sums_ = sums;
  belief.weight_ = weight;
  return belief;
}

KindChances KindBelief::chances(const KindCalibration& calibration,
                                const KindChances& prior) const {
  const float discount = weight_ > 1 ? 1 / (1 + calibration.correlation * (weight_ - 1)) : 1.0F;
  const float scale = discount / calibration.temperature;
  KindChances chances{};
  float greatest = -std::numeric_limits<float>::infinity();
  for (std::size_t i = 0; i < kind_count; ++i) {
    if (prior[i] <= 0) continue;
    chances[i] = scale * sums_[i] + std::log(prior[i]);
    greatest = std::max(greatest, chances[i]);
  }
  float sum = 0;
  for (std::size_t i = 0; i < kind_count; ++i) {
    chances[i] = prior[i] > 0 ? std::exp(chances[i] - greatest) : 0;
    sum += chances[i];
  }
  for (auto& chance : chances) chance /= sum;
  return chances;
}

KindClassifier::KindClassifier(std::vector<ApplianceKind> kinds, std::vector<Forest> forests,
                               KindCalibration calibration)
    : kinds_(std::move(kinds)), forests_(std::move(forests)), calibration_(calibration) {
  for ([[maybe_unused]] const auto& forest : forests_) {
    assert(kinds_.size() == forest.outputs() && forest.inputs() == feature_count);
  }
}

std::string KindClassifier::bytes() const {
  std::string bytes;
  put(bytes, version);
  put(bytes, feature_hash());
  put(bytes, static_cast<std::uint32_t>(kinds_.size()));
  for (const auto kind : kinds_) {
    put(bytes, static_cast<std::uint8_t>(kind));
    put(bytes, calibration_.shown_from[static_cast<std::size_t>(kind)]);
  }
  put(bytes, calibration_.temperature);
  put(bytes, calibration_.correlation);
  put(bytes, static_cast<std::uint32_t>(forests_.size()));
  for (const auto& forest : forests_) bytes += forest.bytes();
  return bytes;
}

std::expected<KindClassifier, std::string> KindClassifier::read(std::string_view part) {
  const auto damaged = [] {
    return std::unexpected(std::string(
        "the model's part \"kinds\" is damaged; put the file in its place that came with Lenz"));
  };
  std::uint32_t its_version = 0, count = 0;
  std::uint64_t hash = 0;
  if (!take(part, its_version) || !take(part, hash) || !take(part, count)) return damaged();
  if (its_version != version || hash != feature_hash()) {
    return std::unexpected(
        std::string("the model was trained for another version of Lenz (other features); use the "
                    "file that came with this one, or train it again"));
  }
  if (count == 0 || count > kind_count) return damaged();
  std::vector<ApplianceKind> kinds;
  KindCalibration calibration;
  for (std::uint32_t i = 0; i < count; ++i) {
    std::uint8_t kind = 0;
    float shown_from = 0;
    if (!take(part, kind) || !take(part, shown_from) || kind >= kind_count || !(shown_from > 0)) {
      return damaged();
    }
    kinds.push_back(static_cast<ApplianceKind>(kind));
    calibration.shown_from[kind] = shown_from;
  }
  if (!take(part, calibration.temperature) || !take(part, calibration.correlation) ||
      !(calibration.temperature > 0) || !(calibration.correlation >= 0) ||
      !(calibration.correlation <= 1)) {
    return damaged();
  }
  std::uint32_t forest_count = 0;
  if (!take(part, forest_count) || forest_count == 0 || forest_count > max_forests) {
    return damaged();
  }
  std::vector<Forest> forests;
  for (std::uint32_t i = 0; i < forest_count; ++i) {
    auto forest = Forest::take(part);
    if (!forest || forest->inputs() != feature_count || forest->outputs() != kinds.size()) {
      return damaged();
    }
    forests.push_back(std::move(*forest));
  }
  if (!part.empty()) return damaged();
  return KindClassifier(std::move(kinds), std::move(forests), calibration);
}

KindChances KindClassifier::chances(const Features& features) const {
  std::array<float, kind_count> outputs{};
  KindChances chances{};
  for (const auto& forest : forests_) {
    forest.evaluate(features, std::span(outputs).first(kinds_.size()));
    for (std::size_t i = 0; i < kinds_.size(); ++i) {
      chances[static_cast<std::size_t>(kinds_[i])] +=
          outputs[i] / static_cast<float>(forests_.size());
    }
  }
  return chances;
}

KindChances KindClassifier::even_prior() const {
  KindChances prior{};
  for (const auto kind : kinds_) {
    prior[static_cast<std::size_t>(kind)] = 1 / static_cast<float>(kinds_.size());
  }
  return prior;
}

bool KindClassifier::is_shown(const KindGuess& guess) const {
  return guess.kind != ApplianceKind::other &&
         guess.probability >= calibration_.shown_from[static_cast<std::size_t>(guess.kind)];
}

std::vector<KindGuess> likeliest(const KindChances& chances, std::size_t most) {
  std::vector<KindGuess> guesses;
  for (std::size_t i = 0; i < kind_count; ++i) {
    if (chances[i] > 0) guesses.push_back({static_cast<ApplianceKind>(i), chances[i]});
  }
  std::ranges::stable_sort(guesses, std::greater(), &KindGuess::probability);
  if (guesses.size() > most) guesses.resize(most);
  return guesses;
}

}  // namespace insight
