#include <fmt/format.h>

#include <algorithm>
#include <utility>

#include "hub/analyst_channel.h"

namespace hub {

using insight::ApplianceId;
using measurement::Timestamp;

namespace {

constexpr measurement::Watts least_step{30};    // Of what somebody switched on.
constexpr std::chrono::minutes told_within{2};  // After its begin an identifier tells a run.

}  // namespace

std::expected<std::pair<Analyst::Channel*, ApplianceId>, std::string> Analyst::find(
    ApplianceNumber number) {
  for (const auto& channel : channels_) {
    for (const auto& [id, known] : channel->numbers) {
      if (known == number) return std::pair{channel.get(), id};
    }
  }
  if (appliances_.contains(number)) {
    return std::unexpected("This appliance is not seen any more, so nothing can be changed of it.");
  }
  return std::unexpected("There is no such appliance.");
}

Analyst::Done Analyst::keep(Channel& channel, const Said& said, std::string text,
                            const std::string& memory_before,
                            const std::function<void(ApplianceBook::Writing&)>& more) {
  channel.add_up();
  tell();
  ApplianceBook::Writing writing(book_);
  writing.add({.time = said.now,
               .who = said.who,
               .channel = channel.booked.number,
               .text = std::move(text)},
              memory_before);
  gather(channel);
  for (const auto& [id, run] : channel.unsaved) writing.hand_over(run);
  put(writing, channel);
  if (more) more(writing);
  if (!writing.finish()) {
    return std::unexpected(
        "It holds until the next start: the disk refuses to keep it, so look at "
        "its room.");
  }
  channel.saved();
  return {};
}

// Who names an appliance has seen its latest run; that those before were its too is what the
// identifier believes.
void Analyst::speak_of_latest_run(Channel& channel, ApplianceNumber number) {
  const auto all = runs({until_ - studied, Timestamp::max()}, most_runs);
  for (auto run = all.rbegin(); run != all.rend(); ++run) {
    if (run->appliance != number || run->epoch != channel.booked.epoch) continue;
    const auto id = std::ranges::find_if(channel.numbers,
                                         [&](const auto& one) { return one.second == number; });
    channel.eye.identifier->assign(run->run.id, id->first);
    return;
  }
}

Analyst::Done Analyst::answer(ApplianceNumber number, std::optional<insight::ApplianceKind> kind,
                              const std::string& name, const Said& said) {
  const auto found = find(number);
  if (!found) return std::unexpected(found.error());
  auto& [channel, id] = *found;
  const auto before = channel->eye.identifier->memory();
  channel->eye.identifier->answer({id, kind, name});
  speak_of_latest_run(*channel, number);
  const auto word = kind ? insight::row(*kind).word : std::string_view();
  return keep(*channel, said, fmt::format("answer {}: {} \"{}\"", number, word, name), before);
}

std::expected<std::vector<std::string>, std::string> Analyst::switched_on(
    insight::ApplianceKind kind, const std::string& name, const std::string& circuit,
    const Said& said) {
  std::map<std::string, BookedRun> nameless, named;  // The latest of each circuit.
  const auto is_meant = [&](ApplianceNumber number) {
    const auto& known = appliances_.at(number).known;
    return is_told_by_people(known) && known.kind == kind && known.name == name;
  };
  for (const auto& run : runs({said.now - just_now, Timestamp::max()}, most_runs)) {
    if (run.run.begin < said.now - just_now || run.run.peak < least_step) continue;
    const auto found = find(run.appliance);
    if (!found || run.epoch != found->first->booked.epoch) continue;
    const auto& its = found->first->booked.circuit;
    if (!circuit.empty() && its != circuit) continue;
    const bool is_another =
        is_told_by_people(appliances_.at(run.appliance).known) && !is_meant(run.appliance);
    (is_another ? named : nameless)[its] = run;
  }
  const auto& fitting = nameless.empty() ? named : nameless;
  if (fitting.empty()) {
    return std::unexpected(fmt::format(
        "Nothing of {:.0f} W or more was switched on in the last two minutes: switch it off and on "
        "again, and say so after some seconds.",
        least_step.value));
  }
  if (fitting.size() > 1) {
    std::vector<std::string> circuits;
    for (const auto& [id, run] : fitting) circuits.push_back(id);
    return circuits;
  }
  const auto& run = fitting.begin()->second;
  auto [channel, id] = *find(run.appliance);
  const auto same =
      std::ranges::find_if(channel->numbers, [&](const auto& one) { return is_meant(one.second); });
  if (same != channel->numbers.end()) {
    id = same->first;
  } else if (nameless.empty()) {
    id = insight::unexplained;
  }
  auto& identifier = *channel->eye.identifier;
  const auto before = identifier.memory();
  id = identifier.assign(run.run.id, id);
  if (id == insight::unexplained) {
    return std::unexpected("Too many appliances are known behind this circuit: merge some first.");
  }
  identifier.answer({id, kind, name});
  const auto done = keep(*channel, said,
                         fmt::format("switched on {}: {} \"{}\"", number_of(*channel, id),
                                     insight::row(kind).word, name),
                         before);
  if (!done) return std::unexpected(done.error());
  return std::vector<std::string>{};
}

Analyst::Done Analyst::merge(ApplianceNumber from, ApplianceNumber into, const Said& said) {
  const auto one = find(from), other = find(into);
  if (!one) return std::unexpected(one.error());
  if (!other) return std::unexpected(other.error());
  if (one->first != other->first) {
    return std::unexpected(
        "The two are on different circuits, so they cannot be the same appliance.");
  }
  if (from == into) return std::unexpected("An appliance is merged with another, not with itself.");
  auto& channel = *one->first;
  const auto before = channel.eye.identifier->memory();
  channel.eye.identifier->merge(one->second, other->second);
  auto& gone = appliances_.at(from);
  gone.known = {.id = one->second};  // It is the other one now, and listed no more.
  return keep(channel, said, fmt::format("merge {} into {}", from, into), before,
              [&](ApplianceBook::Writing& writing) {
                writing.put(gone);
                writing.hand_runs_over(from, into);
              });
}

Analyst::Done Analyst::split(std::int64_t number, std::int64_t epoch, std::uint64_t run,
                             const Said& said) {
  const auto channel = std::ranges::find_if(
      channels_, [&](const auto& one) { return one->booked.number == number; });
  if (channel == channels_.end() || (*channel)->booked.epoch != epoch) {
    return std::unexpected("This run is too old to be judged otherwise: take a later one.");
  }
  const auto before = (*channel)->eye.identifier->memory();
  (*channel)->eye.identifier->split(run);
  return keep(**channel, said, fmt::format("split run {}", run), before);
}

// Appliances that the identifier does not know: they were found since, and it gives their ids
// again.
void Analyst::forget_strangers(ApplianceBook::Writing& writing, Channel& channel) {
  const auto known = channel.eye.identifier->appliances();
  std::erase_if(channel.numbers, [&](const auto& one) {
    if (std::ranges::count(known, one.first, &insight::KnownAppliance::id) > 0) return false;
    auto& stranger = appliances_.at(one.second);
    stranger.known = {};
    writing.put(stranger);
    channel.courses.erase(one.first);
    channel.run_lengths_s.erase(one.first);
    return true;
  });
}

Analyst::Done Analyst::roll_back(std::int64_t number, const Said& said) {
  const auto last = last_act();
  if (!last || last->number != number) {
    return std::unexpected("Only what was said last can be taken back.");
  }
  auto& channel = **std::ranges::find_if(
      channels_, [&](const auto& one) { return one->booked.number == last->channel; });
  gather(channel);
  auto eye = new_eye(channel.eye.load, book_.memory_before(number));
  eye->under = channel.eye.under;
  ApplianceBook::Writing writing(book_);
  put_runs(writing, channel);
  channel.saved();
  channel.cut_off_what_runs(until_);
  writing.undone(number);
  // The identifier as it was then gives numbers again that were given since.
  const auto begin = last->time - told_within;
  writing.set_aside(channel.booked.number, channel.booked.epoch, begin, -number);
  for (auto& run : channel.cut_off) {
    if (run.run.begin >= begin) run.epoch = -number;
  }
  channel.eye = std::move(*eye);
  forget_strangers(writing, channel);
  put(writing, channel);
  if (!writing.finish()) {
    return std::unexpected("The disk refuses to keep it: look at its room, and try again.");
  }
  around_.say(fmt::format("\"{}\" was taken back by {}.", last->text,
                          said.who.empty() ? "the owner" : said.who));
  return {};
}

}  // namespace hub
