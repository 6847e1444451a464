#include "hub/health_desk.h"

#include <fmt/chrono.h>
#include <fmt/format.h>

#include <algorithm>
#include <stdexcept>
#include <utility>

#include "insight/identification/bytes.h"

namespace hub {

using measurement::Timestamp;
using namespace std::chrono_literals;

namespace {

constexpr auto step_every = 1s, appliances_every = 5s, energy_every = 60s, names_every = 60s;
constexpr std::size_t withdrawn_from = 50;  // Findings that ended last.
constexpr std::string_view integration = "integration ";

std::string rules_memory(const std::vector<RuleWatch>& watches) {
  std::string bytes;
  for (const auto& watch : watches) {
    insight::put_text(bytes, watch.rule().name);
    insight::put_text(bytes, watch.memory());
  }
  return bytes;
}

std::map<std::string, std::string> rule_memories(std::string_view bytes) {
  std::map<std::string, std::string> found;
  std::string name, memory;
  while (insight::take_text(bytes, name) && insight::take_text(bytes, memory)) {
    found[name] = memory;
  }
  return found;
}

std::vector<ApplianceState> appliances_of(const HealthDesk::Surroundings& around, Timestamp now) {
  auto* analyst = around.analyst ? around.analyst() : nullptr;
  return analyst ? analyst->appliances(now) : std::vector<ApplianceState>{};
}

Sending sending_of(insight::Urgency urgency) {
  switch (urgency) {
    case insight::Urgency::digest:
      return Sending::digest;
    case insight::Urgency::today:
      return Sending::today;
    case insight::Urgency::danger:
      return Sending::at_once;
  }
  return Sending::today;
}

}  // namespace

std::string about(const Asset& asset, insight::Change change) {
  return fmt::format("{} {}", text_of(asset), insight::row(change).word);
}

HealthDesk::HealthDesk(Files& files, const std::string& book, std::filesystem::path rules,
                       const Home& home, LiveFeed& feed, Surroundings around)
    : book_(files, book),
      rules_file_(std::move(rules)),
      home_(home),
      around_(std::move(around)),
      notices_(around_.utc_offset, book_.memory("notices")) {
  try {
    rules_ = load_rules(rules_file_);
  } catch (const std::runtime_error& trouble) {
    rules_trouble_ = trouble.what();
  }
  notices_.set(rules_.times);
  kept_rules_ = book_.memory("rules");
  begin_watches();
  subscription_ = feed.subscribe([this](const LiveFeed::Moment& moment) {
    auto& heard = heard_[std::string(moment.device)];
    if (moment.time >= heard.time) heard = {moment.time, moment.sample};
  });
}

void HealthDesk::begin_watches() {
  const auto memories = rule_memories(kept_rules_);
  watches_.clear();
  for (const auto& rule : rules_.rules) {
    const auto memory = memories.find(rule.name);
    watches_.emplace_back(rule, memory == memories.end() ? std::string() : memory->second);
  }
}

std::expected<void, StoreError> HealthDesk::step(Timestamp now) {
  if (now < stepped_at_ + step_every && now >= stepped_at_) return {};
  stepped_at_ = now_ = now;
  if (begun_ == Timestamp{}) begun_ = now;
  for (auto& [device, heard] : heard_) heard.time = std::min(heard.time, now);
  look_at_appliances();
  look_for_silence();
  step_rules();
  tell_troubles();
  return keep();
}

std::expected<void, StoreError> HealthDesk::keep() {
  const auto rules = rules_memory(watches_);
  const bool has_findings = told_revision_ != book_.revision();
  if (!has_findings && rules == kept_rules_ && notices_.revision() == kept_notices_) return {};
  FindingBook::Writing writing(book_);
  if (has_findings) tell_findings(writing);
  writing.remember("rules", rules);
  writing.remember("notices", notices_.memory());
  const auto done = writing.finish();
  if (!done) return done;
  kept_rules_ = rules;
  kept_notices_ = notices_.revision();
  told_revision_ = book_.revision();
  return {};
}

void HealthDesk::look_at_appliances() {
  if (now_ < appliances_at_ + appliances_every && now_ >= appliances_at_) return;
  const bool is_needed = std::ranges::any_of(rules_.rules,
                                             [](const Rule& rule) {
                                               return rule.asset.kind == Asset::Kind::appliance;
                                             }) ||
                         told_revision_ != book_.revision();
  if (!is_needed) return;
  appliances_at_ = now_;
  appliances_ = appliances_of(around_, now_);
}

void HealthDesk::look_for_silence() {
  std::map<std::string, Timestamp> meters;
  for (const auto& circuit : panel().circuits) {
    for (const auto& use : circuit.channels) meters.emplace(use.device, Timestamp{});
  }
  for (const auto& [meter, none] : meters) {
    const auto heard = heard_.find(meter);
    const auto since = heard == heard_.end() ? begun_ : heard->second.time;
    const auto what = "meter " + meter;
    if (now_ - since < silent_after) {
      well(what);
      continue;
    }
    const auto local = std::chrono::floor<std::chrono::seconds>(since + around_.utc_offset(since));
    trouble(what,
            fmt::format("The meter {} has been silent since {:%H:%M}: look whether it has power "
                        "and reaches the hub.",
                        meter, fmt::gmtime(std::chrono::system_clock::to_time_t(local))),
            now_);
  }
}

AssetNow HealthDesk::circuit_now(const Circuit& circuit, bool with_energy) {
  AssetNow found;
  if (circuit.channels.empty()) return found;
  const auto& device = circuit.channels.front().device;
  const auto heard = heard_.find(device);
  if (heard != heard_.end() && now_ - heard->second.time < live_for) {
    found.power = active_power(circuit, device, heard->second.sample);
  }
  auto* ledger = with_energy && around_.ledger ? around_.ledger() : nullptr;
  if (!ledger) return found;
  auto& today = today_[circuit.id];
  if (now_ >= today.at + energy_every || now_ < today.at) {
    const auto offset = around_.utc_offset(now_);
    const Timestamp midnight = std::chrono::floor<std::chrono::days>(now_ + offset) - offset;
    today = {.at = now_, .energy = {}};
    for (const auto& hour : ledger->hours(circuit.id, {midnight, now_ + 1ms})) {
      today.energy.value += hour.gained.imported.value;
    }
  }
  found.today = today.energy;
  return found;
}

AssetNow HealthDesk::asset_now(const Asset& asset, bool with_energy) {
  if (asset.kind == Asset::Kind::circuit) {
    const auto& circuits = panel().circuits;
    const auto circuit = std::ranges::find(circuits, asset.id, &Circuit::id);
    return circuit == circuits.end() ? AssetNow{} : circuit_now(*circuit, with_energy);
  }
  const auto known = std::ranges::find_if(appliances_, [&](const ApplianceState& one) {
    return std::to_string(one.number) == asset.id;
  });
  if (known == appliances_.end() || known->is_past) return {};
  // Its power is only as fresh as that of its circuit.
  const auto circuit = asset_now({Asset::Kind::circuit, known->circuit}, false);
  AssetNow found{.is_on = known->running_since.has_value(),
                 .has_run_today = known->runs_today > 0,
                 .today = known->today};
  if (circuit.power) found.power = known->power;
  if (known->course) found.is_done = known->course->state == insight::CycleState::done;
  return found;
}

void HealthDesk::step_rules() {
  const auto offset = around_.utc_offset(now_);
  for (auto& watch : watches_) {
    const auto& rule = watch.rule();
    if (!watch.step(now_, asset_now(rule.asset, row(rule.kind).has_energy), offset)) continue;
    notices_.add({.about = "rule " + rule.name,
                  .sending = rule.sending,
                  .time = now_,
                  .title = rule.name,
                  .text = sentence(rule, name_of(rule.asset, now_))},
                 now_, rule_again_after);
  }
}

void HealthDesk::tell_findings(FindingBook::Writing& writing) {
  const auto open = book_.open_findings();
  for (const auto& booked : open) {
    if (booked.told) continue;
    const auto text = text_of(booked, now_);
    const auto urgency = insight::row(booked.finding.change).urgency;
    notices_.add({.about = about(booked.asset, booked.finding.change),
                  .sending = sending_of(urgency),
                  .is_danger = urgency == insight::Urgency::danger,
                  .time = now_,
                  .title = text.changed,
                  .text = lines_of(text)},
                 now_, finding_again_after);
    writing.told(booked.number, now_);
  }
  for (const auto& booked : book_.ended_findings(withdrawn_from)) {
    const bool is_open = std::ranges::any_of(open, [&](const BookedFinding& other) {
      return other.asset == booked.asset && other.finding.change == booked.finding.change;
    });
    if (!is_open) notices_.withdraw(about(booked.asset, booked.finding.change));
  }
}

void HealthDesk::trouble(const std::string& what, const std::string& sentence, Timestamp now) {
  troubles_.try_emplace(what, Trouble{.sentence = sentence, .since = now});
}

void HealthDesk::tell_troubles() {
  for (auto& [what, one] : troubles_) {
    const bool lasts = !what.starts_with(integration) || now_ - one.since >= stubborn_after;
    if (one.is_told || !lasts) continue;
    one.is_told = true;
    notices_.add({.about = what,
                  .sending = Sending::today,
                  .time = now_,
                  .title = fmt::format("{}: something does not work", home_.name),
                  .text = one.sentence},
                 now_, trouble_again_after);
  }
}

std::string HealthDesk::name_of(const Asset& asset, Timestamp now) {
  // A name may have been given meanwhile.
  if (asset.kind == Asset::Kind::appliance && now >= appliances_at_ + names_every) {
    appliances_at_ = now;
    appliances_ = appliances_of(around_, now);
  }
  return hub::name_of(asset, panel_at(home_, now), appliances_);
}

FindingText HealthDesk::text_of(const BookedFinding& booked, Timestamp now) {
  return hub::text_of(booked.finding, name_of(booked.asset, now), price_of(home_),
                      around_.utc_offset(booked.finding.since));
}

HealthDesk::Done HealthDesk::answer(FindingNumber number, Feedback feedback, const std::string& who,
                                    Timestamp now) {
  FindingBook::Writing writing(book_);
  if (!writing.answer(number, feedback, who, now)) {
    return std::unexpected("There is no such finding.");
  }
  if (const auto done = writing.finish(); !done) return std::unexpected(sentence(done.error()));
  return {};
}

HealthDesk::Done HealthDesk::set(const Rules& rules, Timestamp now) {
  if (!rules_trouble_.empty()) {
    return std::unexpected(
        fmt::format("The file of rules is wrong, and is left as it is: {}", rules_trouble_));
  }
  if (rules.rules.size() > Rules::most) {
    return std::unexpected(fmt::format("There may be {} rules: take some out.", Rules::most));
  }
  for (std::size_t i = 0; i < rules.rules.size(); ++i) {
    const auto& rule = rules.rules[i];
    if (const auto fault = fault_of(rule); !fault.empty()) {
      return std::unexpected(fmt::format("The rule \"{}\": {}.", rule.name, fault));
    }
    const auto first = std::ranges::find(rules.rules, rule.name, &Rule::name);
    if (first - rules.rules.begin() != static_cast<std::ptrdiff_t>(i)) {
      return std::unexpected(fmt::format("The rule \"{}\" is there twice: rename one.", rule.name));
    }
  }
  try {
    save_rules(rules, rules_file_);
  } catch (const std::runtime_error& trouble) {
    return std::unexpected(trouble.what());
  }
  // One that was changed begins anew.
  std::vector<RuleWatch> watches;
  for (const auto& rule : rules.rules) {
    const auto same = std::ranges::find(watches_, rule, &RuleWatch::rule);
    watches.push_back(same == watches_.end() ? RuleWatch(rule) : std::move(*same));
  }
  watches_ = std::move(watches);
  rules_ = rules;
  notices_.set(rules_.times);
  appliances_at_ = {};
  now_ = now;
  return {};
}

HealthDesk::Done HealthDesk::test(std::string_view name, Timestamp now) {
  Notice notice{.about = "test",
                .sending = Sending::at_once,
                .time = now,
                .title = "A test",
                .text = "This is how Lenz tells you of something."};
  if (!name.empty()) {
    const auto rule = std::ranges::find(rules_.rules, name, &Rule::name);
    if (rule == rules_.rules.end()) return std::unexpected("There is no such rule.");
    notice.title = fmt::format("A test of {}", rule->name);
    notice.text = fmt::format("When it comes true it will say: {}",
                              sentence(*rule, name_of(rule->asset, now)));
  }
  notices_.add(std::move(notice), now, 0min);
  return {};
}

bool HealthDesk::is_true(const Rule& rule) const {
  const auto watch = std::ranges::find(watches_, rule, &RuleWatch::rule);
  return watch != watches_.end() && watch->is_true();
}

}  // namespace hub
