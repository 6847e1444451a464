#include "hub/analyst_channel.h"

#include <algorithm>
#include <cmath>

namespace hub {

using insight::ApplianceId;
using measurement::Timestamp;
using measurement::Watts;
using namespace std::chrono_literals;

namespace {

constexpr auto most_age = 2s;  // Of another meter's reading that is subtracted.

}  // namespace

bool Analyst::Eye::see(const std::string& device, Timestamp time,
                       const measurement::Sample& sample) {
  for (std::size_t i = 0; i < under.size(); ++i) {
    if (load.less[i]->channels.front().device != device) continue;
    under[i] = reading_of(*load.less[i], time, sample);
  }
  if (load.circuit->channels.front().device != device || time <= latest.time) return false;
  latest = reading_of(*load.circuit, time, sample);
  if (first == Timestamp{}) first = time;
  for (const auto& reading : under) {
    const bool is_old = time - reading.time > most_age || reading.time - time > most_age;
    latest = without(latest, is_old ? insight::Reading{} : reading);
  }
  identifier->take(latest);
  return true;
}

void Analyst::Channel::add_up() {
  const auto& now = eye.latest;
  const double hours =
      added_until == Timestamp{}
          ? 0
          : std::chrono::duration<double, std::ratio<3600>>(
                std::min<std::chrono::milliseconds>(now.time - added_until, longest_hold))
                .count();
  added_until = now.time;
  std::map<ApplianceId, Running> going_on;
  float unexplained = now.active_power.value;
  for (const auto& share : eye.identifier->shares()) {
    if (share.appliance == insight::unexplained) continue;
    unexplained -= share.active_power.value;
    const auto known = running.find(share.appliance);
    auto& one = going_on[share.appliance];
    one = known == running.end() ? Running{now.time, 0} : known->second;
    one.mwh += 1000 * hours * static_cast<double>(one.watts);
    one.watts = share.active_power.value;
  }
  running = std::move(going_on);
  for (auto& [id, course] : courses) {
    const auto on = running.find(id);
    const bool is_measured = !std::isnan(now.active_power.value);
    course.take(now.time, {is_measured ? on == running.end() ? 0 : on->second.watts
                                       : insight::detail::not_measured});
  }
  if (std::isnan(unexplained)) return;
  const auto hour = std::chrono::floor<std::chrono::hours>(now.time).time_since_epoch().count();
  auto& bucket = least[static_cast<std::size_t>(hour % 24)];
  if (bucket.hour != hour) bucket = {hour, unexplained};
  bucket.watts = std::min(bucket.watts, unexplained);
}

void Analyst::Channel::carry_on(insight::Run& run, ApplianceNumber number) {
  auto known = before.find(run.id);
  if (known == before.end()) {
    const auto old = std::ranges::find(cut_off, number, &BookedRun::appliance);
    if (old == cut_off.end() || run.begin - cut_off_at > longest_cut) return;
    known = before.emplace(run.id, Before{old->run.begin, old->run.energy}).first;
    if (const auto on = running.find(run.appliance); on != running.end()) {
      on->second.mwh += static_cast<double>(old->run.energy.value);
    }
    carried_on.push_back(*old);
    cut_off.erase(old);
  }
  run.begin = known->second.begin;
  run.energy = run.energy + known->second.energy;
}

void Analyst::Channel::cut_off_what_runs(Timestamp time) {
  for (const auto& [id, run] : open) cut_off.push_back(run);
  cut_off_at = time;
  open.clear();
  before.clear();
  running.clear();
}

void Analyst::Channel::saved() {
  unsaved.clear();
  carried_on.clear();
}

Watts Analyst::Channel::always_on(Timestamp now, float unexplained) const {
  const auto hour = std::chrono::floor<std::chrono::hours>(now).time_since_epoch().count();
  float lowest = unexplained;
  for (const auto& bucket : least) {
    if (bucket.hour > hour - 24 && bucket.hour > 0) lowest = std::min(lowest, bucket.watts);
  }
  return {std::max(0.f, lowest)};
}

}  // namespace hub
