#include "insight/identification/channel_identifier.h"

#include <algorithm>
#include <cmath>
#include <functional>
#include <map>
#include <set>
#include <stdexcept>
#include <utility>

#include "insight/identification/appliance_description.h"
#include "insight/identification/channel_evidence.h"
#include "insight/identification/channel_memory.h"
#include "insight/identification/kind_classifier.h"
#include "insight/identification/panel_priors.h"
#include "insight/identification/signature_refit.h"

namespace insight {
namespace {

using measurement::MilliwattHours;
using measurement::Timestamp;
using measurement::Watts;
using std::chrono::hours;

constexpr auto max_appliances = ChannelMemory::max_appliances;
constexpr auto max_runs = ChannelMemory::max_runs;
constexpr auto week = std::chrono::days(7);
constexpr hours standing_from{2};        // What has run so long as a level is said to be always on.
constexpr float snapshot_weight = 0.5F;  // Of what still runs, beside what has ended.
constexpr float relation_weight = 0.3F;  // Of the evidence of the channel's other appliances.
constexpr float said_beside = 10;    // How much likelier a kind is of which there is one already.
constexpr float new_appliance = -4;  // Log-odds that an activation is of one not seen before.
constexpr float confirmed_chance = 0.97F;
constexpr float least_pulse_w = 2;
constexpr float alike_octaves = 0.2F;  // Of the peaks of what somebody said to be one appliance.
constexpr double alone_from = 0.9;     // Of the channel's energy.
constexpr float beside_below = 0.1F;   // Of the named one's power: a lamp beside an oven.
constexpr MilliwattHours worth_asking{5'000};  // A week.

bool are_alike(const Features& one, const Features& other) {
  constexpr auto peak = place_of("peak");
  return std::abs(one[peak] - other[peak]) <= alike_octaves;
}

MilliwattHours energy_of(const Activation& activation) {
  return {static_cast<std::int64_t>(std::llround(activation.watt_seconds / 3.6))};
}

}  // namespace

class ChannelIdentifier::State {
 public:
  State(std::shared_ptr<const Model> model, ChannelFacts facts, std::string_view memory);

  void take(const Reading&);
  std::span<const Share> shares() const { return shares_; }
  std::span<const KnownAppliance> appliances() const { return known_; }
  std::vector<insight::Run> take_runs();
  std::optional<Question> question() const;
  void answer(const Answer&);
  void merge(ApplianceId from, ApplianceId into);
  ApplianceId assign(std::uint64_t run, ApplianceId);
  std::optional<Refit> refit();
  std::string memory() const { return bytes_of(learnt_); }

 private:
  using Appliance = LearntAppliance;

  // An activation that is open, and the run that is told of it.
  struct Open {
    std::uint64_t activation = 0;
    insight::Run run;  // Id 0: not told yet.
    std::optional<KindChances> chances;
    bool is_said = false;  // Somebody said whose it is.
  };

  Appliance* find(ApplianceId);
  const Appliance* find(ApplianceId) const;
  std::size_t place(ApplianceId) const;
  Open& open(std::uint64_t activation);
  const Activation* activation(std::uint64_t) const;
  bool runs_besides(ApplianceId, std::uint64_t activation) const;
  ApplianceId match(const ActivationEvidence&, const KindChances&, ApplianceId now) const;
  static float frequency_bonus(const Appliance& appliance) {
    return 0.3F * std::log1p(static_cast<float>(appliance.run_count));
  }
  ApplianceId found();
  void forget_if_unused(ApplianceId);
  void judge(const ActivationEvidence&);
  void judge_ended(const Activation&, const ActivationEvidence&, const KindChances&, Open);
  void remember(Appliance&, RememberedRun);
  void learn_again(Appliance&);
  void expel_others(ApplianceId);
  void find_owners_of_name();
  bool is_named(const Appliance&) const;
  std::optional<ApplianceKind> said_of(const Appliance&) const;
  KindChances chances_of(const Appliance&, float if_said = said_beside) const;
  void describe(Appliance&, KnownAppliance&) const;
  void describe_all();
  void tell(const insight::Run& run) { told_[run.id] = run; }
  ApplianceId only() const;
  float pulse_from_w(ApplianceId) const;
  void share_out(const Reading&);
  void read(std::string_view memory);
  double energy_mwh(const Appliance&) const;
  float greatest_w(const Appliance&) const;
  float mean_w(const Run&) const;

  std::optional<KindClassifier> classifier_;
  ChannelFacts facts_;
  KindChances prior_{};
  // What the channel's name says hangs on it, and which appliances that is: the one that takes
  // most, and what is no small thing beside it.
  std::optional<ApplianceKind> named_kind_;
  std::vector<ApplianceId> named_;
  bool is_alone_ = false;  // They take nearly all.
  ChannelEvidence evidence_;
  ChannelMemory learnt_;
  std::vector<Appliance>& appliances_ = learnt_.appliances;
  std::vector<KnownAppliance> known_;  // Beside it.
  std::vector<Open> open_;
  std::map<std::uint64_t, insight::Run> told_;  // Since the last take_runs().
  std::vector<Share> shares_;
  std::optional<Timestamp> now_;
};

ChannelIdentifier::State::State(std::shared_ptr<const Model> model, ChannelFacts facts,
                                std::string_view memory)
    : facts_(std::move(facts)), named_kind_(facts_.is_mains ? std::nullopt : kind_named(facts_)) {
  if (model) {
    if (const auto part = model->parts.find("kinds"); part != model->parts.end()) {
      auto classifier = KindClassifier::read(part->second);
      if (!classifier) throw std::runtime_error(classifier.error());
      classifier_ = std::move(*classifier);
      prior_ = with_panel(classifier_->even_prior(), facts_);
    }
  }
  if (!memory.empty()) read(memory);
}

void ChannelIdentifier::State::read(std::string_view memory) {
  learnt_ = read_channel_memory(memory);
  for (auto& appliance : appliances_) {
    known_.push_back({.id = appliance.id});
    for (auto& run : appliance.runs) {
      if (classifier_) {
        run.chances = within_socket(classifier_->chances(run.features), run.run.peak, facts_);
      }
      now_ = std::max(now_.value_or(run.run.end), run.run.end);
    }
  }
  if (now_) describe_all();
}

ChannelIdentifier::State::Appliance* ChannelIdentifier::State::find(ApplianceId id) {
  const auto it = std::ranges::find(appliances_, id, &Appliance::id);
  return it == appliances_.end() ? nullptr : &*it;
}

const ChannelIdentifier::State::Appliance* ChannelIdentifier::State::find(ApplianceId id) const {
  const auto it = std::ranges::find(appliances_, id, &Appliance::id);
  return it == appliances_.end() ? nullptr : &*it;
}

ChannelIdentifier::State::Open& ChannelIdentifier::State::open(std::uint64_t activation) {
  const auto it = std::ranges::find(open_, activation, &Open::activation);
  if (it != open_.end()) return *it;
  open_.push_back({.activation = activation, .run = {}, .chances = {}});
  return open_.back();
}

const Activation* ChannelIdentifier::State::activation(std::uint64_t id) const {
  for (const auto& one : evidence_.activations().open()) {
    if (one.id == id) return &one;
  }
  for (const auto& one : evidence_.change().ended) {
    if (one.id == id) return &one;
  }
  return nullptr;
}

// An appliance does not run twice at once.
bool ChannelIdentifier::State::runs_besides(ApplianceId id, std::uint64_t activation) const {
  return std::ranges::any_of(open_, [&](const Open& one) {
    return one.run.appliance == id && one.activation != activation;
  });
}

// A Dirichlet process would say the same: known appliances by how often they ran, a new one rarely;
// each times how well it explains what is seen, in form and in kind.
ApplianceId ChannelIdentifier::State::match(const ActivationEvidence& evidence,
                                            const KindChances& chances, ApplianceId now) const {
  const auto& features = evidence.features;
  float best = new_appliance + Signature::log_density_of_any(features);
  ApplianceId matched = unexplained;
  const bool full = appliances_.size() >= max_appliances;
  if (full) best = -std::numeric_limits<float>::infinity();
  for (const auto& appliance : appliances_) {
    if (!full && runs_besides(appliance.id, evidence.activation)) continue;
    // An answer is of what was seen; what only resembles it does not get its name.
    const auto is_like = [&](const RememberedRun& run) {
      return are_alike(run.features, features);
    };
    if (!full && evidence.ended && appliance.is_confirmed && !appliance.runs.empty() &&
        std::ranges::none_of(appliance.runs, is_like)) {
      continue;
    }
    float fit = appliance.signature.log_density(features) + frequency_bonus(appliance);
    if (classifier_) {
      const auto its = chances_of(appliance);
      float alike = 0;
      for (std::size_t i = 0; i < kind_count; ++i) {
        if (prior_[i] > 0) alike += its[i] * chances[i] / prior_[i];
      }
      fit += std::clamp(std::log(std::max(alike, 1e-3F)), -2.0F, 3.0F);
    }
    if (appliance.id == now) fit += 1;  // It was that until now.
    if (fit > best) {
      best = fit;
      matched = appliance.id;
    }
  }
  return matched;
}

ApplianceId ChannelIdentifier::State::found() {
  Appliance appliance;
  appliance.id = learnt_.next_appliance++;
  appliances_.push_back(std::move(appliance));
  known_.push_back({.id = appliances_.back().id});
  return appliances_.back().id;
}

// One that was found while it ran and turned out to be another.
void ChannelIdentifier::State::forget_if_unused(ApplianceId id) {
  const auto* appliance = find(id);
  if (!appliance || !appliance->runs.empty() || appliance->is_confirmed) return;
  if (std::ranges::any_of(open_, [&](const Open& one) { return one.run.appliance == id; })) return;
  const auto at = appliance - appliances_.data();
  appliances_.erase(appliances_.begin() + at);
  known_.erase(known_.begin() + at);
}

// Of what it is known to have drawn, the run that goes on included.
double ChannelIdentifier::State::energy_mwh(const Appliance& appliance) const {
  double sum = 0;
  for (const auto& run : appliance.runs) sum += static_cast<double>(run.run.energy.value);
  for (const auto& one : open_) {
    if (one.run.appliance == appliance.id) sum += static_cast<double>(one.run.energy.value);
  }
  return sum;
}

float ChannelIdentifier::State::greatest_w(const Appliance& appliance) const {
  float greatest = 0;
  const auto take = [&](const Run& run) {
    // The peak of a level has the first reading of what came on above it.
    greatest = std::max(greatest, appliance.is_standing ? mean_w(run) : run.peak.value);
  };
  for (const auto& run : appliance.runs) take(run.run);
  for (const auto& one : open_) {
    if (one.run.appliance == appliance.id) take(one.run);
  }
  return greatest;
}

float ChannelIdentifier::State::mean_w(const Run& run) const {
  const std::chrono::duration<float, std::ratio<3600>> length =
      std::min(run.end, *now_) - run.begin;
  return length.count() > 0 ? static_cast<float>(run.energy.value) / 1000 / length.count() : 0;
}

void ChannelIdentifier::State::find_owners_of_name() {
  named_.clear();
  if (!named_kind_) return;
  double most = 0, sum = 0, named = 0;
  const Appliance* owner = nullptr;
  for (const auto& appliance : appliances_) {
    if (appliance.confirmed_kind == named_kind_) return;  // A person knows better.
    const double energy = energy_mwh(appliance);
    sum += energy;
    if (energy <= most || appliance.is_confirmed) continue;
    most = energy;
    owner = &appliance;
  }
  if (!owner) return;
  // One appliance is often taken for two, by its programmes.
  const float from_w = beside_below * greatest_w(*owner);
  for (const auto& appliance : appliances_) {
    if (appliance.is_confirmed || greatest_w(appliance) < from_w) continue;
    named_.push_back(appliance.id);
    named += energy_mwh(appliance);
  }
  is_alone_ = named >= alone_from * sum;
}

bool ChannelIdentifier::State::is_named(const Appliance& appliance) const {
  return std::ranges::find(named_, appliance.id) != named_.end();
}

// By an answer, or by the channel's name.
std::optional<ApplianceKind> ChannelIdentifier::State::said_of(const Appliance& appliance) const {
  return is_named(appliance) ? named_kind_ : appliance.confirmed_kind;
}

KindChances ChannelIdentifier::State::chances_of(const Appliance& appliance, float if_said) const {
  KindChances chances{};
  if (const auto kind = said_of(appliance)) {
    chances.fill((1 - confirmed_chance) / static_cast<float>(kind_count - 1));
    chances[static_cast<std::size_t>(*kind)] = confirmed_chance;
    return chances;
  }
  if (!classifier_) return chances;
  auto belief = appliance.belief;
  auto prior = prior_;
  for (const auto& one : open_) {
    if (one.run.appliance == appliance.id && one.chances) {
      belief.add(*one.chances, snapshot_weight);
    }
  }
  // A circuit often carries one appliance that was taken for two.
  for (const auto& other : appliances_) {
    if (other.id == appliance.id) continue;
    if (const auto kind = said_of(other)) {
      prior[static_cast<std::size_t>(*kind)] *= if_said;
    } else if (!other.belief.empty()) {
      belief.add(other.belief, relation_weight / std::max(1.0F, other.belief.weight()));
    }
  }
  return belief.chances(classifier_->calibration(), prior);
}

void ChannelIdentifier::State::remember(Appliance& appliance, RememberedRun run) {
  if (!appliance.is_refit || run.is_said) appliance.signature.learn(run.features);
  if (classifier_) appliance.belief.add(run.chances, run.weight);
  ++appliance.run_count;
  if (appliance.runs.size() == max_runs) appliance.runs.erase(appliance.runs.begin());
  appliance.runs.push_back(std::move(run));
}

void ChannelIdentifier::State::learn_again(Appliance& appliance) {
  const auto runs = std::exchange(appliance.runs, {});
  appliance.is_refit = false;
  appliance.signature = {};
  appliance.belief = {};
  appliance.run_count = 0;
  for (const auto& run : runs) remember(appliance, run);
}

void ChannelIdentifier::State::judge_ended(const Activation& ended,
                                           const ActivationEvidence& evidence,
                                           const KindChances& chances, Open was) {
  auto id = was.is_said ? was.run.appliance : match(evidence, chances, was.run.appliance);
  if (id == unexplained) id = found();
  auto run = was.run;
  const auto before = std::exchange(run.appliance, id);
  if (run.id == 0) run.id = learnt_.next_run++;
  run.begin = ended.begin;
  run.end = ended.end;
  run.energy = energy_of(ended);
  run.peak = {ended.peak_w};
  tell(run);
  find(id)->is_standing = ended.is_level && ended.end - ended.begin >= standing_from;
  remember(*find(id),
           {run, evidence.features, chances, evidence.weight, ended.is_level, was.is_said});
  if (before != id) forget_if_unused(before);
}

void ChannelIdentifier::State::judge(const ActivationEvidence& evidence) {
  const auto* seen = activation(evidence.activation);
  if (!seen) return;
  KindChances chances{};
  if (classifier_) {
    chances = within_socket(classifier_->chances(evidence.features), {seen->peak_w}, facts_);
  }
  if (evidence.ended) {
    Open was = open(evidence.activation);
    std::erase_if(open_, [&](const Open& one) { return one.activation == evidence.activation; });
    judge_ended(*seen, evidence, chances, std::move(was));
    return;
  }
  const auto age = *now_ - seen->begin;
  const auto at = static_cast<std::size_t>(&open(evidence.activation) - open_.data());
  open_[at].chances.reset();  // It must not speak for itself.
  const auto before = open_[at].run.appliance;
  auto id = before;
  if (before == unexplained || (age < hours(1) && !open_[at].is_said)) {
    id = match(evidence, chances, before);
    if (id == unexplained)
      id = before != unexplained && !find(before)->run_count ? before : found();
  }
  auto& one = open_[at];
  one.chances = chances;
  if (one.run.id == 0) {
    one.run.id = learnt_.next_run++;
    one.run.begin = seen->begin;
  }
  find(id)->is_standing = seen->is_level && age >= standing_from;
  one.run.appliance = id;
  one.run.energy = energy_of(*seen);
  one.run.peak = {seen->peak_w};
  tell(one.run);
  if (before != id) forget_if_unused(before);
}

// The appliance that there is alone; of several of one kind the latest that ran. Unexplained: there
// are others too.
ApplianceId ChannelIdentifier::State::only() const {
  if (appliances_.empty()) return unexplained;
  if (appliances_.size() == 1) return appliances_.front().id;
  for (const auto& known : known_) {
    if (!known.kind || known.kind != known_.front().kind) return unexplained;
  }
  for (auto it = open_.rbegin(); it != open_.rend(); ++it) {
    if (it->run.appliance != unexplained) return it->run.appliance;
  }
  return std::ranges::max(appliances_, {},
                          [](const Appliance& appliance) {
                            return appliance.runs.empty() ? 0 : appliance.runs.back().run.id;
                          })
      .id;
}

// From which power what no run explains is a pulse of the appliance, too short to be a run. Less is
// its standby: it does not run then.
float ChannelIdentifier::State::pulse_from_w(ApplianceId id) const {
  constexpr float standby = 0.05F;
  const auto& runs = find(id)->runs;
  if (runs.empty()) return 0;
  return standby * (std::exp2(runs.back().features[place_of("mean")]) - 1);
}

void ChannelIdentifier::State::share_out(const Reading& reading) {
  shares_.clear();
  if (std::isnan(reading.active_power.value)) return;
  float left = reading.active_power.value;
  const auto give = [&](ApplianceId appliance, float watts) {
    left -= watts;
    const auto share = std::ranges::find(shares_, appliance, &Share::appliance);
    if (share == shares_.end()) {
      shares_.push_back({appliance, {watts}});
    } else {
      share->active_power.value += watts;
    }
  };
  const auto& activations = evidence_.activations();
  for (std::size_t i = 0; i < activations.open().size(); ++i) {
    const auto it = std::ranges::find(open_, activations.open()[i].id, &Open::activation);
    if (it == open_.end() || it->run.appliance == unexplained) continue;
    give(it->run.appliance, std::min(activations.drawn(i).value, std::max(0.0F, left)));
  }
  if (left >= least_pulse_w) {
    const auto appliance = only();
    if (appliance != unexplained && left >= pulse_from_w(appliance)) give(appliance, left);
  }
  shares_.push_back({unexplained, {left}});
}

void ChannelIdentifier::State::take(const Reading& reading) {
  if (now_ && reading.time <= *now_) return;
  now_ = reading.time;
  const auto& evidence = evidence_.take(reading);
  for (const auto& one : evidence) judge(one);
  if (!evidence.empty()) describe_all();
  share_out(reading);
}

void ChannelIdentifier::State::describe(Appliance& appliance, KnownAppliance& known) const {
  const auto guesses = likeliest(chances_of(appliance), 1);
  known.id = appliance.id;
  known.name = appliance.name;
  const auto said = said_of(appliance);
  known.kind = said;
  known.probability = appliance.confirmed_kind ? 1.0F : said ? confirmed_chance : 0.0F;
  known.certainty = appliance.is_confirmed || said ? Certainty::confirmed : Certainty::unknown;
  if (is_named(appliance) && is_alone_) known.certainty = Certainty::measured;
  if (!said && !guesses.empty()) {
    known.kind = guesses.front().kind;
    known.probability = guesses.front().probability;
    // That there is one already makes a kind likelier, and no surer.
    const auto alone = likeliest(chances_of(appliance, 1), 1);
    if (!appliance.is_confirmed && alone.front().kind == guesses.front().kind &&
        classifier_->is_shown(alone.front())) {
      known.certainty = Certainty::likely;
    }
  }
  if (appliance.runs.empty()) {
    known.description.clear();
    return;
  }
  const auto times = std::ranges::count_if(
      appliance.runs, [&](const RememberedRun& run) { return *now_ - run.run.end < week; });
  known.description = description_of({.latest = appliance.runs.back().features,
                                      .is_standing = appliance.is_standing,
                                      .is_named = known.certainty != Certainty::unknown,
                                      .times_a_week = static_cast<std::size_t>(times)});
}

void ChannelIdentifier::State::describe_all() {
  find_owners_of_name();
  for (std::size_t i = 0; i < appliances_.size(); ++i) describe(appliances_[i], known_[i]);
}

std::vector<insight::Run> ChannelIdentifier::State::take_runs() {
  std::vector<insight::Run> runs;
  for (auto& [id, run] : std::exchange(told_, {})) runs.push_back(run);
  return runs;
}

std::optional<Question> ChannelIdentifier::State::question() const {
  std::optional<Question> best;
  double best_worth = 0;
  for (const auto& appliance : appliances_) {
    if (appliance.is_confirmed || is_named(appliance)) continue;
    MilliwattHours weekly{};
    const insight::Run* example = nullptr;
    for (const auto& run : appliance.runs) {
      if (*now_ - run.run.end >= week) continue;
      weekly = weekly + run.run.energy;
      example = &run.run;
    }
    for (const auto& one : open_) {  // What always draws has nothing else.
      if (one.run.appliance != appliance.id) continue;
      weekly = weekly + one.run.energy;
      if (!example) example = &one.run;
    }
    if (!example || weekly < worth_asking) continue;
    const auto chances = chances_of(appliance);
    double doubt = 0.1;
    for (const float chance : chances) {
      if (chance > 0) doubt -= chance * std::log(chance);
    }
    const double worth = doubt * static_cast<double>(weekly.value);
    if (worth <= best_worth) continue;
    best_worth = worth;
    best =
        Question{.appliance = appliance.id, .example = *example, .guesses = {}, .weekly = weekly};
    for (const auto& guess : likeliest(chances, 3)) best->guesses.push_back(guess.kind);
  }
  return best;
}

void ChannelIdentifier::State::answer(const Answer& answer) {
  auto* appliance = find(answer.appliance);
  if (!appliance) return;
  if (!std::exchange(appliance->is_confirmed, true)) expel_others(answer.appliance);
  appliance = find(answer.appliance);
  if (answer.kind) appliance->confirmed_kind = answer.kind;
  appliance->name = answer.name;
  for (const auto& run : appliance->runs) tell(run.run);
  for (const auto& one : open_) {
    if (one.run.appliance == appliance->id) tell(one.run);
  }
  describe_all();
}

// What was asked about is the latest run: those that draw otherwise are another appliance's, until
// somebody says that it is the same.
void ChannelIdentifier::State::expel_others(ApplianceId id) {
  if (find(id)->runs.empty() || appliances_.size() >= max_appliances) return;
  const auto example = find(id)->runs.back().features;
  const auto is_other = [&](const RememberedRun& run) { return !are_alike(run.features, example); };
  if (std::ranges::none_of(find(id)->runs, is_other)) return;
  const auto rest = found();
  auto& runs = find(id)->runs;
  const auto others = std::stable_partition(runs.begin(), runs.end(), std::not_fn(is_other));
  for (auto run = others; run != runs.end(); ++run) {
    run->run.appliance = rest;
    tell(run->run);
    remember(*find(rest), std::move(*run));
  }
  runs.erase(others, runs.end());
  learn_again(*find(id));
}

void ChannelIdentifier::State::merge(ApplianceId from, ApplianceId into) {
  auto* source = find(from);
  auto* target = find(into);
  if (!source || !target || source == target) return;
  for (auto& run : source->runs) run.run.appliance = into;
  target->runs.insert(target->runs.end(), source->runs.begin(), source->runs.end());
  std::ranges::sort(target->runs, {}, [](const RememberedRun& run) { return run.run.id; });
  if (target->runs.size() > max_runs) {
    target->runs.erase(target->runs.begin(), target->runs.end() - max_runs);
  }
  target->run_count += source->run_count;
  target->signature.learn(source->signature);
  target->belief.add(source->belief, 1);
  if (!target->is_confirmed) {
    target->is_confirmed = source->is_confirmed;
    target->confirmed_kind = source->confirmed_kind;
    target->name = source->name;
  }
  for (auto& one : open_) {
    if (one.run.appliance != from) continue;
    one.run.appliance = into;
    tell(one.run);
  }
  for (const auto& run : target->runs) tell(run.run);
  const auto at = source - appliances_.data();
  appliances_.erase(appliances_.begin() + at);
  known_.erase(known_.begin() + at);
  describe_all();
}

ApplianceId ChannelIdentifier::State::assign(std::uint64_t run_id, ApplianceId id) {
  if (id == unexplained ? appliances_.size() >= max_appliances : !find(id)) return unexplained;
  for (auto& one : open_) {
    if (one.run.id != run_id) continue;
    const auto to = id == unexplained ? found() : id;
    const auto before = std::exchange(one.run.appliance, to);
    one.is_said = true;
    tell(one.run);
    forget_if_unused(before);
    describe_all();
    return to;
  }
  for (auto& appliance : appliances_) {
    const auto it = std::ranges::find(appliance.runs, run_id,
                                      [](const RememberedRun& run) { return run.run.id; });
    if (it == appliance.runs.end()) continue;
    const auto from = appliance.id;
    if (from == id) {
      if (appliance.is_refit && !it->is_said) appliance.signature.learn(it->features);
      it->is_said = true;
      return id;
    }
    auto run = std::move(*it);
    appliance.runs.erase(it);
    learn_again(appliance);
    const auto to = id == unexplained ? found() : id;  // It moves the appliances.
    run.is_said = true;
    run.run.appliance = to;
    tell(run.run);
    remember(*find(to), std::move(run));
    forget_if_unused(from);
    describe_all();
    return to;
  }
  return unexplained;
}

std::optional<ChannelIdentifier::Refit> ChannelIdentifier::State::refit() {
  std::vector<ToldAppliance> told;
  for (const auto& appliance : appliances_) {
    auto& one = told.emplace_back(appliance.signature, frequency_bonus(appliance));
    for (const auto& run : appliance.runs) {
      if (run.is_said || is_named(appliance)) one.said.push_back(run.features);
    }
  }
  const auto made = insight::refit(told, new_appliance);
  if (made.runs == 0) return std::nullopt;
  for (std::size_t i = 0; i < appliances_.size() && !made.is_worse(); ++i) {
    if (told[i].said.size() < SignatureRefit::from_runs) continue;
    appliances_[i].signature = made.signatures[i];
    appliances_[i].is_refit = true;
  }
  return Refit{made.runs, made.right_before, made.right_after, !made.is_worse()};
}

ChannelIdentifier::ChannelIdentifier(std::shared_ptr<const Model> model, ChannelFacts facts,
                                     std::string_view memory)
    : state_(std::make_unique<State>(std::move(model), std::move(facts), memory)) {}
ChannelIdentifier::~ChannelIdentifier() = default;

void ChannelIdentifier::take(const Reading& reading) { state_->take(reading); }
std::span<const Share> ChannelIdentifier::shares() const { return state_->shares(); }
std::span<const KnownAppliance> ChannelIdentifier::appliances() const {
  return state_->appliances();
}
std::vector<Run> ChannelIdentifier::take_runs() { return state_->take_runs(); }
std::optional<Question> ChannelIdentifier::question() const { return state_->question(); }
void ChannelIdentifier::answer(const Answer& answer) { state_->answer(answer); }
void ChannelIdentifier::merge(ApplianceId from, ApplianceId into) { state_->merge(from, into); }
void ChannelIdentifier::split(std::uint64_t run) { state_->assign(run, unexplained); }
ApplianceId ChannelIdentifier::assign(std::uint64_t run, ApplianceId id) {
  return state_->assign(run, id);
}
std::optional<ChannelIdentifier::Refit> ChannelIdentifier::refit() { return state_->refit(); }
std::string ChannelIdentifier::memory() const { return state_->memory(); }

}  // namespace insight
