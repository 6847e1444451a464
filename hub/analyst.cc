#include "hub/analyst.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <stdexcept>
#include <utility>

#include "hub/analyst_channel.h"
#include "insight/identification/panel_priors.h"

namespace hub {

using insight::ApplianceId;
using measurement::Timestamp;
using namespace std::chrono_literals;

namespace {

constexpr std::size_t most_lengths = 100;  // Of an appliance's runs, to know its habit.

// "name: value" of the model's card.
std::string name_of(const insight::Model* model) {
  if (!model) return "none";
  constexpr std::string_view word = "name: ";
  const std::string_view card = model->card;
  const auto at = card.starts_with(word) ? 0 : card.find("\n" + std::string(word));
  if (at == card.npos) return "without a name";
  const auto begin = at + word.size() + (at == 0 ? 0 : 1);
  return std::string(card.substr(begin, card.find('\n', begin) - begin));
}

bool has_courses(const insight::KnownAppliance& known) {
  using enum insight::ApplianceKind;
  if (!known.kind || known.certainty == insight::Certainty::unknown) return false;
  return *known.kind == dishwasher || *known.kind == washing_machine ||
         *known.kind == washer_dryer || *known.kind == tumble_dryer;
}

}  // namespace

Analyst::Analyst(Files& files, const std::string& book, Store& store, LiveFeed& live,
                 const Home& home, Surroundings around)
    : book_(files, book),
      store_(store),
      home_(home),
      around_(std::move(around)),
      model_name_(name_of(around_.model.get())),
      power_cuts_(store, live, home) {
  if (around_.model && around_.model->parts.contains("cycles")) {
    const auto read = insight::CycleJudge::read(around_.model->parts.at("cycles"));
    if (!read) around_.say(fmt::format("Ends of courses are said late: {}.", read.error()));
    if (read) {
      is_end_ = [judge = std::make_shared<const insight::CycleJudge>(*read)](
                    const insight::CycleFeatures& features) { return judge->is_sure(features); };
    }
  }
  for (auto& appliance : book_.appliances()) appliances_.emplace(appliance.number, appliance);
  subscription_ = live.subscribe([this](const LiveFeed::Moment& moment) {
    const auto known = newest_.find(moment.device);
    if (known == newest_.end()) {
      newest_.emplace(moment.device, moment.time);
    } else {
      known->second = std::max(known->second, moment.time);
    }
  });
}

Analyst::~Analyst() {
  try {
    static_cast<void>(save());
  } catch (const std::exception& trouble) {
    around_.say(trouble.what());
  }
}

std::unique_ptr<Analyst::Eye> Analyst::new_eye(const OwnLoad& load,
                                               const std::string& memory) const {
  static const auto nothing_learnt = std::make_shared<const insight::Model>();
  const auto model = around_.model ? around_.model : nothing_learnt;
  const auto facts = facts_of(home_, load, around_.utc_offset(until_));
  const auto make = [&](std::string_view with) {
    return std::make_unique<Eye>(
        Eye{load, std::make_unique<insight::ChannelIdentifier>(model, facts, with)});
  };
  try {
    return make(memory);
  } catch (const std::runtime_error& trouble) {
    if (memory.empty()) throw;
    around_.say(fmt::format("What was learnt of {} cannot be used ({}): it is learnt anew.",
                            load.circuit->name, trouble.what()));
    return make({});
  }
}

bool Analyst::is_told_itself(const Channel& channel, const insight::KnownAppliance& known) const {
  const auto facts = facts_of(home_, channel.eye.load, around_.utc_offset(until_));
  return !known.name.empty() ||
         (is_told_by_people(known) && known.kind != insight::kind_named(facts));
}

void Analyst::begin_channels(Timestamp now) {
  if (!channels_.empty()) static_cast<void>(save());
  panel_ = &panel(now);
  study_.reset();
  channels_.clear();
  past_channels_.clear();
  devices_.clear();

  auto booked = book_.channels();
  ApplianceBook::Writing writing(book_);
  const auto loads = own_loads(*panel_);
  for (auto& channel : booked) {
    const bool is_there = std::ranges::any_of(loads, [&](const OwnLoad& load) {
      return load.circuit->id == channel.circuit && clamps_of(*load.circuit) == channel.clamps;
    });
    if (!is_there && !channel.is_past) {
      channel.is_past = true;
      writing.put(channel);
    }
    if (is_there) continue;
    writing.end_open_runs(channel.number, channel.until);
    past_channels_[channel.number] = channel.circuit;
  }
  for (const auto& load : loads) {
    const auto clamps = clamps_of(*load.circuit);
    auto known = std::ranges::find_if(booked, [&](const BookedChannel& channel) {
      return channel.circuit == load.circuit->id && channel.clamps == clamps;
    });
    auto channel = known == booked.end()
                       ? BookedChannel{.circuit = load.circuit->id, .clamps = clamps}
                       : *known;
    if (channel.memory.empty()) wants_study_ = true;
    channel.is_past = false;
    auto eye = new_eye(load, channel.memory);
    if (eye->identifier->appliances().empty()) ++channel.epoch;  // It counts its runs from 1.
    writing.put(channel);
    until_ = std::max(until_, channel.until);
    devices_.insert(load.circuit->channels.front().device);
    for (const auto* under : load.less) devices_.insert(under->channels.front().device);
    auto& made = *channels_.emplace_back(
        std::make_unique<Channel>(Channel{std::move(channel), std::move(*eye)}));
    for (const auto& [number, appliance] : appliances_) {
      if (appliance.channel == made.booked.number && appliance.known.id != insight::unexplained) {
        made.numbers[appliance.known.id] = number;
      }
    }
  }
  const auto runs = book_.runs({until_ - studied, Timestamp::max()}, most_runs);
  for (const auto& channel : channels_) {
    for (const auto& run : runs) {
      if (run.channel != channel->booked.number) continue;
      if (run.run.end == Timestamp::max()) {
        channel->open[run.run.id] = run;
        continue;
      }
      const auto known = std::ranges::find_if(
          channel->numbers, [&](const auto& one) { return one.second == run.appliance; });
      if (known == channel->numbers.end()) continue;
      channel->run_lengths_s[known->first].push_back(seconds_of(run.run));
    }
    channel->cut_off_what_runs(channel->booked.until);
  }
  finder_ = std::make_unique<insight::BreakerFinder>(channels_.size());
  search_begin_.reset();
  if (!writing.finish()) {
    around_.say("What is known of the appliances cannot be written: check that the disk has room.");
  }
  saved_at_ = now;
}

ApplianceNumber Analyst::number_of(Channel& channel, ApplianceId id) {
  const auto known = channel.numbers.find(id);
  if (known != channel.numbers.end()) return known->second;
  const auto number = appliances_.empty() ? 1 : appliances_.rbegin()->first + 1;
  appliances_[number] = {.number = number, .channel = channel.booked.number, .known = {.id = id}};
  channel.numbers[id] = number;
  return number;
}

// What the identifier has to say, into what will be written.
void Analyst::gather(Channel& channel) {
  for (auto& run : channel.eye.identifier->take_runs()) {
    const auto number = number_of(channel, run.appliance);
    channel.carry_on(run, number);
    channel.unsaved[run.id] = {channel.booked.number, channel.booked.epoch, number, run};
    if (run.end == Timestamp::max()) {
      channel.open[run.id] = channel.unsaved[run.id];
    } else {
      channel.open.erase(run.id);
      auto& lengths = channel.run_lengths_s[run.appliance];
      lengths.push_back(seconds_of(run));
      if (lengths.size() > most_lengths) lengths.erase(lengths.begin());
    }
    const auto running = channel.running.find(run.appliance);
    if (run.end == Timestamp::max() && running != channel.running.end()) {
      running->second.since = run.begin;
    }
  }
}

void Analyst::put(ApplianceBook::Writing& writing, Channel& channel) {
  gather(channel);
  for (const auto& known : channel.eye.identifier->appliances()) {
    auto& booked = appliances_[number_of(channel, known.id)];
    const auto course = channel.courses.find(known.id);
    if (has_courses(known) && course == channel.courses.end()) {
      channel.courses.emplace(known.id, insight::CycleWatch(*known.kind, booked.courses, is_end_));
    }
    const bool has_more = course != channel.courses.end() &&
                          !std::ranges::equal(course->second.past(), booked.courses);
    if (booked.known == known && !has_more) continue;
    booked.known = known;
    if (has_more) booked.courses.assign(course->second.past().begin(), course->second.past().end());
    writing.put(booked);
  }
  put_runs(writing, channel);
  channel.booked.until = until_;
  channel.booked.model = model_name_;
  channel.booked.memory = channel.eye.identifier->memory();
  writing.put(channel.booked);
}

void Analyst::put_runs(ApplianceBook::Writing& writing, Channel& channel) {
  for (const auto& run : channel.carried_on) writing.forget(run);
  if (until_ - channel.cut_off_at > Channel::longest_cut) {
    for (auto& run : std::exchange(channel.cut_off, {})) {
      run.run.end = std::max(run.run.begin, channel.cut_off_at);
      writing.put(run, model_name_);
    }
  }
  for (auto& [id, run] : channel.open) {
    const auto on = std::ranges::find_if(channel.running, [&](const auto& one) {
      return number_of(channel, one.first) == run.appliance;
    });
    if (on == channel.running.end()) continue;
    run.run.energy.value =
        std::max<std::int64_t>(run.run.energy.value, std::llround(on->second.mwh));
    channel.unsaved[id] = run;
  }
  for (const auto& [id, run] : channel.unsaved) writing.put(run, model_name_);
}

std::expected<void, StoreError> Analyst::save() {
  ApplianceBook::Writing writing(book_);
  for (const auto& channel : channels_) put(writing, *channel);
  const auto done = writing.finish();
  if (done) {
    for (const auto& channel : channels_) channel->saved();
  }
  return done;
}

}  // namespace hub
