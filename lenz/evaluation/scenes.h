// What a method sees of recordings, and the truth beside it, apart.
//
//   DataSet -> Scenes -> Case: channels c1...cn | what really ran on each of them

#pragma once

#include <chrono>
#include <cstdint>
#include <memory>
#include <optional>
#include <set>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "insight/identification/channel_identifier.h"
#include "insight/reading.h"
#include "lenz/evaluation/data_set.h"

namespace lenz::evaluation {

using insight::ApplianceKind;

// An appliance that was seen alone before.
struct KnownLoad {
  ApplianceKind kind{};
  std::vector<insight::Reading> alone;
};

// All that a method may know of a channel. Names, labels and notes are not among it.
struct Channel {
  double interval_s = 1;  // Nominal.
  double hold_s = 1;      // So long a row counts when no other follows.
  bool has_clock = false;
  // Without a prior only is_mains, nominal_voltage and, where there is a clock, utc_offset.
  insight::ChannelFacts facts;
  std::shared_ptr<const std::vector<measurement::Timestamp>> times;
  std::vector<float> active_power_w;                 // NaN: missing.
  std::vector<float> reactive_power_var, voltage_v;  // Empty: not measured.
  std::vector<KnownLoad> known;                      // All that hang on it; empty: nobody says.

  std::size_t rows() const { return active_power_w.size(); }
  insight::Reading reading(std::size_t row) const;
  // How long each row counts, seconds.
  std::vector<float> held_s() const;
};

// A meter of its own at one appliance, in the rows of the channel that feeds it.
struct TrueMeter {
  ApplianceKind kind{};
  std::vector<float> active_power_w;
};

struct ChannelTruth {
  std::vector<TrueMeter> meters;
  // Nothing but these hang on the channel. Else there is more that nobody metered.
  bool is_whole = false;
  // Kinds that are known not to be on the channel any more, as all of them have their own.
  std::set<ApplianceKind> moved;

  // Whether what is said of this kind can be judged here.
  bool judges(ApplianceKind) const;
};

// A house, a device or a mix: what is estimated at once.
struct Case {
  std::string name;
  std::set<std::string> households;     // That it comes from.
  std::vector<std::string> recordings;  // Houses and devices, as a model's card lists them.
  std::vector<Channel> channels;
  std::vector<ChannelTruth> truths;  // Of each channel.
  std::uint32_t fingerprint = 0;     // Of what was measured, whatever it is called.

  std::set<ApplianceKind> kinds() const;  // That have a meter.
  // Minutes of a laboratory: on mains they say nothing of a home, and would outweigh it.
  bool is_short() const;
};

// Words of sockets and of what is no kind. Nothing is called so, and no rows tell of them.
bool is_nameable(ApplianceKind);

// Of countries with one zone; summer time is left out.
std::optional<std::chrono::minutes> utc_offset(std::string_view country);

struct Scene {
  enum class Word : std::uint8_t { mains, circuits, mixed, single };
  Word word = Word::mains;
  // Of mains+K: circuits with a channel of their own; of mixed:K: traces; of circuits:K: the first
  // days of each house that are shown, 0: all.
  std::size_t count = 0;
  bool simulated_q = false;  // Of mixed:K: reactive power as the simulator's natures have it.

  std::string text() const;
  bool is_of_traces() const { return word == Word::mixed || word == Word::single; }
};

// "mains", "mains+8", "circuits", "circuits:7", "mixed:3", "mixed:3:simulated_q", "single". Throws
// std::runtime_error with one sentence when it is none of them.
Scene scene_called(std::string_view);

// One appliance, and when it was traced.
struct Device {
  std::string name, household;
  ApplianceKind kind{};
  std::vector<Trace> traces;
  std::size_t fold = 0;
};

// The cases of one scene, which are read when they are asked for.
class Scenes {
 public:
  struct Options {
    bool with_panel = false;        // Channels come with what panels/<house>.toml says.
    std::vector<std::string> only;  // Houses and devices; empty: all.
    std::uint64_t seed = 1;
  };
  // `data` outlives it. Throws std::runtime_error with one sentence, as load() does.
  Scenes(const DataSet& data, Scene, Options);

  struct Entry {
    std::string name;
    std::set<std::string> households;
    std::size_t fold = 0;  // Never are two entries of a household in different ones.
  };
  const std::vector<Entry>& entries() const { return entries_; }
  std::size_t folds() const { return folds_; }
  const Scene& scene() const { return scene_; }

  // Absent: the house has nothing that this scene could show.
  std::optional<Case> load(std::size_t entry) const;

 private:
  void list_houses();
  void list_devices();
  void list_mixes();

  const DataSet& data_;
  Scene scene_;
  Options options_;
  std::vector<Entry> entries_;
  std::vector<Device> devices_;
  std::size_t folds_ = 0;
};

// What may be learnt from: for mains other mains; for circuits and single every trace and every
// appliance with a meter of its own; for mixed mixes of other devices.
class TrainingSet {
 public:
  // `data` outlives it.
  TrainingSet(const DataSet& data, Scene, std::uint64_t seed);

  // In an order that no name has a part in; nothing that comes from these households.
  std::vector<std::shared_ptr<const Case>> without(const std::set<std::string>& households) const;

 private:
  const DataSet& data_;
  Scene scene_;
  std::uint64_t seed_;
  std::vector<std::shared_ptr<const Case>> cases_;
};

}  // namespace lenz::evaluation
