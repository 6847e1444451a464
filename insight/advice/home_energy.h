// From what a label says to what an appliance takes in this home.

#pragma once

#include "insight/advice/adviser.h"

namespace insight {

// What a label tells of the energy in a home: energy = label x ratio, as a lognormal.
class HomeEnergy {
 public:
  // Learns from what the present appliance takes how this home uses such things. `basis` is
  // label_basis() of its kind, which must have one.
  HomeEnergy(const ApplianceUse&, LabelBasis basis, const AdviceSettings&);

  // kWh a year of something with that label, in the middle.
  double expected(double label) const;
  // One draw: `of_home` and `of_model` are standard normal, the first is the same for all models.
  // `kept_kwh` is what the kept one takes in that draw.
  double draw(double label, double kept_kwh, double of_home, double of_model) const;

 private:
  LabelBasis basis_;
  ApplianceKind kind_;
  Market market_;
  double kept_kwh_;
  double uses_;
  LabelEstimate kept_label_;  // When it was new: as was said, or an estimate.
  double shift_ = 0;          // ln, of this home against the usual one.
  double sigma_home_ = 0;     // Of it.
  double efficiency_ = 0;     // Of the kept one today.
};

}  // namespace insight
