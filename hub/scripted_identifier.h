// For the tests: insight's identifier behind the same calls, which can be followed by hand. From
// 100 W on it sees appliance 1, from 1000 W on appliance 2; standby below 100 W stays unexplained.
// Included by one file of a test program, whose definitions the linker then takes.

#pragma once

#include <cmath>
#include <map>
#include <sstream>
#include <stdexcept>
#include <utility>

#include "insight/identification/channel_identifier.h"

namespace insight {

class ChannelIdentifier::State {
 public:
  std::vector<Share> shares;
  std::vector<KnownAppliance> appliances;
  std::map<std::uint64_t, Run> runs;  // That changed.
  std::map<std::uint64_t, Run> ended;
  std::optional<Run> open;
  std::uint64_t next_run = 1;
  Reading last;
  bool has_model = false;
  std::map<std::uint64_t, ApplianceId> said;  // Of runs.

  KnownAppliance& appliance(ApplianceId id) {
    for (auto& known : appliances) {
      if (known.id == id) return known;
    }
    auto& made = appliances.emplace_back();
    made.id = id;
    made.description = id == 1 ? "about 500 W" : "about 2 kW heater";
    if (has_model && id == 2) {
      made.kind = ApplianceKind::kettle;
      made.probability = 0.97f;
      made.certainty = Certainty::likely;
    }
    return made;
  }

  void end(measurement::Timestamp time) {
    if (!open) return;
    open->end = time;
    runs[open->id] = ended[open->id] = *open;
    open.reset();
  }
};

ChannelIdentifier::ChannelIdentifier(std::shared_ptr<const Model> model, ChannelFacts,
                                     std::string_view memory)
    : state_(std::make_unique<State>()) {
  state_->has_model = !model->parts.empty();
  if (memory.empty()) return;
  std::istringstream lines{std::string(memory)};
  std::string word;
  if (!(lines >> word >> state_->next_run) || word != "scripted") {
    throw std::runtime_error("it is damaged");
  }
  ApplianceId id = 0;
  int kind = 0, certainty = 0;
  std::string name;
  while (lines >> id >> kind >> certainty && std::getline(lines, name)) {
    auto& known = state_->appliance(id);
    if (kind >= 0) known.kind = static_cast<ApplianceKind>(kind);
    known.certainty = static_cast<Certainty>(certainty);
    known.name = name.substr(1);
  }
}

ChannelIdentifier::~ChannelIdentifier() = default;

void ChannelIdentifier::take(const Reading& reading) {
  auto& state = *state_;
  const float watts = reading.active_power.value;
  if (state.open && !std::isnan(state.last.active_power.value)) {
    const auto ms = (reading.time - state.last.time).count();
    state.open->energy.value += std::llround(state.last.active_power.value) * ms / 3600;
    state.runs[state.open->id] = *state.open;
  }
  const ApplianceId on = !(watts >= 100) ? unexplained : watts < 1000 ? 1 : 2;
  if (state.open && state.open->appliance != on) state.end(reading.time);
  if (on != unexplained && !state.open) {
    state.appliance(on);
    state.open = Run{.id = state.next_run++,
                     .appliance = on,
                     .begin = reading.time,
                     .peak = reading.active_power};
    state.runs[state.open->id] = *state.open;
  }
  state.shares.clear();
  if (!std::isnan(watts)) state.shares.push_back({on, reading.active_power});
  state.last = reading;
}

std::span<const Share> ChannelIdentifier::shares() const { return state_->shares; }
std::span<const KnownAppliance> ChannelIdentifier::appliances() const { return state_->appliances; }

std::vector<Run> ChannelIdentifier::take_runs() {
  std::vector<Run> runs;
  for (const auto& [id, run] : std::exchange(state_->runs, {})) runs.push_back(run);
  return runs;
}

std::optional<Question> ChannelIdentifier::question() const {
  for (const auto& known : state_->appliances) {
    if (known.certainty != Certainty::unknown) continue;
    return Question{known.id, {}, {ApplianceKind::television, ApplianceKind::computer}, {700'000}};
  }
  return std::nullopt;
}

void ChannelIdentifier::answer(const Answer& answer) {
  for (auto& known : state_->appliances) {
    if (known.id != answer.appliance) continue;
    if (answer.kind) known.kind = answer.kind;
    if (answer.kind) known.certainty = Certainty::confirmed;
    if (!answer.name.empty()) known.name = answer.name;
  }
}

void ChannelIdentifier::merge(ApplianceId from, ApplianceId into) {
  const auto gone = state_->appliance(from);
  if (state_->appliance(into).name.empty()) answer({into, gone.kind, gone.name});
  std::erase_if(state_->appliances, [&](const auto& known) { return known.id == from; });
}

void ChannelIdentifier::split(std::uint64_t id) {
  state_->appliance(3);
  const auto run = state_->ended.find(id);
  if (run == state_->ended.end()) return;
  run->second.appliance = 3;
  state_->runs.insert(*run);
}

ApplianceId ChannelIdentifier::assign(std::uint64_t run, ApplianceId id) {
  if (id == unexplained) id = state_->appliance(4).id;
  return state_->said[run] = id;
}

// Three runs that were spoken of are enough; a kettle that is called "worse" makes it worse.
std::optional<ChannelIdentifier::Refit> ChannelIdentifier::refit() {
  if (state_->said.size() < 3) return std::nullopt;
  bool is_taken = true;
  for (const auto& known : state_->appliances) is_taken &= known.name != "worse";
  return Refit{state_->said.size(), 1, is_taken ? std::size_t{2} : std::size_t{0}, is_taken};
}

std::string ChannelIdentifier::memory() const {
  std::ostringstream text;
  text << "scripted " << state_->next_run << "\n";
  for (const auto& known : state_->appliances) {
    text << known.id << " " << (known.kind ? static_cast<int>(*known.kind) : -1) << " "
         << static_cast<int>(known.certainty) << " " << known.name << "\n";
  }
  return text.str();
}

}  // namespace insight
