#include "insight/advice/home_energy.h"

#include <algorithm>
#include <cassert>
#include <cmath>

#include "insight/advice/archetypes.h"

namespace insight {

namespace {

// Homes and models scatter by 20 % around what labels lead to expect, half of the variance each
// (LBNL, 209 fridges: "wide scatter"; that it is half each is assumed).
constexpr double home_sigma = 0.15, model_sigma = 0.15;
// Of a heat pump's or tank's efficiency in the field against its label.
constexpr double field_efficiency = 0.93;
constexpr double usual_wear = 0.012;  // A year.
constexpr double z80 = 1.2816;

// LBNL, 209 US fridges: in the field 0.94 x label - 85 kWh. Small labels are beyond that line.
double usual_ratio(ApplianceKind kind, Market market, double label) {
  const bool is_cold = label_basis(kind) == LabelBasis::kwh_a_year;
  if (!is_cold || market != Market::us) return 0.94;
  return std::max(0.94 - 85 / label, 0.55);
}

double usual_age(ApplianceKind kind) { return 0.6 * lifetime(kind).mean; }

LabelEstimate label_of(const ApplianceUse& use, const AdviceSettings& settings) {
  if (use.label && *use.label > 0) return LabelEstimate{*use.label, 0.05};
  const double age = use.age_years.value_or(usual_age(use.kind));
  const auto label = estimated_label(use.kind, settings.market, use.size,
                                     settings.year - static_cast<int>(std::lround(age)));
  assert(label && "BUG: a kind with a basis has a label");
  return {label->value, label->relative_sigma + (use.age_years ? 0 : 0.1)};
}

}  // namespace

HomeEnergy::HomeEnergy(const ApplianceUse& use, LabelBasis basis, const AdviceSettings& settings)
    : basis_(basis),
      kind_(use.kind),
      market_(settings.market),
      kept_kwh_(use.energy_kwh.median),
      uses_(use.uses_a_year.value_or(0)),
      kept_label_(label_of(use, settings)),
      sigma_home_(home_sigma) {
  const double age = use.age_years.value_or(usual_age(kind_));
  const double worn = std::pow(1 + usual_wear, age);
  if (basis_ == LabelBasis::efficiency) {
    efficiency_ = kept_label_.value * field_efficiency / worn;
    return;
  }
  const double by_label = kept_label_.value * usual_ratio(kind_, market_, kept_label_.value) *
                          (basis_ == LabelBasis::kwh_a_use ? uses_ : 1) * worn;
  const double measured =
      std::log(std::max(use.energy_kwh.high, 1.0) / std::max(use.energy_kwh.low, 1.0)) / (2 * z80);
  const double doubt = std::pow(kept_label_.relative_sigma, 2) + std::pow(model_sigma, 2) +
                       std::pow(measured, 2) + std::pow(0.01 * age, 2);
  const double weight = home_sigma * home_sigma / (home_sigma * home_sigma + doubt);
  shift_ = weight * std::log(kept_kwh_ / by_label);
  sigma_home_ = home_sigma * std::sqrt(1 - weight);
}

double HomeEnergy::expected(double label) const { return draw(label, kept_kwh_, 0, 0); }

double HomeEnergy::draw(double label, double kept_kwh, double of_home, double of_model) const {
  if (basis_ == LabelBasis::efficiency) {
    return kept_kwh * efficiency_ / (label * field_efficiency) *
           std::exp(kept_label_.relative_sigma * of_home + model_sigma * of_model);
  }
  return label * usual_ratio(kind_, market_, label) *
         (basis_ == LabelBasis::kwh_a_use ? uses_ : 1) *
         std::exp(shift_ + sigma_home_ * of_home + model_sigma * of_model);
}

}  // namespace insight
