// How far the estimates of a case are from the truth.

#pragma once

#include <map>
#include <set>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "lenz/evaluation/method.h"
#include "lenz/evaluation/metrics.h"

namespace lenz::evaluation {

struct KindScore {
  bool is_present = false;  // It has a meter in this case.
  double activations = 0;   // True ones.
  PowerErrors power;
  Hits steps, activation_hits, status_hours;
  Hits shown;     // Names: right and wrong.
  Hits channels;  // Of this appliance alone: right and missed, by their energy as a whole.
  double shown_right_wh = 0;
  std::vector<double> latencies_s;  // From true begin to the first live name.
};

struct CaseScore {
  std::string name, unit;  // What the bootstrap draws: household, device or mix.
  bool is_seen = false;    // The model was trained on it.
  bool is_apart = false;   // It has no part in the means.
  double hours = 0;        // Of all channels together, measured.
  double measured_wh = 0, unexplained_wh = 0, shown_wh = 0;
  std::map<ApplianceKind, KindScore> kinds;
  Confusion types;                               // Circuits and single appliances weigh 1 each.
  double unseen = 0, unseen_unknown = 0;         // Channels of kinds without training.
  std::vector<std::pair<double, bool>> guesses;  // Probability, and whether the kind was right.
  Hits as_appliance;  // Shown spans that are of the same meter as most of their appliance.
};

struct ScoringOptions {
  bool is_live = false;
  bool of_types = false;           // Channels with one appliance.
  std::set<ApplianceKind> learnt;  // Kinds that the training has.
  std::vector<Answered> answered;  // Left out.
};

CaseScore score(const Case&, std::span<const ChannelEstimate>, const ScoringOptions&);

}  // namespace lenz::evaluation
