#include <algorithm>
#include <cmath>

#include "hub/analyst_channel.h"

namespace hub {

using measurement::Timestamp;
using namespace std::chrono_literals;

namespace {

// The part of a run's energy that falls into a range.
double part_of(const insight::Run& run, TimeRange range) {
  const auto length = run.end - run.begin;
  const auto inside = std::min(run.end, range.end) - std::max(run.begin, range.begin);
  if (length <= 0ms || inside <= 0ms) return 0;
  return static_cast<double>(run.energy.value) * static_cast<double>(inside.count()) /
         static_cast<double>(length.count());
}

}  // namespace

std::vector<BookedRun> Analyst::runs(TimeRange range, std::size_t most) {
  auto found = book_.runs(range, most);
  for (const auto& channel : channels_) {
    std::erase_if(found, [&](const BookedRun& run) {
      return std::ranges::any_of(channel->carried_on, [&](const BookedRun& old) {
        return run.channel == old.channel && run.epoch == old.epoch && run.run.id == old.run.id;
      });
    });
    for (const auto& [id, fresh] : channel->unsaved) {
      std::erase_if(found, [&](const BookedRun& run) {
        return run.channel == fresh.channel && run.epoch == fresh.epoch && run.run.id == id;
      });
      if (fresh.run.begin < range.end && fresh.run.end > range.begin) found.push_back(fresh);
    }
  }
  std::ranges::sort(found, {}, [](const BookedRun& run) { return run.run.begin; });
  if (found.size() > most) found.resize(most);
  return found;
}

std::vector<ApplianceState> Analyst::appliances(Timestamp now) {
  std::map<ApplianceNumber, ApplianceState> states;
  for (const auto& channel : channels_) {
    for (const auto& known : channel->eye.identifier->appliances()) {
      const auto number = number_of(*channel, known.id);
      states[number] = {.number = number, .circuit = channel->booked.circuit, .known = known};
      if (plug_of(*channel, number)) states[number].known.certainty = insight::Certainty::measured;
    }
    const auto shares =
        std::ranges::find(shares_, channel->booked.circuit, &ChannelShares::circuit);
    if (shares == shares_.end()) continue;
    for (const auto& [number, power] : shares->appliances) {
      const auto state = states.find(number);
      if (state != states.end()) state->second.power = power;
    }
    for (const auto& [id, running] : channel->running) {
      const auto state = states.find(number_of(*channel, id));
      if (state == states.end()) continue;
      state->second.running_since = running.since;
      const auto lengths = channel->run_lengths_s.find(id);
      state->second.is_left_on =
          lengths != channel->run_lengths_s.end() &&
          insight::is_left_on(std::chrono::duration<double>(now - running.since).count(),
                              lengths->second);
    }
    for (const auto& [id, course] : channel->courses) {
      const auto state = states.find(number_of(*channel, id));
      if (state == states.end()) continue;
      state->second.course = {course.state(), course.seconds_left(), course.ended(),
                              course.went_on()};
    }
  }
  // None is dropped silently: what people named stays listed.
  for (const auto& [number, appliance] : appliances_) {
    if (states.contains(number) || !is_told_by_people(appliance.known)) continue;
    const auto past = past_channels_.find(appliance.channel);
    const auto here =
        std::ranges::find_if(channels_, [&, channel = appliance.channel](const auto& one) {
          return one->booked.number == channel;
        });
    states[number] = {.number = number,
                      .circuit = past != past_channels_.end() ? past->second
                                 : here != channels_.end()    ? (*here)->booked.circuit
                                                              : std::string(),
                      .known = appliance.known,
                      .is_past = true};
  }

  const auto offset = around_.utc_offset(now);
  const auto midnight = std::chrono::floor<std::chrono::milliseconds>(
                            std::chrono::floor<std::chrono::days>(now + offset)) -
                        offset;
  std::map<ApplianceNumber, double> today;
  for (const auto& run : runs({midnight, now + 1ms}, most_runs)) {
    const auto state = states.find(run.appliance);
    if (state == states.end()) continue;
    ++state->second.runs_today;
    if (run.run.end != Timestamp::max()) today[run.appliance] += part_of(run.run, {midnight, now});
  }
  for (const auto& channel : channels_) {
    for (const auto& [id, running] : channel->running) {
      today[number_of(*channel, id)] += running.mwh;
    }
  }
  std::vector<ApplianceState> all;
  for (auto& [number, state] : states) {
    state.today = {std::llround(today[number])};
    all.push_back(std::move(state));
  }
  return all;
}

std::optional<PowerCuts::Report> Analyst::power_cut(Timestamp now) {
  return power_cuts_.latest(now, [this](TimeRange range) { return runs(range, most_runs); });
}

std::optional<ApplianceQuestion> Analyst::question(Timestamp now) {
  const auto day = day_of(now, around_.utc_offset(now));
  const auto asked = book_.asked_on(day);
  std::optional<ApplianceQuestion> best;
  // Of what no clamp but the mains' sees people know least: it is asked last.
  bool best_is_rest = true;
  for (const auto& channel : channels_) {
    auto question = channel->eye.identifier->question();
    if (!question) continue;
    const auto number = number_of(*channel, question->appliance);
    const bool may_ask = asked.size() < questions_a_day || std::ranges::count(asked, number) > 0;
    const bool is_rest = channel->eye.load.is_rest();
    if (!may_ask || (best && is_rest && !best_is_rest)) continue;
    if (best && is_rest == best_is_rest && best->question.weekly >= question->weekly) continue;
    best = {number, std::move(*question)};
    best_is_rest = is_rest;
  }
  if (best && !std::ranges::count(asked, best->appliance)) {
    ApplianceBook::Writing writing(book_);
    writing.asked(day, best->appliance);
    if (!writing.finish()) return std::nullopt;
  }
  return best;
}

std::optional<Act> Analyst::last_act() {
  for (auto& act : book_.acts(acts_looked_at)) {
    const bool is_here = std::ranges::any_of(
        channels_, [&](const auto& channel) { return channel->booked.number == act.channel; });
    if (act.can_be_undone && is_here) return std::move(act);
  }
  return std::nullopt;
}

}  // namespace hub
