// Scores as rows: for each appliance, their mean and their sum, of each house and of all.

#pragma once

#include <array>
#include <optional>
#include <ostream>
#include <set>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "lenz/evaluation/metrics.h"
#include "lenz/evaluation/scoring.h"

namespace lenz::evaluation {

enum class Metric : std::uint8_t {
  nmae,
  mae_w,
  sae_day,
  match_rate,
  event_f1,
  activation_f1,
  status_f1,
  type_f1,
  channels_right,
  channels,
  name_precision,
  name_coverage_energy,
  unknown_share_unseen,
  calibration_error,
  latency_p95_s,
  explained_share,
};

struct MetricRow {
  Metric id;
  std::string_view key;   // In JSON.
  std::string_view head;  // Of a column.
};

inline constexpr std::array metrics = {
    MetricRow{Metric::nmae, "nmae", "NMAE"},
    MetricRow{Metric::mae_w, "mae_w", "MAE W"},
    MetricRow{Metric::sae_day, "sae_day", "SAE/d"},
    MetricRow{Metric::match_rate, "match_rate", "MR"},
    MetricRow{Metric::event_f1, "event_f1", "event"},
    MetricRow{Metric::activation_f1, "activation_f1", "activ."},
    MetricRow{Metric::status_f1, "status_f1", "status"},
    MetricRow{Metric::type_f1, "type_f1", "type"},
    MetricRow{Metric::channels_right, "channels_right", "right"},
    MetricRow{Metric::channels, "channels", "chan."},
    MetricRow{Metric::name_precision, "name_precision", "name"},
    MetricRow{Metric::name_coverage_energy, "name_coverage_energy", "cover"},
    MetricRow{Metric::unknown_share_unseen, "unknown_share_unseen", "unseen"},
    MetricRow{Metric::calibration_error, "calibration_error", "ECE"},
    MetricRow{Metric::latency_p95_s, "latency_p95_s", "p95 s"},
    MetricRow{Metric::explained_share, "explained_share", "expl."},
};

using Figures = std::array<Figure, metrics.size()>;

// What holds for a table of rows.
struct Heading {
  std::string scene;
  int labels = 0;
  std::string prior = "none";
  std::string mode;  // live or revised.
  std::string method;
  bool shows_names = false;
};

struct Row {
  Heading heading;
  std::string house;  // all: the mean over those that the model has not seen.
  // A kind's word, macro or energy_weighted; of all houses also recorded (macro over the kinds of
  // which the training has a recording) and three_or_more (over those of three channels or more
  // that are scored).
  std::string appliance;
  bool is_seen = false;
  double n = 0;  // True activations.
  Figures figures;
};

// Rows of each case and of all. `recorded`: kinds of which the training has a recording.
std::vector<Row> rows_of(const Heading&, std::span<const CaseScore>, std::uint64_t seed,
                         const std::set<ApplianceKind>& recorded = {});

// Those of all houses.
void print(std::span<const Row>, std::ostream&);

// {"rows": [...]}
std::string json_of(std::span<const Row>);

}  // namespace lenz::evaluation
