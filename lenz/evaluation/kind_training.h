// Trains what tells the kind of an activation, from appliances that were recorded alone.

#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "insight/appliance_kinds.h"
#include "insight/identification/channel_evidence.h"
#include "insight/identification/kind_classifier.h"
#include "lenz/evaluation/data_set.h"
#include "lenz/evaluation/metrics.h"

namespace lenz::evaluation {

// An appliance and what its activations showed, in the order of time.
struct RecordedDevice {
  std::string name, household, source, licence;
  insight::ApplianceKind kind{};
  bool is_simulated = false;
  std::vector<insight::ActivationEvidence> evidence;
  // The same as appliances of other sizes would show it to meters with other intervals.
  std::vector<insight::ActivationEvidence> varied;
};

// Takes the readings of a device's channel and keeps what they show.
class DeviceCollector {
 public:
  explicit DeviceCollector(bool with_varied = true);
  ~DeviceCollector();

  // Another recording of the same device. Its times may lie before those of the last.
  void begin();
  void take(const insight::Reading&);

  void give(RecordedDevice&);  // Once.

 private:
  class Channels;
  std::unique_ptr<Channels> channels_;
};

// All appliances of `data` that were recorded alone, of each eight days at most: traces, and
// channels of houses that carry the name of one appliance.
std::vector<RecordedDevice> devices_of(const DataSet& data);

// Those of simulated households, for kinds that nobody recorded.
std::vector<RecordedDevice> simulated_devices();

// Of simulated_circuit_kinds() some each.
std::vector<RecordedDevice> simulated_circuit_devices();

// Whether a model that is trained on what has this licence may be given away.
bool may_ship(std::string_view licence);

struct KindTraining {
  std::size_t forests = 6;
  int rounds = 40, depth = 4;
  double learning_rate = 0.1;
  double column_share = 0.4;
  double balance = 0.7;       // 0: kinds weigh as they have devices, 1: all the same.
  std::size_t examples = 30;  // Of a device, and as many varied ones.
  std::uint64_t seed = 1;
};

// Each device weighs the same within its kind. Without calibration: nothing is shown.
insight::KindClassifier grow(std::span<const RecordedDevice* const>, const KindTraining&);

// By cross-validation over households: of devices that a classifier had not seen, all that they
// showed taken together.
struct KindErrors {
  std::size_t devices = 0, kinds = 0;  // Of kinds with two devices or more.
  double macro_f1 = 0;                 // Over those kinds, of the best guess.
  Figure shown_precision;              // Of names.
  double shown_share = 0;              // Of devices that get a name.
  double unseen_unknown = 1;           // Share of devices without a name whose kind was left out.
};

struct TrainedKinds {
  insight::KindClassifier classifier;
  KindErrors errors;
};

// Grows from all, and calibrates and measures by classifiers that were grown without a part of the
// households, and without a part of the kinds. Deterministic.
TrainedKinds fit_kinds(std::span<const RecordedDevice* const>, const KindTraining&);

}  // namespace lenz::evaluation
