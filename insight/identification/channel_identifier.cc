#include "insight/identification/channel_identifier.h"

#include <fmt/format.h>
#include <zlib.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <map>
#include <set>
#include <stdexcept>
#include <utility>

#include "insight/identification/bytes.h"
#include "insight/identification/channel_evidence.h"
#include "insight/identification/kind_classifier.h"
#include "insight/identification/panel_priors.h"
#include "insight/identification/signature_refit.h"
#include "insight/identification/signatures.h"

namespace insight {
namespace {

using measurement::MilliwattHours;
using measurement::Timestamp;
using measurement::Watts;
using std::chrono::hours;

constexpr std::size_t max_appliances = 64, max_runs = 200;
constexpr auto week = std::chrono::days(7);
constexpr hours standing_from{2};        // What has run so long as a level is said to be always on.
constexpr float snapshot_weight = 0.5F;  // Of what still runs, beside what has ended.
constexpr float relation_weight = 0.3F;  // Of the evidence of the channel's other appliances.
constexpr float new_appliance = -4;      // Log-odds that an activation is of one not seen before.
constexpr float confirmed_chance = 0.97F;
constexpr double alone_from = 0.9;             // Of the channel's energy.
constexpr MilliwattHours worth_asking{5'000};  // A week.

constexpr std::string_view memory_magic = "LENZCHAN";
constexpr std::uint32_t memory_version = 1;

[[noreturn]] void refuse_memory(std::string_view why) {
  throw std::runtime_error(
      fmt::format("what was learnt of a channel {}; forget it, and it is learnt anew", why));
}

template <class Value>
Value remembered(std::string_view& bytes) {
  Value value{};
  if (!insight::take(bytes, value)) refuse_memory("is cut off");
  return value;
}

std::string remembered_text(std::string_view& bytes) {
  std::string text;
  if (!insight::take_text(bytes, text)) refuse_memory("is cut off");
  return text;
}

std::uint32_t checksum(std::string_view bytes) {
  return static_cast<std::uint32_t>(::crc32_z(
      ::crc32(0, nullptr, 0), reinterpret_cast<const Bytef*>(bytes.data()), bytes.size()));
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
  std::string memory() const;

 private:
  struct RememberedRun {
    insight::Run run;
    Features features{};
    KindChances chances{};
    float weight = 1;
    bool is_level = false;
    bool is_said = false;  // Somebody spoke of it.
  };

  struct Appliance {
    ApplianceId id = unexplained;
    bool is_standing = false;  // The latest time it drew for hours, and others ran above it.
    std::optional<ApplianceKind> confirmed_kind;
    bool is_confirmed = false;  // Somebody named it; without a kind, perhaps.
    bool is_refit = false;      // Its signature is of what people said alone.
    std::string name;
    Signature signature;
    KindBelief belief;  // Of the activations that ended.
    std::vector<RememberedRun> runs;
    std::uint32_t run_count = 0;
  };

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
  ApplianceId match(const Evidence&, const KindChances&, ApplianceId now) const;
  static float frequency_bonus(const Appliance& appliance) {
    return 0.3F * std::log1p(static_cast<float>(appliance.run_count));
  }
  ApplianceId found();
  void forget_if_unused(ApplianceId);
  void judge(const Evidence&);
  void judge_ended(const Activation&, const Evidence&, const KindChances&, Open);
  void remember(Appliance&, RememberedRun);
  void learn_again(Appliance&);
  void find_owner_of_name();
  std::optional<ApplianceKind> said_of(const Appliance&) const;
  KindChances chances_of(const Appliance&) const;
  void describe(Appliance&, KnownAppliance&) const;
  void describe_all();
  void tell(const insight::Run& run) { told_[run.id] = run; }
  ApplianceId only() const;
  void share_out(const Reading&);
  void read(std::string_view memory);

  std::optional<KindClassifier> classifier_;
  ChannelFacts facts_;
  KindChances prior_{};
  // What the channel's name says hangs on it, and which appliance that is: the one that takes most.
  std::optional<ApplianceKind> named_kind_;
  ApplianceId named_ = unexplained;
  bool is_alone_ = false;  // It takes nearly all.
  ChannelEvidence evidence_;
  std::vector<Appliance> appliances_;
  std::vector<KnownAppliance> known_;  // Beside it.
  std::vector<Open> open_;
  std::map<std::uint64_t, insight::Run> told_;  // Since the last take_runs().
  std::vector<Share> shares_;
  ApplianceId next_appliance_ = 1;
  std::uint64_t next_run_ = 1;
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
ApplianceId ChannelIdentifier::State::match(const Evidence& evidence, const KindChances& chances,
                                            ApplianceId now) const {
  const auto& features = evidence.features;
  float best = new_appliance + Signature::log_density_of_any(features);
  ApplianceId matched = unexplained;
  const bool full = appliances_.size() >= max_appliances;
  if (full) best = -std::numeric_limits<float>::infinity();
  for (const auto& appliance : appliances_) {
    if (!full && runs_besides(appliance.id, evidence.activation)) continue;
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
  appliance.id = next_appliance_++;
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

void ChannelIdentifier::State::find_owner_of_name() {
  named_ = unexplained;
  if (!named_kind_) return;
  std::int64_t sum = 0, most = 0;
  for (const auto& appliance : appliances_) {
    if (appliance.confirmed_kind == named_kind_) {  // A person knows better.
      named_ = unexplained;
      return;
    }
    std::int64_t energy = 0;
    for (const auto& run : appliance.runs) energy += run.run.energy.value;
    sum += energy;
    if (energy <= most || appliance.is_confirmed) continue;
    most = energy;
    named_ = appliance.id;
  }
  is_alone_ = static_cast<double>(most) >= alone_from * static_cast<double>(sum);
}

// By an answer, or by the channel's name.
std::optional<ApplianceKind> ChannelIdentifier::State::said_of(const Appliance& appliance) const {
  return appliance.id == named_ ? named_kind_ : appliance.confirmed_kind;
}

KindChances ChannelIdentifier::State::chances_of(const Appliance& appliance) const {
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
      prior[static_cast<std::size_t>(*kind)] *= 3;
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

void ChannelIdentifier::State::judge_ended(const Activation& ended, const Evidence& evidence,
                                           const KindChances& chances, Open was) {
  auto id = was.is_said ? was.run.appliance : match(evidence, chances, was.run.appliance);
  if (id == unexplained) id = found();
  auto run = was.run;
  const auto before = std::exchange(run.appliance, id);
  if (run.id == 0) run.id = next_run_++;
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

void ChannelIdentifier::State::judge(const Evidence& evidence) {
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
    one.run.id = next_run_++;
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
  // A pulse that is too short to be a run.
  constexpr float pulse_w = 2;
  if (const auto appliance = only(); appliance != unexplained && left >= pulse_w) {
    give(appliance, left);
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

namespace {

std::string_view form_of(const Features& features, bool is_standing) {
  if (is_standing) return "always on";
  const float watts = std::exp2(features[place_of("mean")]) - 1;
  const float reactive = features[place_of("reactive_share")];
  if (std::abs(reactive) > 0.3F && watts > 30) return "motor";
  if (watts > 400 && features[place_of("deviation")] < 0.15F && !(std::abs(reactive) > 0.1F))
    return "heater";
  return "load";
}

std::string power_text(float watts) {
  if (watts >= 1000) return fmt::format("{:.1f} kW", watts / 1000);
  if (watts >= 100) return fmt::format("{:.0f} W", std::round(watts / 10) * 10);
  return fmt::format("{:.0f} W", watts);
}

}  // namespace

void ChannelIdentifier::State::describe(Appliance& appliance, KnownAppliance& known) const {
  const auto guesses = likeliest(chances_of(appliance), 1);
  known.id = appliance.id;
  known.name = appliance.name;
  const auto said = said_of(appliance);
  known.kind = said;
  known.probability = appliance.confirmed_kind ? 1.0F : said ? confirmed_chance : 0.0F;
  known.certainty = appliance.is_confirmed || said ? Certainty::confirmed : Certainty::unknown;
  if (appliance.id == named_ && is_alone_) known.certainty = Certainty::measured;
  if (!said && !guesses.empty()) {
    known.kind = guesses.front().kind;
    known.probability = guesses.front().probability;
    if (!appliance.is_confirmed && classifier_->is_shown(guesses.front())) {
      known.certainty = Certainty::likely;
    }
  }
  if (appliance.runs.empty()) {
    known.description.clear();
    return;
  }
  const auto& latest = appliance.runs.back();
  const float mean = std::exp2(latest.features[place_of("mean")]) - 1;
  const auto form = form_of(latest.features, appliance.is_standing);
  if (appliance.is_standing) {
    known.description = fmt::format("about {}, {}", power_text(mean), form);
    return;
  }
  const auto times = std::ranges::count_if(
      appliance.runs, [&](const RememberedRun& run) { return *now_ - run.run.end < week; });
  known.description = fmt::format("about {} {}, {} this week", power_text(mean), form,
                                  times == 1 ? "once" : fmt::format("{} times", times));
}

void ChannelIdentifier::State::describe_all() {
  find_owner_of_name();
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
    if (appliance.is_confirmed || appliance.id == named_) continue;
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
  appliance->is_confirmed = true;
  if (answer.kind) appliance->confirmed_kind = answer.kind;
  appliance->name = answer.name;
  for (const auto& run : appliance->runs) tell(run.run);
  for (const auto& one : open_) {
    if (one.run.appliance == appliance->id) tell(one.run);
  }
  describe_all();
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
  std::vector<LearntAppliance> learnt;
  for (const auto& appliance : appliances_) {
    auto& one = learnt.emplace_back(appliance.signature, frequency_bonus(appliance));
    const bool is_named = appliance.id == named_ && is_alone_;
    for (const auto& run : appliance.runs) {
      if (run.is_said || is_named) one.said.push_back(run.features);
    }
  }
  const auto made = insight::refit(learnt, new_appliance);
  if (made.runs == 0) return std::nullopt;
  for (std::size_t i = 0; i < appliances_.size() && !made.is_worse(); ++i) {
    if (learnt[i].said.size() < SignatureRefit::from_runs) continue;
    appliances_[i].signature = made.signatures[i];
    appliances_[i].is_refit = true;
  }
  return Refit{made.runs, made.right_before, made.right_after, !made.is_worse()};
}

std::string ChannelIdentifier::State::memory() const {
  std::string body;
  put(body, feature_hash());
  put(body, next_appliance_);
  put(body, next_run_);
  put(body, static_cast<std::uint32_t>(appliances_.size()));
  for (const auto& appliance : appliances_) {
    put(body, appliance.id);
    put(body, static_cast<std::uint8_t>(appliance.is_standing));
    put(body, static_cast<std::uint8_t>(appliance.is_confirmed + 2 * appliance.is_refit));
    put(body, static_cast<std::uint8_t>(appliance.confirmed_kind
                                            ? static_cast<std::uint8_t>(*appliance.confirmed_kind)
                                            : std::uint8_t{255}));
    put_text(body, appliance.name);
    put(body, appliance.signature.state());
    put(body, appliance.belief.sums());
    put(body, appliance.belief.weight());
    put(body, appliance.run_count);
    put(body, static_cast<std::uint32_t>(appliance.runs.size()));
    for (const auto& run : appliance.runs) {
      put(body, run.run.id);
      put(body, run.run.begin);
      put(body, run.run.end);
      put(body, run.run.energy);
      put(body, run.run.peak);
      put(body, run.features);
      put(body, run.weight);
      put(body, static_cast<std::uint8_t>(run.is_level + 2 * run.is_said));
    }
  }
  std::string bytes(memory_magic);
  put(bytes, memory_version);
  put(bytes, checksum(body));
  return bytes + body;
}

void ChannelIdentifier::State::read(std::string_view memory) {
  if (!memory.starts_with(memory_magic)) refuse_memory("is none");
  memory.remove_prefix(memory_magic.size());
  if (remembered<std::uint32_t>(memory) != memory_version) {
    refuse_memory("is of another version of Lenz");
  }
  if (remembered<std::uint32_t>(memory) != checksum(memory)) refuse_memory("is damaged");
  const bool same_features = remembered<std::uint64_t>(memory) == feature_hash();
  if (!same_features) refuse_memory("is of another version of Lenz");
  next_appliance_ = remembered<ApplianceId>(memory);
  next_run_ = remembered<std::uint64_t>(memory);
  const auto count = remembered<std::uint32_t>(memory);
  if (count > max_appliances) refuse_memory("is damaged");
  for (std::uint32_t i = 0; i < count; ++i) {
    Appliance appliance;
    appliance.id = remembered<ApplianceId>(memory);
    appliance.is_standing = remembered<std::uint8_t>(memory) != 0;
    const auto is_confirmed = remembered<std::uint8_t>(memory);
    appliance.is_confirmed = (is_confirmed & 1U) != 0;
    appliance.is_refit = (is_confirmed & 2U) != 0;
    const auto kind = remembered<std::uint8_t>(memory);
    if (kind < kind_count) appliance.confirmed_kind = static_cast<ApplianceKind>(kind);
    appliance.name = remembered_text(memory);
    appliance.signature = Signature(remembered<Signature::State>(memory));
    const auto sums = remembered<KindChances>(memory);
    appliance.belief = KindBelief::of(sums, remembered<float>(memory));
    appliance.run_count = remembered<std::uint32_t>(memory);
    const auto runs = remembered<std::uint32_t>(memory);
    if (runs > max_runs) refuse_memory("is damaged");
    for (std::uint32_t j = 0; j < runs; ++j) {
      RememberedRun run;
      run.run.appliance = appliance.id;
      run.run.id = remembered<std::uint64_t>(memory);
      run.run.begin = remembered<Timestamp>(memory);
      run.run.end = remembered<Timestamp>(memory);
      run.run.energy = remembered<MilliwattHours>(memory);
      run.run.peak = remembered<Watts>(memory);
      run.features = remembered<Features>(memory);
      run.weight = remembered<float>(memory);
      const auto is_level = remembered<std::uint8_t>(memory);
      run.is_level = (is_level & 1U) != 0;
      run.is_said = (is_level & 2U) != 0;
      if (classifier_) {
        run.chances = within_socket(classifier_->chances(run.features), run.run.peak, facts_);
      }
      now_ = std::max(now_.value_or(run.run.end), run.run.end);
      appliance.runs.push_back(std::move(run));
    }
    appliances_.push_back(std::move(appliance));
    known_.push_back({.id = appliances_.back().id});
  }
  if (now_) describe_all();
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
