#include <fmt/format.h>

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <map>
#include <optional>
#include <set>
#include <stdexcept>
#include <system_error>

#include "insight/identification/model.h"
#include "lenz/commands.h"
#include "lenz/evaluation/cycle_training.h"
#include "lenz/evaluation/data_set.h"
#include "lenz/evaluation/kind_training.h"
#include "lenz/evaluation/mains_training.h"
#include "lenz/evaluation/scenes.h"

namespace lenz {
namespace {

namespace fs = std::filesystem;
using evaluation::RecordedDevice;

struct SourceRow {
  std::string_view begins, attribution;
};
// What a source's licence asks to be said, by how the names of its houses, or its traces' source,
// begin.
constexpr std::array sources = {
    SourceRow{"tracebase",
              "Contains information from the tracebase data set, which is made available at "
              "http://www.tracebase.org under the Open Database License (ODbL). Reinhardt et al., "
              "SustainIT 2012."},
    SourceRow{"ECO",
              "ECO, CC BY 4.0. Beckel, Kleiminger, Cicchetti, Staake & Santini, The ECO data set "
              "and the performance of non-intrusive load monitoring algorithms, BuildSys 2014."},
    SourceRow{"refit",
              "REFIT, CC BY 4.0. Murray, Stankovic & Stankovic, An electrical load measurements "
              "dataset of United Kingdom households from a two-year longitudinal study, Scientific "
              "Data 4:160122, 2017."},
    SourceRow{"ukdale",
              "UK-DALE, CC BY 4.0. Kelly & Knottenbelt, The UK-DALE dataset, Scientific Data "
              "2:150007, 2015."},
    SourceRow{"ideal",
              "IDEAL, CC BY 4.0. Pullinger et al., The IDEAL household energy dataset, Scientific "
              "Data 8:146, 2021."},
    SourceRow{"ampds2",
              "AMPds2, CC BY 4.0. Makonin et al., Electricity, water, and natural gas consumption "
              "of a residential house in Canada from 2012 to 2014, Scientific Data 3:160037, "
              "2016."},
    SourceRow{"kehkok", "kehkok lab data set, MIT."},
    SourceRow{"ompm", "OMPM, MIT. University of Almeria."},
};

std::string joined(const std::set<std::string>& words) {
  return fmt::format("{}", fmt::join(words, ", "));
}

// A house has several devices, and is named as a whole.
std::string listed(const RecordedDevice& device) {
  return device.name.substr(0, device.name.find('/'));
}

// What a model was learnt from.
struct Origin {
  std::set<std::string> trained_on, licences, attributions;

  void add(const std::string& name, const std::string& licence, std::string_view source) {
    trained_on.insert(name);
    licences.insert(licence);
    for (const auto& row : sources) {
      if (source.starts_with(row.begins)) attributions.emplace(row.attribution);
    }
  }
};

struct KindsOfDevices {
  std::set<std::string> recorded, simulated;  // The second have no recording.
};

KindsOfDevices add_devices(std::span<const RecordedDevice* const> devices, Origin& origin) {
  KindsOfDevices kinds;
  for (const auto* device : devices) {
    if (device->evidence.empty()) continue;
    const std::string word(insight::row(device->kind).word);
    if (device->is_simulated) {
      kinds.simulated.insert(word);
      continue;
    }
    kinds.recorded.insert(word);
    origin.add(listed(*device), device->licence, device->source);
  }
  for (const auto& word : kinds.recorded) kinds.simulated.erase(word);
  return kinds;
}

evaluation::TrainedMains train_mains(const evaluation::DataSet& data, std::uint64_t seed,
                                     Origin& origin) {
  std::vector<insight::ApplianceKind> kinds;
  for (const auto& row : insight::appliance_kinds) {
    if (evaluation::is_nameable(row.id)) kinds.push_back(row.id);
  }
  evaluation::MainsTraining training(kinds, {.seed = seed});
  for (const auto& name : data.houses()) {
    const auto house = data.house(name);
    if (!evaluation::may_ship(house.licence)) continue;
    const auto recording = evaluation::mains_recording(house, kinds);
    if (!recording || recording->kinds_w.empty()) continue;
    fmt::print(stderr, "mains of {}\n", name);
    training.add(*recording);
    origin.add(name, house.licence, name);
  }
  fmt::print(stderr, "training on mains\n");
  return training.fit();
}

struct TrainedCycles {
  std::optional<insight::CycleJudge> judge;  // Absent: too few machines.
  evaluation::CycleErrors errors;            // Of machines of households that it had not seen.
};

std::string text(const evaluation::CycleErrors& errors) {
  const auto percent = [](const evaluation::Figure& share) {
    return fmt::format("{:.1f} % ({:.1f} to {:.1f})", 100 * share.value, 100 * share.low,
                       100 * share.high);
  };
  return fmt::format(
      "of {:.0f} courses of machines of unseen households, done was said within a minute of {}, "
      "too "
      "early of {}, after {:.0f} s in the median",
      errors.courses, percent(errors.within_minute), percent(errors.false_share),
      errors.median_delay_s);
}

TrainedCycles train_cycles(const evaluation::DataSet& data, std::uint64_t seed) {
  fmt::print(stderr, "training on washing machines, dishwashers and dryers\n");
  auto machines = evaluation::machines_of(data);
  std::erase_if(machines, [](const auto& one) { return !evaluation::may_ship(one.licence); });
  std::vector<evaluation::CycleExamples> examples;
  std::vector<const evaluation::Machine*> all;
  std::vector<const evaluation::CycleExamples*> all_examples;
  examples.reserve(machines.size());
  for (const auto& machine : machines) {
    all.push_back(&machine);
    all_examples.push_back(&examples.emplace_back(evaluation::cycle_examples(machine)));
  }
  std::vector<evaluation::SaidOfCourse> said;
  for (const auto& of_one : evaluation::cross_validate(all, all_examples, {.seed = seed})) {
    said.insert(said.end(), of_one.begin(), of_one.end());
  }
  for (const auto& [least, most] : {std::pair(0UL, 0UL), {1, 4}, {5, said.size()}}) {
    fmt::print(stderr, "{} to {} courses before: {}\n", least, most,
               text(evaluation::cycle_errors(said, least, most)));
  }
  return {evaluation::fit_cycles(all, all_examples, {.seed = seed}),
          evaluation::cycle_errors(said, 0, said.size())};
}

std::string card_of(const Origin& origin, const KindsOfDevices& kinds,
                    const evaluation::KindErrors& errors, const evaluation::TrainedMains& mains,
                    const evaluation::CycleErrors& cycles) {
  auto card = fmt::format(
      "name: appliances\n"
      "period: recordings of 2011 to 2016\n"
      "licences: {}\n"
      "kinds: {}\n"
      "simulated: {}\n"
      "trained_on: {}\n",
      joined(origin.licences), joined(kinds.recorded), joined(kinds.simulated),
      joined(origin.trained_on));
  for (const auto& attribution : origin.attributions) card += "attribution: " + attribution + "\n";
  card += fmt::format(
      "error: of {} devices of {} kinds, each unseen, one appliance on a channel: type macro-F1 "
      "{:.2f}; names shown for {:.0f} %, of them right {:.0f} % ({:.0f} to {:.0f}); devices of a "
      "kind without training left unknown {:.0f} %\n",
      errors.devices, errors.kinds, errors.macro_f1, 100 * errors.shown_share,
      100 * errors.shown_precision.value, 100 * errors.shown_precision.low,
      100 * errors.shown_precision.high, 100 * errors.unseen_unknown);
  std::set<std::string> of_kinds;
  for (std::size_t i = 0; i < mains.nmae.size(); ++i) {
    const auto word = insight::row(mains.model.kinds[i].kind).word;
    of_kinds.insert(fmt::format("{} {:.2f}", word, mains.nmae[i]));
  }
  card += fmt::format(
      "mains_error: NMAE with hindsight, of unseen households, of kinds that are said on mains: "
      "{}\n",
      joined(of_kinds));
  card += "cycles_error: " + text(cycles) + "\n";
  return card;
}

void write_file(const fs::path& file, const std::string& bytes) {
  std::error_code error;
  if (file.has_parent_path()) fs::create_directories(file.parent_path(), error);
  std::ofstream stream(file, std::ios::binary);
  stream << bytes;
  stream.close();
  if (!stream) {
    throw std::runtime_error(fmt::format(
        "{}: this file cannot be written; check the folder's rights and the disk's room",
        file.string()));
  }
}

}  // namespace

int train_identification(const TrainIdentificationOptions& options) {
  const evaluation::DataSet data(options.data);
  fmt::print(stderr, "reading recordings\n");
  auto devices = evaluation::devices_of(data);
  std::erase_if(devices, [](const auto& device) { return !evaluation::may_ship(device.licence); });
  fmt::print(stderr, "simulating households\n");
  std::ranges::move(evaluation::simulated_devices(), std::back_inserter(devices));
  std::ranges::move(evaluation::simulated_circuit_devices(), std::back_inserter(devices));
  std::vector<const RecordedDevice*> all;
  for (const auto& device : devices) all.push_back(&device);

  fmt::print(stderr, "training on {} devices\n", all.size());
  const auto trained = evaluation::fit_kinds(all, {.seed = options.seed});
  Origin origin;
  const auto kinds = add_devices(all, origin);
  const auto mains = train_mains(data, options.seed, origin);
  const auto cycles = train_cycles(data, options.seed);
  insight::Model model{.card = card_of(origin, kinds, trained.errors, mains, cycles.errors),
                       .parts = {}};
  model.parts["kinds"] = trained.classifier.bytes();
  model.parts["mains"] = mains.model.bytes();
  if (cycles.judge) model.parts["cycles"] = cycles.judge->bytes();
  write_file(options.out, bytes_of(model));
  fmt::print("{}", model.card);
  return 0;
}

}  // namespace lenz
