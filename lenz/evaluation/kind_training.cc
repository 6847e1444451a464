#include "lenz/evaluation/kind_training.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <chrono>
#include <cmath>
#include <functional>
#include <limits>
#include <map>
#include <optional>
#include <random>
#include <set>

#include "insight/identification/forest_training.h"
#include "lenz/evaluation/simulated_circuits.h"
#include "simulator/household.h"

namespace lenz::evaluation {
namespace {

using insight::ActivationEvidence;
using insight::ApplianceKind;
using insight::Reading;
using measurement::Timestamp;
using std::chrono::milliseconds;

constexpr std::size_t days_per_device = 8;

milliseconds milliseconds_of(double seconds) {
  return milliseconds(static_cast<std::int64_t>(std::llround(seconds * 1000)));
}

// `count` of `size`, evenly.
std::vector<std::size_t> evenly(std::size_t size, std::size_t count) {
  std::vector<std::size_t> chosen;
  const auto used = std::min(size, count);
  for (std::size_t i = 0; i < used; ++i) chosen.push_back(i * size / used);
  return chosen;
}

// The readings of a meter that reports every interval, though the trace keeps changes only.
void replay(const Trace& trace, const TraceSamples& samples,
            const std::function<void(const Reading&)>& take) {
  const auto interval = std::max(milliseconds(1000), milliseconds_of(trace.interval_s));
  const auto hold = milliseconds_of(trace.hold_s);
  for (std::size_t i = 0; i < samples.times.size(); ++i) {
    const auto begin = samples.times[i];
    const bool last = i + 1 == samples.times.size();
    const auto next = last ? begin + interval : samples.times[i + 1];
    for (auto time = begin; time < next && time <= begin + hold; time += interval) {
      take({.time = time, .active_power = {samples.active_power_w[i]}});
    }
    if (next > begin + hold) {
      take({.time = begin + hold + milliseconds(1),
            .active_power = {std::numeric_limits<float>::quiet_NaN()}});
    }
  }
}

// Of power and of the least time between readings: what else the device might be and be read by.
struct Variant {
  float scale = 1;
  milliseconds interval{0};
  bool anew = false;  // Each recording is a channel of its own.
};
constexpr std::array variants = {
    Variant{1, milliseconds(0), false},        Variant{1, milliseconds(0), true},
    Variant{0.75F, milliseconds(0), true},     Variant{1.3F, milliseconds(0), false},
    Variant{1, milliseconds(7000), true},      Variant{0.85F, milliseconds(10'000), false},
    Variant{1.15F, milliseconds(3000), false},
};

}  // namespace

class DeviceCollector::Channels {
 public:
  explicit Channels(bool with_varied) : used_(with_varied ? variants.size() : 1) {}

  void begin() {
    is_new_ = true;
    for (std::size_t i = 0; i < variants.size(); ++i) {
      if (variants[i].anew) channels_[i].evidence.emplace();
    }
  }

  void take(Reading reading) {
    // One recording comes an hour after the last, if its own times do not say later.
    if (is_new_ && reading.time + shift_ <= last_) {
      shift_ = last_ + std::chrono::hours(1) - reading.time;
    }
    is_new_ = false;
    reading.time += shift_;
    last_ = reading.time;
    for (std::size_t i = 0; i < used_; ++i) {
      auto& channel = channels_[i];
      if (reading.time < channel.next && !std::isnan(reading.active_power.value)) continue;
      channel.next = reading.time + variants[i].interval;
      auto varied = reading;
      varied.active_power.value *= variants[i].scale;
      varied.reactive_power.value *= variants[i].scale;
      for (const auto& evidence : channel.evidence->take(varied)) {
        (i == 0 ? evidence_ : varied_).push_back(evidence);
      }
    }
  }

  std::vector<ActivationEvidence> evidence_, varied_;

 private:
  struct Channel {
    std::optional<insight::ChannelEvidence> evidence{std::in_place};
    Timestamp next = Timestamp::min();
  };

  std::size_t used_;
  std::array<Channel, variants.size()> channels_;
  bool is_new_ = true;
  milliseconds shift_{0};
  Timestamp last_ = Timestamp::min();
};

DeviceCollector::DeviceCollector(bool with_varied)
    : channels_(std::make_unique<Channels>(with_varied)) {}
DeviceCollector::~DeviceCollector() = default;
void DeviceCollector::begin() { channels_->begin(); }
void DeviceCollector::take(const Reading& reading) { channels_->take(reading); }
void DeviceCollector::give(RecordedDevice& device) {
  device.evidence = std::move(channels_->evidence_);
  device.varied = std::move(channels_->varied_);
}

namespace {

void add_traces(const DataSet& data, std::vector<RecordedDevice>& devices) {
  std::map<std::string, std::vector<const Trace*>> by_device;
  for (const auto& trace : data.traces()) by_device[trace.device].push_back(&trace);
  for (const auto& [name, traces] : by_device) {
    const auto& first = *traces.front();
    DeviceCollector collector;
    for (const auto i : evenly(traces.size(), days_per_device)) {
      collector.begin();
      replay(*traces[i], data.samples(*traces[i]),
             [&](const Reading& reading) { collector.take(reading); });
    }
    RecordedDevice device{.name = name,
                          .household = first.household,
                          .source = first.source,
                          .licence = first.licence,
                          .kind = first.appliance};
    collector.give(device);
    devices.push_back(std::move(device));
  }
}

// Rows where each day of the recording begins, and its end.
std::vector<std::size_t> days_of(const House& house) {
  std::vector<std::size_t> begins;
  std::optional<std::chrono::sys_days> day;
  for (std::size_t row = 0; row < house.times.size(); ++row) {
    const auto today = std::chrono::floor<std::chrono::days>(house.times[row]);
    if (today != day) begins.push_back(row);
    day = today;
  }
  begins.push_back(house.times.size());
  return begins;
}

float at(const std::vector<float>& column, std::size_t row) {
  return column.empty() ? std::numeric_limits<float>::quiet_NaN() : column[row];
}

void add_channels(const House& house, std::vector<RecordedDevice>& devices) {
  const auto days = days_of(house);
  for (const auto& channel : house.channels) {
    if (channel.role == ChannelRole::mains || !channel.appliance) continue;
    DeviceCollector collector;
    for (const auto day : evenly(days.size() - 1, days_per_device)) {
      collector.begin();
      for (auto row = days[day]; row < days[day + 1]; ++row) {
        collector.take({.time = house.times[row],
                        .active_power = {at(channel.active_power_w, row)},
                        .reactive_power = {at(channel.reactive_power_var, row)},
                        .voltage = {at(channel.voltage_v, row)}});
      }
    }
    RecordedDevice device{.name = house.name + "/" + channel.name,
                          .household = house.household,
                          .source = house.name,
                          .licence = house.licence,
                          .kind = *channel.appliance};
    collector.give(device);
    devices.push_back(std::move(device));
  }
}

constexpr int simulated_days = 4;

// Every appliance of a simulated household, each on a meter of its own.
void add_household(const simulator::HouseholdOptions& options,
                   std::vector<RecordedDevice>& devices) {
  simulator::Household household(options);
  std::vector<simulator::ChipInput> chips(household.chips());
  std::map<std::string, DeviceCollector> collectors;
  std::map<std::string, ApplianceKind> kinds;
  const auto end = options.begin + std::chrono::days(simulated_days);
  for (auto now = options.begin; now < end; now += std::chrono::seconds(2)) {
    household.advance(now, chips);
    for (const auto& appliance : household.truth(now)) {
      const auto kind = insight::appliance_kind(appliance.word);
      // A socket's background, and lights that come and go as one, are like nothing else.
      if (!kind || kind == ApplianceKind::outlets || kind == ApplianceKind::lighting) continue;
      const std::string name(appliance.name);
      kinds.emplace(name, *kind);
      collectors[name].take({.time = now, .active_power = appliance.active_power});
    }
  }
  for (auto& [name, collector] : collectors) {
    const auto household_name = fmt::format(
        "simulated-{}-{}", options.house == simulator::House::us ? "us" : "eu3", options.seed);
    RecordedDevice device{.name = household_name + "/" + name,
                          .household = household_name,
                          .source = "simulator",
                          .licence = "own",
                          .kind = kinds.at(name),
                          .is_simulated = true};
    collector.give(device);
    devices.push_back(std::move(device));
  }
}

// Some of each device's evidence, weighed so that devices are equal within their kind.
class ExampleDraw {
 public:
  ExampleDraw(std::span<const RecordedDevice* const> devices, const KindTraining& options)
      : options_(options), random_(options.seed) {
    std::map<ApplianceKind, std::size_t> places;
    for (const auto* device : devices) {
      if (device->evidence.empty() || device->kind == ApplianceKind::outlets) continue;
      devices_.push_back(device);
      places.emplace(device->kind, 0);
    }
    for (auto& [kind, place] : places) {
      place = kinds_.size();
      kinds_.push_back(kind);
    }
  }

  const std::vector<ApplianceKind>& kinds() const { return kinds_; }

  // Two thirds of the devices of each kind, at least one.
  insight::Examples draw() {
    std::map<ApplianceKind, std::vector<const RecordedDevice*>> by_kind;
    for (const auto* device : devices_) by_kind[device->kind].push_back(device);
    insight::Examples examples{.inputs = insight::feature_count};
    std::vector<float> row(insight::feature_count);
    for (std::size_t place = 0; place < kinds_.size(); ++place) {
      auto& devices = by_kind[kinds_[place]];
      std::ranges::shuffle(devices, random_);
      const auto used = std::max<std::size_t>(1, (devices.size() * 2 + 2) / 3);
      const double each = 40 * std::pow(static_cast<double>(used), -options_.balance);
      for (std::size_t i = 0; i < used; ++i) {
        add(examples, *devices[i], static_cast<float>(place), each);
      }
    }
    return examples;
  }

 private:
  void add(insight::Examples& examples, const RecordedDevice& device, float label, double weight) {
    std::vector<const ActivationEvidence*> chosen;
    for (const auto* from : {&device.evidence, &device.varied}) {
      std::vector<const ActivationEvidence*> all;
      for (const auto& evidence : *from) all.push_back(&evidence);
      std::ranges::shuffle(all, random_);
      // Half of them are those with most energy, as most activations of some are next to nothing.
      std::ranges::stable_sort(all, std::greater(), &ActivationEvidence::weight);
      const auto first = std::min(all.size(), options_.examples / 2);
      std::ranges::shuffle(all.begin() + static_cast<std::ptrdiff_t>(first), all.end(), random_);
      if (all.size() > options_.examples) all.resize(options_.examples);
      chosen.insert(chosen.end(), all.begin(), all.end());
    }
    const auto worth = [](const ActivationEvidence* evidence) {
      return evidence->weight * (evidence->ended ? 1.0 : 0.5);
    };
    double sum = 0;
    for (const auto* evidence : chosen) sum += worth(evidence);
    for (const auto* evidence : chosen) {
      examples.add(evidence->features, label, static_cast<float>(weight * worth(evidence) / sum));
    }
  }

  KindTraining options_;
  std::mt19937_64 random_;
  std::vector<const RecordedDevice*> devices_;
  std::vector<ApplianceKind> kinds_;
};

}  // namespace

std::vector<RecordedDevice> devices_of(const DataSet& data) {
  std::vector<RecordedDevice> devices;
  add_traces(data, devices);
  for (const auto& name : data.houses()) add_channels(data.house(name), devices);
  return devices;
}

std::vector<RecordedDevice> simulated_devices() {
  struct Season {
    std::chrono::sys_days begin;
    std::uint64_t seed;
  };
  using namespace std::chrono;
  constexpr std::array seasons = {Season{sys_days(2024y / January / 10), 101},
                                  Season{sys_days(2024y / July / 10), 102}};
  std::vector<RecordedDevice> devices;
  for (const auto house : {simulator::House::us, simulator::House::eu3}) {
    for (const auto& season : seasons) {
      add_household({.house = house, .seed = season.seed, .begin = season.begin}, devices);
    }
  }
  return devices;
}

std::vector<RecordedDevice> simulated_circuit_devices() {
  constexpr std::uint64_t of_each_kind = 6;
  std::vector<RecordedDevice> devices;
  for (const auto kind : simulated_circuit_kinds()) {
    for (std::uint64_t i = 0; i < of_each_kind; ++i) {
      DeviceCollector collector(false);  // They vary by themselves.
      collector.begin();
      simulate_circuit(kind, i, [&](const Reading& reading) { collector.take(reading); });
      const auto name = fmt::format("simulated-{}-{}", insight::row(kind).word, i);
      RecordedDevice device{.name = name,
                            .household = name,
                            .source = "simulator",
                            .licence = "own",
                            .kind = kind,
                            .is_simulated = true};
      collector.give(device);
      devices.push_back(std::move(device));
    }
  }
  return devices;
}

bool may_ship(std::string_view licence) {
  return !licence.empty() && !licence.contains("none stated");
}

insight::KindClassifier grow(std::span<const RecordedDevice* const> devices,
                             const KindTraining& options) {
  ExampleDraw examples(devices, options);
  std::vector<insight::Forest> forests;
  for (std::size_t i = 0; i < options.forests; ++i) {
    forests.push_back(insight::train(examples.draw(), {.outputs = examples.kinds().size(),
                                                       .rounds = options.rounds,
                                                       .depth = options.depth,
                                                       .learning_rate = options.learning_rate,
                                                       .row_share = 0.7,
                                                       .column_share = options.column_share,
                                                       .seed = options.seed + i}));
  }
  return {examples.kinds(), std::move(forests), {}};
}

namespace {

constexpr std::size_t folds = 4;

// What a classifier makes of a device it had not seen.
struct Outcome {
  const RecordedDevice* device = nullptr;
  bool kind_was_known = false;
  std::size_t fold = 0;  // Of the device's household.
  double weight = 1;     // Of a device together 1.
  insight::KindBelief belief;
  insight::KindChances prior{};
};

// After the first activation, after two, four and so on, and of all.
void add_outcomes(const RecordedDevice& device, const insight::KindClassifier& classifier,
                  bool kind_was_known, std::size_t fold, std::vector<Outcome>& outcomes) {
  Outcome outcome{.device = &device,
                  .kind_was_known = kind_was_known,
                  .fold = fold,
                  .weight = 1,
                  .belief = {},
                  .prior = classifier.even_prior()};
  std::vector<Outcome> made;
  std::size_t count = 0, next = 1;
  for (const auto& evidence : device.evidence) {
    if (!evidence.ended && evidence.features[insight::place_of("is_level")] == 0) continue;
    outcome.belief.add(classifier.chances(evidence.features), evidence.weight);
    if (++count < next) continue;
    next *= 2;
    made.push_back(outcome);
  }
  if (count > 0) made.push_back(outcome);
  for (auto& one : made) {
    one.weight = 1 / static_cast<double>(made.size());
    outcomes.push_back(one);
  }
}

// Households of one kind go to folds in turn, so that each fold has some of it.
std::map<std::string, std::size_t> folds_of(std::span<const RecordedDevice* const> devices,
                                            std::uint64_t seed) {
  std::map<ApplianceKind, std::vector<std::string>> by_kind;
  std::map<std::string, std::size_t> fold;
  for (const auto* device : devices) {
    if (!fold.emplace(device->household, 0).second) continue;
    by_kind[device->kind].push_back(device->household);
  }
  std::mt19937_64 random(seed);
  std::size_t next = 0;
  for (auto& [kind, households] : by_kind) {
    std::ranges::sort(households);
    std::ranges::shuffle(households, random);
    for (const auto& household : households) fold[household] = next++ % folds;
  }
  return fold;
}

// Of each fold a classifier that has neither its households nor its share of the kinds.
std::vector<Outcome> outcomes_of(std::span<const RecordedDevice* const> devices,
                                 KindTraining options) {
  options.forests = std::max<std::size_t>(1, options.forests / 2);
  const auto fold = folds_of(devices, options.seed);
  std::map<ApplianceKind, std::size_t> count;
  for (const auto* device : devices) ++count[device->kind];
  std::vector<Outcome> outcomes;
  for (std::size_t f = 0; f < folds; ++f) {
    const auto is_left_out = [&](ApplianceKind kind) {
      // Few kinds at a time, as the others get easier without them.
      return kind != ApplianceKind::other && static_cast<std::size_t>(kind) % (3 * folds) == f;
    };
    std::vector<const RecordedDevice*> training;
    for (const auto* device : devices) {
      if (fold.at(device->household) != f && !is_left_out(device->kind)) {
        training.push_back(device);
      }
    }
    const auto classifier = grow(training, options);
    const auto known = classifier.even_prior();
    for (const auto* device : devices) {
      if (device->is_simulated) continue;
      const bool is_known = known[static_cast<std::size_t>(device->kind)] > 0;
      const auto its = fold.at(device->household);
      if (its == f ? is_known : is_left_out(device->kind)) {
        add_outcomes(*device, classifier, is_known, its, outcomes);
      }
    }
  }
  return outcomes;
}

double loss_of(std::span<const Outcome> outcomes, const insight::KindCalibration& calibration) {
  double loss = 0;
  for (const auto& outcome : outcomes) {
    if (!outcome.kind_was_known) continue;
    const auto chances = outcome.belief.chances(calibration, outcome.prior);
    loss -=
        outcome.weight * std::log(chances[static_cast<std::size_t>(outcome.device->kind)] + 1e-6);
  }
  return loss;
}

// What makes that likeliest which came true.
insight::KindCalibration fitted(std::span<const Outcome> outcomes) {
  insight::KindCalibration best;
  double least = std::numeric_limits<double>::infinity();
  for (const float correlation : {0.2F, 0.5F, 0.8F, 1.0F}) {
    for (float temperature = 0.5F; temperature < 4; temperature *= 1.1F) {
      insight::KindCalibration tried{.temperature = temperature, .correlation = correlation};
      const auto loss = loss_of(outcomes, tried);
      if (loss >= least) continue;
      least = loss;
      best = tried;
    }
  }
  return best;
}

struct Named {
  insight::KindGuess guess;
  double weight = 0;
  bool is_right = false, is_unseen = false;
  std::size_t fold = 0;

  // Devices of kinds that were left out count half: homes have some that no recording has.
  double worth() const { return is_unseen ? weight / 2 : weight; }
};

std::vector<Named> names_of(std::span<const Outcome> outcomes,
                            const insight::KindCalibration& calibration) {
  std::vector<Named> named;
  for (const auto& outcome : outcomes) {
    const auto guesses = insight::likeliest(outcome.belief.chances(calibration, outcome.prior), 1);
    if (guesses.empty()) continue;
    named.push_back({guesses[0], outcome.weight, guesses[0].kind == outcome.device->kind,
                     !outcome.kind_was_known, outcome.fold});
  }
  std::ranges::stable_sort(named, std::greater(),
                           [](const Named& one) { return one.guess.probability; });
  return named;
}

// From which probability the names of one kind are right in 95 of 100 devices. A threshold is the
// best of many, and so looks better than it is: of what one lets through that was chosen on other
// households, four names in five are right. Two such devices are added to those of the kind.
float shown_from(std::span<const Named> named, ApplianceKind kind) {
  constexpr double precision = 0.95, prior_precision = 0.8, prior_devices = 2;
  double right = 0, wrong = 0;
  float from = 2;
  for (const auto& one : named) {
    if (one.guess.kind != kind) continue;
    (one.is_right ? right : wrong) += one.worth();
    const double all = right + wrong + prior_devices;
    if (right + prior_precision * prior_devices >= precision * all) {
      from = one.guess.probability;
    }
  }
  return from;
}

// Then raised for all until 95 of 100 names are right and unseen kinds stay unnamed in 90 of 100
// devices.
insight::KindChances shown_from(std::span<const Named> named) {
  constexpr double precision = 0.95, unseen_unknown = 0.9;
  insight::KindChances from;
  for (std::size_t kind = 0; kind < from.size(); ++kind) {
    from[kind] = shown_from(named, static_cast<ApplianceKind>(kind));
  }
  from[static_cast<std::size_t>(ApplianceKind::other)] = 2;
  double unseen = 0;
  for (const auto& one : named) unseen += one.is_unseen ? one.weight : 0;
  float floor = 2;
  double right = 0, wrong = 0, unseen_named = 0;
  for (const auto& one : named) {
    if (one.guess.probability < from[static_cast<std::size_t>(one.guess.kind)]) continue;
    (one.is_right ? right : wrong) += one.worth();
    if (one.is_unseen) unseen_named += one.weight;
    if (unseen_named > (1 - unseen_unknown) * unseen) break;
    if (right >= precision * (right + wrong)) floor = one.guess.probability;
  }
  for (auto& probability : from) probability = std::max(probability, floor);
  return from;
}

double macro_f1(std::span<const Outcome> outcomes, const insight::KindCalibration& calibration,
                KindErrors& errors) {
  std::map<ApplianceKind, double> right, guessed, all;
  std::map<ApplianceKind, std::set<const RecordedDevice*>> devices;
  for (const auto& outcome : outcomes) {
    if (!outcome.kind_was_known || outcome.device->kind == ApplianceKind::other) continue;
    const auto guess =
        insight::likeliest(outcome.belief.chances(calibration, outcome.prior), 1).at(0).kind;
    const auto kind = outcome.device->kind;
    devices[kind].insert(outcome.device);
    all[kind] += outcome.weight;
    guessed[guess] += outcome.weight;
    if (guess == kind) right[kind] += outcome.weight;
  }
  double sum = 0;
  for (const auto& [kind, its] : devices) {
    if (its.size() < 2) continue;
    errors.devices += its.size();
    ++errors.kinds;
    sum += 2 * right[kind] / (all[kind] + guessed[kind]);
  }
  return errors.kinds > 0 ? sum / static_cast<double>(errors.kinds) : 0;
}

// What is shown of each fold is decided by the others.
KindErrors errors_of(std::span<const Outcome> outcomes, std::span<const Named> named,
                     const insight::KindCalibration& calibration) {
  KindErrors errors;
  errors.macro_f1 = macro_f1(outcomes, calibration, errors);
  double right = 0, wrong = 0, known = 0, unseen = 0, unseen_named = 0;
  for (std::size_t f = 0; f < folds; ++f) {
    std::vector<Named> others;
    for (const auto& one : named) {
      if (one.fold != f) others.push_back(one);
    }
    const auto from = shown_from(others);
    for (const auto& one : named) {
      if (one.fold != f) continue;
      (one.is_unseen ? unseen : known) += one.weight;
      if (one.guess.probability < from[static_cast<std::size_t>(one.guess.kind)]) continue;
      (one.is_unseen ? unseen_named : one.is_right ? right : wrong) += one.weight;
    }
  }
  if (right + wrong > 0) errors.shown_precision = share(right, right + wrong);
  if (known > 0) errors.shown_share = (right + wrong) / known;
  if (unseen > 0) errors.unseen_unknown = 1 - unseen_named / unseen;
  return errors;
}

}  // namespace

TrainedKinds fit_kinds(std::span<const RecordedDevice* const> devices,
                       const KindTraining& options) {
  const auto outcomes = outcomes_of(devices, options);
  auto calibration = fitted(outcomes);
  const auto named = names_of(outcomes, calibration);
  calibration.shown_from = shown_from(named);
  TrainedKinds trained{grow(devices, options), {}};
  trained.classifier.calibrate(calibration);
  trained.errors = errors_of(outcomes, named, calibration);
  return trained;
}

}  // namespace lenz::evaluation
