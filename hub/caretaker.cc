#include "hub/caretaker.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <utility>

#include "hub/own_loads.h"
#include "insight/health/equipment_watch.h"
#include "insight/identification/bytes.h"
#include "insight/identification/panel_priors.h"

namespace hub {

using insight::ApplianceKind;
using measurement::Quantity;
using measurement::Timestamp;
using namespace std::chrono_literals;

namespace {

constexpr auto past_step = 10s;
constexpr auto past_piece = 24h;
constexpr auto present = 2min;  // What is older is read in steps.
constexpr auto settled = 2s;    // Samples of all meters are there after so long.
constexpr auto look_every = 1min;
constexpr auto temperature_holds = 1h;
constexpr auto loads_every = 1h;
constexpr auto loads_of = 24h * 14;  // So far back their runs tell how large they are.
constexpr std::size_t most_load_runs = 20'000, least_load_runs = 5;
constexpr auto tell_every = 10s;
constexpr auto remember_every = 1h;
constexpr std::size_t shown_rows = 90;
constexpr auto changes_every = 5s;
constexpr std::size_t changes_at_once = 2'000;
constexpr auto quiet = 30s;           // After late samples, before they are looked at.
constexpr auto late_from = 1h;        // Behind what was looked at.
constexpr std::size_t much = 6 * 60;  // Minutes that came late: less is a gap.

bool is_alike(std::optional<ApplianceKind> a, ApplianceKind b) {
  return a && (*a == b || (keeps_food_cold(*a) && keeps_food_cold(b)));
}

// What the panel's words name. A circuit called "Fridge" may be that of a fridge-freezer: what
// wears out in them is the same. "Fridge and freezer" are two, and cannot be told apart here.
std::optional<ApplianceKind> kind_by_words(const insight::ChannelFacts& facts) {
  if (const auto named = insight::kind_named(facts)) return named;
  constexpr float perhaps = 10;  // Times as likely as what is not named.
  insight::KindChances chances;
  chances.fill(1.0F / static_cast<float>(chances.size()));
  chances = insight::with_panel(chances, {.words = facts.words});
  const float least = perhaps * *std::ranges::min_element(chances);
  const auto is_named = [&](ApplianceKind kind) {
    return chances[static_cast<std::size_t>(kind)] >= least;
  };
  for (const auto& row : insight::appliance_kinds) {
    if (is_named(row.id) && !insight::keeps_food_cold(row.id)) return std::nullopt;
  }
  const bool is_one = is_named(ApplianceKind::fridge) != is_named(ApplianceKind::freezer);
  return is_one ? std::optional(is_named(ApplianceKind::fridge) ? ApplianceKind::fridge
                                                                : ApplianceKind::freezer)
                : std::nullopt;
}

// Without it nothing is said of how hard they work.
bool follows_weather(ApplianceKind kind) {
  return kind == ApplianceKind::heat_pump || kind == ApplianceKind::air_conditioner;
}

// One resistance that is on or off: its power tells the voltage at it.
bool is_one_heater(ApplianceKind kind) {
  return kind == ApplianceKind::kettle || kind == ApplianceKind::water_heater ||
         kind == ApplianceKind::electric_heater || kind == ApplianceKind::toaster;
}

bool is_certain(const insight::KnownAppliance& known) {
  return known.kind && (known.certainty == insight::Certainty::measured ||
                        known.certainty == insight::Certainty::confirmed);
}

}  // namespace

struct Caretaker::Watched {
  Watched(const Circuit& of, ApplianceKind kind_of, Asset which, std::string named,
          std::string_view learnt)
      : circuit(&of),
        kind(kind_of),
        asset(std::move(which)),
        key(std::move(named)),
        watch(kind, begin(learnt)) {}

  const Circuit* circuit;
  ApplianceKind kind;
  Asset asset;
  std::string key;       // Of what it learnt.
  Timestamp until{};     // Looked at up to here; 0: at nothing yet.
  Timestamp answered{};  // The last answer that it was told.
  insight::EquipmentWatch watch;

  // What the book has of it.
  struct Told {
    insight::Condition condition{};
    Timestamp latest{};  // Day or run.
    std::vector<std::pair<insight::Change, Timestamp>> findings;

    bool operator==(const Told&) const = default;
  };
  std::optional<Told> told{};
  Timestamp stands_since{};

  std::string memory() const {
    std::string bytes;
    insight::put(bytes, until.time_since_epoch().count());
    insight::put(bytes, answered.time_since_epoch().count());
    return bytes + watch.memory();
  }

 private:
  // What is the watch's own of it.
  std::string_view begin(std::string_view bytes) {
    std::int64_t looked = 0, heard = 0;
    if (!insight::take(bytes, looked) || !insight::take(bytes, heard)) return {};
    until = Timestamp(std::chrono::milliseconds(looked));
    answered = Timestamp(std::chrono::milliseconds(heard));
    return bytes;
  }
};

Caretaker::Caretaker(FindingBook& book, Store& store, const Home& home, Surroundings around)
    : book_(book), store_(store), home_(home), around_(std::move(around)) {}

Caretaker::~Caretaker() { static_cast<void>(save(told_, true)); }

// ---- Which assets there are --------------------------------------------------------------------

struct Caretaker::Wanted {
  const Circuit* circuit;
  ApplianceKind kind;
  Asset asset;
};

// What has a circuit of its own, and is of a kind that there is a watch for.
std::vector<Caretaker::Wanted> Caretaker::wanted(Timestamp now) {
  std::vector<Wanted> wanted;
  const auto known =
      around_.analyst ? around_.analyst->appliances(now) : std::vector<ApplianceState>{};
  for (const auto& load : own_loads(panel_at(home_, now))) {
    const auto& circuit = *load.circuit;
    if (load.is_rest() || circuit.kind == CircuitKind::grid) continue;
    auto kind = kind_by_words(facts_of(home_, load, std::nullopt));
    std::vector<ApplianceNumber> numbers;
    for (const auto& appliance : known) {
      if (appliance.is_past || appliance.circuit != circuit.id) continue;
      if (!kind && is_certain(appliance.known)) kind = appliance.known.kind;
      // One that has no name is better called by its circuit.
      const bool has_name = appliance.known.certainty != insight::Certainty::unknown;
      if (kind && has_name && is_alike(appliance.known.kind, *kind)) {
        numbers.push_back(appliance.number);
      }
    }
    if (!kind || !insight::is_watched(*kind)) continue;
    const bool is_one = numbers.size() == 1;
    wanted.push_back({&circuit, *kind,
                      is_one ? Asset{Asset::Kind::appliance, fmt::format("{}", numbers.front())}
                             : Asset{Asset::Kind::circuit, circuit.id}});
  }
  return wanted;
}

void Caretaker::begin_assets(Timestamp now) {
  looked_for_assets_ = now;
  const auto* panel = &panel_at(home_, now);
  FindingBook::Writing writing(book_);
  if (std::exchange(panel_, panel) != panel) {
    if (wiring_) wiring_->remember(writing);
    wiring_.emplace(book_, home_, now);
    wiring_until_ = {};
  }
  const auto forget = [&](const Watched& watched) {
    writing.put_all(watched.asset, FindingBook::Scope::equipment, {}, now);
    writing.forget_condition(watched.asset);
  };
  auto before = std::exchange(assets_, {});
  for (const auto& [circuit, kind, asset] : wanted(now)) {
    const auto key =
        fmt::format("{} {} {}", insight::row(kind).word, circuit->id, clamps_of(*circuit));
    const auto old =
        std::ranges::find_if(before, [&](const auto& watched) { return watched->key == key; });
    if (old == before.end()) {
      assets_.push_back(std::make_unique<Watched>(*circuit, kind, asset, key, book_.memory(key)));
      continue;
    }
    auto& watched = assets_.emplace_back(std::move(*old));
    before.erase(old);
    watched->circuit = circuit;
    if (watched->asset == asset) continue;
    writing.rename(watched->asset, asset);
    writing.forget_condition(watched->asset);
    watched->asset = asset;
    watched->told.reset();
  }
  for (const auto& gone : before) forget(*gone);
  static_cast<void>(writing.finish());  // Else they end when somebody answers them.
  if (now - looked_for_loads_ >= loads_every || now < looked_for_loads_) look_for_known_loads(now);
}

// Of each circuit the largest heater that somebody, or a plug, has named.
void Caretaker::look_for_known_loads(Timestamp now) {
  looked_for_loads_ = now;
  if (!around_.analyst) return;
  std::map<ApplianceNumber, std::vector<float>> peaks;
  for (const auto& booked : around_.analyst->runs({now - loads_of, now}, most_load_runs)) {
    peaks[booked.appliance].push_back(booked.run.peak.value);
  }
  std::map<std::string, float> largest;  // By circuit.
  for (const auto& appliance : around_.analyst->appliances(now)) {
    if (appliance.is_past || !is_certain(appliance.known)) continue;
    if (!is_one_heater(*appliance.known.kind)) continue;
    auto& watts = peaks[appliance.number];
    if (watts.size() < least_load_runs) continue;
    const auto middle = watts.begin() + static_cast<std::ptrdiff_t>(watts.size() / 2);
    std::ranges::nth_element(watts, middle);
    auto& most = largest[appliance.circuit];
    most = std::max(most, *middle);
  }
  for (const auto& circuit : panel_->circuits) {
    const auto load = largest.find(circuit.id);
    if (load != largest.end()) wiring_->set_known_load(circuit, {load->second});
  }
}

// ---- What they look at -------------------------------------------------------------------------

std::expected<bool, StoreError> Caretaker::step(Timestamp now) {
  if (panel_ != &panel_at(home_, now) || now - looked_for_assets_ >= look_every ||
      now < looked_for_assets_) {
    begin_assets(now);
  }
  if (const auto done = look_for_late_samples(now); !done) return std::unexpected(done.error());
  if (book_.revision() != heard_) {
    heard_ = book_.revision();
    for (const auto& watched : assets_) hear_answers(*watched);
    wiring_->hear_answers();
  }

  const auto end = std::chrono::floor<std::chrono::seconds>(now) - present;
  for (const auto& watched : assets_) {
    if (watched->until >= end - past_step) continue;
    const auto done = look_at_past(*watched, end);
    if (!done) return std::unexpected(done.error());
    return false;
  }
  if (const auto done = look_at_present(now); !done) return std::unexpected(done.error());
  if (now - told_ >= tell_every || now < told_) {
    hear_of_outages(now);
    const bool remembers = now - remembered_ >= remember_every || now < remembered_;
    if (const auto done = save(now, remembers); !done) return std::unexpected(done.error());
  }
  return true;
}

// Much that is older than what was looked at: all watches begin anew.
std::expected<void, StoreError> Caretaker::look_for_late_samples(Timestamp now) {
  if (knows_changes_ && now < changes_at_ + changes_every) return {};
  changes_at_ = now;
  for (bool is_all = false; !is_all;) {
    const auto changes = store_.changes(revision_, changes_at_once);
    if (!changes) return std::unexpected(changes.error());
    for (const auto& change : *changes) {
      revision_ = change.revision;
      if (!knows_changes_ || change.minute >= now - late_from) continue;
      ++late_minutes_;
      late_at_ = now;
    }
    is_all = changes->size() < changes_at_once;
  }
  knows_changes_ = true;
  if (late_minutes_ < much || now - late_at_ < quiet) return {};
  late_minutes_ = 0;
  for (auto& watched : assets_) {
    watched = std::make_unique<Watched>(*watched->circuit, watched->kind, watched->asset,
                                        watched->key, "");
  }
  return {};
}

std::expected<void, StoreError> Caretaker::look_at_past(Watched& watched, Timestamp end) {
  if (watched.until < end - studied) {
    watched.until = std::chrono::floor<std::chrono::days>(end - studied);
    if (const auto& first = home_.panels.front(); panel_ != &first) {
      watched.until = std::max(watched.until, panel_->valid_from);
    }
  }
  const TimeRange range{watched.until, std::min(end, watched.until + past_piece)};
  // Clamp by clamp: their columns are read faster than whole samples.
  std::vector<float> watts;
  Timestamp time{};
  for (const auto& use : watched.circuit->channels) {
    const auto points =
        store_.read({use.device, Quantity::active_power, use.channel}, range, past_step);
    if (!points) return std::unexpected(points.error());
    time = points->begin;
    watts.resize(points->mean.size());
    std::ranges::transform(watts, points->mean, watts.begin(), [&](float sum, float mean) {
      return sum + static_cast<float>(use.multiplier) * mean;
    });
  }
  watched.watch.set_surroundings({.utc_offset = around_.utc_offset(range.begin)});
  for (const float power : watts) {
    if (!std::isnan(power) && time >= range.begin && time < range.end) {
      watched.watch.take(insight::Reading{.time = time, .active_power = {power}});
    }
    time += past_step;
  }
  watched.until = range.end;
  hear_answers(watched);
  return {};
}

// Of the wiring only what happens now is looked at.
std::expected<void, StoreError> Caretaker::look_at_present(Timestamp now) {
  const auto end = now - settled;
  wiring_until_ = std::max(wiring_until_, end - present);
  auto begin = wiring_until_;
  for (const auto& watched : assets_) begin = std::min(begin, watched->until);
  if (begin >= end) return {};
  const auto devices = store_.devices();
  if (!devices) return std::unexpected(devices.error());
  for (const auto& device : *devices) {
    const auto samples = store_.samples(device, {begin, end});
    if (!samples) return std::unexpected(samples.error());
    for (const auto& kept : *samples) {
      if (kept.stream == measurement::Stream::edges) continue;
      if (kept.time >= wiring_until_) wiring_->take(device, kept.time, kept.sample);
      for (const auto& watched : assets_) {
        if (watched->circuit->channels.front().device != device) continue;
        if (kept.time < watched->until) continue;
        watched->watch.take(reading_of(*watched->circuit, kept.time, kept.sample));
      }
    }
  }
  wiring_until_ = end;
  for (const auto& watched : assets_) {
    watched->until = end;
    watched->watch.set_surroundings(surroundings(*watched->circuit, end));
  }
  return {};
}

void Caretaker::hear(const SmartPlug& plug, Timestamp now, measurement::Volts voltage) {
  if (wiring_) wiring_->hear(plug.circuit, now, voltage);
}

void Caretaker::hear(const Thermometer& thermometer, Timestamp now, measurement::Celsius celsius) {
  const Warmth warmth{now, celsius.value};
  if (thermometer.circuits.empty()) rooms_[""] = warmth;
  for (const auto& circuit : thermometer.circuits) rooms_[circuit] = warmth;
}

void Caretaker::hear(const RainGauge& gauge, Timestamp now, double rain) {
  for (const auto& circuit : gauge.circuits) {
    rains_[circuit].hear(rain_units.at(gauge.unit), now, rain);
  }
}

insight::Surroundings Caretaker::surroundings(const Circuit& circuit, Timestamp now) const {
  const auto at = [&](const std::string& place) {
    const auto found = rooms_.find(place);
    const bool is_fresh = found != rooms_.end() && now - found->second.time < temperature_holds;
    return is_fresh ? found->second.celsius : insight::detail::not_measured;
  };
  const auto rain = rains_.find(circuit.id);
  return {.room_c = at(circuit.id),
          .outdoor_c = at(""),
          .rain_mm = rain == rains_.end() ? insight::Surroundings{}.rain_mm : rain->second.mm(now),
          .utc_offset = around_.utc_offset(now)};
}

// ---- What they say -----------------------------------------------------------------------------

// Those that were given by the time that the watch has come to.
void Caretaker::hear_answers(Watched& watched) {
  auto answers = book_.answered(watched.asset);
  std::ranges::sort(answers, {}, &BookedFinding::answered);
  for (const auto& answer : answers) {
    if (!answer.answered || *answer.answered <= watched.answered) continue;
    if (*answer.answered > watched.until) break;
    watched.answered = *answer.answered;
    const auto verdict = answer.feedback == Feedback::fixed      ? insight::Verdict::fixed
                         : answer.feedback == Feedback::expected ? insight::Verdict::expected
                                                                 : insight::Verdict::wrong;
    watched.watch.said(answer.finding.change, verdict, *answer.answered);
  }
}

void Caretaker::hear_of_outages(Timestamp now) {
  if (!around_.analyst) return;
  const auto report = around_.analyst->power_cut(now);
  if (!report || report->cut.end <= outage_end_) return;
  outage_end_ = report->cut.end;
  for (const auto& watched : assets_) watched->watch.mains_were_away();
}

namespace {

Condition::Watch watch_of(insight::Condition condition) {
  switch (condition) {
    case insight::Condition::learning:
      return Condition::Watch::learning;
    case insight::Condition::unusual:
      return Condition::Watch::outside;
    case insight::Condition::as_before:
    case insight::Condition::changed:
      break;
  }
  return Condition::Watch::watched;
}

std::string note_of(const insight::EquipmentWatch::State& state) {
  const auto [condition, days_left, runs_left] = state;
  if (condition != insight::Condition::learning) return {};
  const int left = days_left > 0 ? days_left : runs_left;
  if (left == 0) return {};
  return fmt::format("Learns what is usual for about {} more {}{}.", left,
                     days_left > 0 ? "day" : "run", left == 1 ? "" : "s");
}

}  // namespace

// Only what is new: disks wear.
void Caretaker::tell(FindingBook::Writing& writing, Watched& watched, Timestamp now) {
  const auto findings = watched.watch.findings();
  const auto state = watched.watch.state();
  auto trends = watched.watch.trends(shown_rows);
  Watched::Told told{.condition = state.condition, .latest = {}, .findings = {}};
  if (!trends.empty()) told.latest = trends.front().course.back().time;
  for (const auto& finding : findings) told.findings.emplace_back(finding.change, finding.since);
  if (watched.told == told) return;
  if (!watched.told || watched.told->condition != told.condition) watched.stands_since = now;
  watched.told = std::move(told);

  writing.put_all(watched.asset, FindingBook::Scope::equipment, findings, now);
  Condition shown{.asset = watched.asset,
                  .watch = watch_of(state.condition),
                  .since = watched.stands_since,
                  .note = note_of(state),
                  .trends = std::move(trends)};
  if (follows_weather(watched.kind) &&
      std::isnan(surroundings(*watched.circuit, watched.until).outdoor_c)) {
    shown.watch = Condition::Watch::not_visible;
    shown.note = "Slow changes are not judged while no thermometer tells the weather.";
  }
  writing.put(shown);
}

std::expected<void, StoreError> Caretaker::save(Timestamp now, bool remembers) {
  FindingBook::Writing writing(book_);
  for (const auto& watched : assets_) {
    if (watched->until < now - 2 * present) continue;  // It looks at the past yet.
    tell(writing, *watched, now);
    if (remembers) writing.remember(watched->key, watched->memory());
  }
  if (wiring_) {
    wiring_->tell(writing, now);
    if (remembers) wiring_->remember(writing);
  }
  told_ = now;
  if (remembers) remembered_ = now;
  const auto done = writing.finish();
  if (!done) {
    for (const auto& watched : assets_) watched->told.reset();
  }
  heard_ = book_.revision();
  return done;
}

}  // namespace hub
