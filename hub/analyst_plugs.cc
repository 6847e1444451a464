#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "hub/analyst_channel.h"

namespace hub {

using measurement::Timestamp;
using measurement::Watts;
using namespace std::chrono_literals;

namespace {

constexpr Watts on_from{5};
constexpr auto begins_within = 20s;  // Of the circuit's run; plugs do not say at once.
constexpr auto looked_for = 2min;    // After its end the circuit has judged a run.
constexpr Watts alike_w{15};         // Peaks, or:
constexpr float alike_share = 0.15F;
constexpr auto fresh = 10min;  // A plug whose power does not change may be silent so long.
constexpr std::size_t most_waiting = 20;
constexpr std::size_t sure_from = 2;  // Runs that belong together, to know which appliance it is.

bool is_alike(Watts a, Watts b) {
  return std::abs(a.value - b.value) <=
         std::max(alike_w.value, alike_share * std::max(a.value, b.value));
}

}  // namespace

void Analyst::hear(const SmartPlug& plug, Timestamp now, Watts power) {
  auto& heard = plugs_[plug.name];
  heard.plug = plug;
  const bool was_on = heard.power >= on_from && now - heard.time < fresh;
  if (power >= on_from && !was_on) heard.run = {.begin = now};
  if (power >= on_from) heard.run.peak = std::max(heard.run.peak, power);
  if (power < on_from && was_on) {
    heard.run.end = now;
    if (heard.waiting.size() == most_waiting) heard.waiting.erase(heard.waiting.begin());
    heard.waiting.push_back(heard.run);
  }
  heard.power = power;
  heard.time = now;
}

const Analyst::HeardPlug* Analyst::plug_of(const Channel& channel, ApplianceNumber number) const {
  if (plugs_.empty()) return nullptr;
  const auto appliance = appliances_.find(number);
  if (appliance == appliances_.end()) return nullptr;
  const auto heard = plugs_.find(appliance->second.known.name);
  if (heard == plugs_.end() || heard->second.plug.circuit != channel.booked.circuit) return nullptr;
  return until_ - heard->second.time < fresh ? &heard->second : nullptr;
}

// What a plug saw run is what ran on its circuit then.
void Analyst::learn_from_plugs(Timestamp now) {
  for (auto& [name, heard] : plugs_) {
    while (!heard.waiting.empty() && now - heard.waiting.front().end >= looked_for) {
      learn_from(heard, heard.waiting.front(), now);
      heard.waiting.erase(heard.waiting.begin());
    }
  }
}

void Analyst::learn_from(HeardPlug& heard, const insight::Run& seen, Timestamp now) {
  const auto channel = std::ranges::find_if(
      channels_, [&](const auto& one) { return one->booked.circuit == heard.plug.circuit; });
  if (channel == channels_.end()) return;
  std::vector<BookedRun> alike;
  for (const auto& run : runs({seen.begin - begins_within, seen.end}, most_runs)) {
    if (run.channel != (*channel)->booked.number || run.epoch != (*channel)->booked.epoch) continue;
    const auto apart = run.run.begin - seen.begin;
    if (apart <= begins_within && apart >= -begins_within && is_alike(run.run.peak, seen.peak)) {
      alike.push_back(run);
    }
  }
  if (alike.size() != 1) return;
  const auto& run = alike.front();
  const auto& numbers = (*channel)->numbers;
  const auto its = std::ranges::find_if(numbers, [&](const auto& one) {
    return appliances_.at(one.second).known.name == heard.plug.name;
  });
  if (its != numbers.end()) {
    (*channel)->eye.identifier->assign(run.run.id, its->first);
    ++(*channel)->said_by_plugs;
    return;
  }
  if (is_told_by_people(appliances_.at(run.appliance).known)) return;
  if (++heard.agreed[run.appliance] < sure_from) return;
  const auto done = answer(run.appliance, heard.plug.kind, heard.plug.name, {now, "Lenz"});
  if (!done) around_.say(done.error());
}

}  // namespace hub
