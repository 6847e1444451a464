#include "hub/analyst.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <stdexcept>
#include <utility>

namespace hub {

using insight::ApplianceId;
using measurement::MilliwattHours;
using measurement::Timestamp;
using measurement::Watts;
using namespace std::chrono_literals;

namespace {

constexpr auto piece = 5min;        // Of samples, in one step.
constexpr auto silent_after = 10s;  // Then a meter is not waited for.
constexpr auto most_age = 2s;       // Of another meter's reading that is subtracted.
constexpr auto longest_hold = 60s;  // Of a reading's power, when energy is added up.
constexpr auto save_every = 60s;
constexpr auto changes_every = 5s;
constexpr std::size_t changes_at_once = 2'000;
constexpr auto quiet = 10s;       // After late samples, before they are studied.
constexpr auto study_every = 1h;  // Unless much came late:
constexpr std::size_t much = 60;  // Minutes.
constexpr std::chrono::days forgotten_for_late_samples{1};
constexpr std::size_t acts_looked_at = 100;
constexpr std::size_t most_lengths = 100;  // Of an appliance's runs, to know its habit.
constexpr std::size_t most_runs = 20'000;  // Of today and of a study's window, in one answer.

std::int64_t day_of(Timestamp time, std::chrono::minutes utc_offset) {
  return std::chrono::floor<std::chrono::days>(time + utc_offset).time_since_epoch().count();
}

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

std::chrono::milliseconds overlap(const insight::Run& a, const insight::Run& b) {
  return std::max(0ms, std::min(a.end, b.end) - std::max(a.begin, b.begin));
}

double seconds_of(const insight::Run& run) {
  return std::chrono::duration<double>(run.end - run.begin).count();
}

// The part of a run's energy that falls into a range.
double part_of(const insight::Run& run, TimeRange range) {
  const auto length = run.end - run.begin;
  const auto inside = std::min(run.end, range.end) - std::max(run.begin, range.begin);
  if (length <= 0ms || inside <= 0ms) return 0;
  return static_cast<double>(run.energy.value) * static_cast<double>(inside.count()) /
         static_cast<double>(length.count());
}

bool has_courses(const insight::KnownAppliance& known) {
  using enum insight::ApplianceKind;
  if (!known.kind || known.certainty == insight::Certainty::unknown) return false;
  return *known.kind == dishwasher || *known.kind == washing_machine ||
         *known.kind == washer_dryer || *known.kind == tumble_dryer;
}

bool is_told_by_people(const insight::KnownAppliance& known) {
  return !known.name.empty() || known.certainty == insight::Certainty::measured ||
         known.certainty == insight::Certainty::confirmed;
}

}  // namespace

struct Analyst::Eye {
  OwnLoad load;
  std::unique_ptr<insight::ChannelIdentifier> identifier;
  std::vector<insight::Reading> under{load.less.size()};  // The latest of those to subtract.
  insight::Reading latest;                                // Of its own load.

  // False: the sample is of another meter.
  bool see(const std::string& device, Timestamp time, const measurement::Sample& sample) {
    for (std::size_t i = 0; i < under.size(); ++i) {
      if (load.less[i]->channels.front().device != device) continue;
      under[i] = reading_of(*load.less[i], time, sample);
    }
    if (load.circuit->channels.front().device != device || time <= latest.time) return false;
    latest = reading_of(*load.circuit, time, sample);
    for (const auto& reading : under) {
      const bool is_old = time - reading.time > most_age || reading.time - time > most_age;
      latest = without(latest, is_old ? insight::Reading{} : reading);
    }
    identifier->take(latest);
    return true;
  }
};

struct Analyst::Channel {
  BookedChannel booked;
  Eye eye;
  std::map<ApplianceId, ApplianceNumber> numbers{};
  std::map<std::uint64_t, BookedRun> unsaved{};  // By run id.

  // What runs, since when and with how much energy so far.
  struct Running {
    Timestamp since;
    double mwh = 0;
    float watts = 0;  // At the latest reading.
  };
  std::map<ApplianceId, Running> running{};
  Timestamp added_until{};

  std::map<ApplianceId, insight::CycleWatch> courses{};
  std::map<ApplianceId, std::vector<double>> run_lengths_s{};  // The latest.

  // Least unexplained power by hour of the last day.
  struct Least {
    std::int64_t hour = 0;
    float watts = 0;
  };
  std::array<Least, 24> least{};

  void add_up() {
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

  Watts always_on(Timestamp now, float unexplained) const {
    const auto hour = std::chrono::floor<std::chrono::hours>(now).time_since_epoch().count();
    float lowest = unexplained;
    for (const auto& bucket : least) {
      if (bucket.hour > hour - 24 && bucket.hour > 0) lowest = std::min(lowest, bucket.watts);
    }
    return {std::max(0.f, lowest)};
  }
};

struct Analyst::Study {
  Timestamp begin, until;
  std::vector<std::unique_ptr<Eye>> eyes;  // As the channels; null: not studied, or taken over.
  std::vector<std::map<std::uint64_t, insight::Run>> runs;  // Of each, by id.
};

// ---- Beginning and keeping ---------------------------------------------------------------------

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
    writing.end_open_runs(channel.number, channel.until);
    if (!is_there) past_channels_[channel.number] = channel.circuit;
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
    ++channel.epoch;  // Whatever ran when the last one ended has been cut off.
    auto eye = new_eye(load, channel.memory);
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
  for (const auto& channel : channels_) {
    for (const auto& run : book_.runs({until_ - studied, Timestamp::max()}, most_runs)) {
      const auto known = std::ranges::find_if(
          channel->numbers, [&](const auto& one) { return one.second == run.appliance; });
      if (known == channel->numbers.end() || run.run.end == Timestamp::max()) continue;
      channel->run_lengths_s[known->first].push_back(seconds_of(run.run));
    }
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
  for (const auto& run : channel.eye.identifier->take_runs()) {
    channel.unsaved[run.id] = {channel.booked.number, channel.booked.epoch,
                               number_of(channel, run.appliance), run};
    if (run.end != Timestamp::max()) {
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
  for (const auto& [id, run] : channel.unsaved) writing.put(run, model_name_);
  channel.booked.until = until_;
  channel.booked.model = model_name_;
  channel.booked.memory = channel.eye.identifier->memory();
  writing.put(channel.booked);
}

std::expected<void, StoreError> Analyst::save() {
  ApplianceBook::Writing writing(book_);
  for (const auto& channel : channels_) put(writing, *channel);
  const auto done = writing.finish();
  if (done) {
    for (const auto& channel : channels_) channel->unsaved.clear();
  }
  return done;
}

// ---- Looking -----------------------------------------------------------------------------------

// Up to where all meters that are not silent have been heard.
std::optional<Timestamp> Analyst::seen_until(Timestamp now) const {
  std::optional<Timestamp> least, most;
  for (const auto& device : devices_) {
    const auto found = newest_.find(device);
    if (found == newest_.end()) continue;
    most = std::max(most.value_or(found->second), found->second);
    if (now - found->second >= silent_after) continue;
    least = std::min(least.value_or(found->second), found->second);
  }
  if (!most) return std::nullopt;
  return least.value_or(*most) + 1ms;
}

std::expected<void, StoreError> Analyst::look(const std::vector<Eye*>& eyes, TimeRange range,
                                              const std::function<void(std::size_t)>& saw) {
  struct Seen {
    Timestamp time;
    const std::string* device;
    const measurement::Sample* sample;
  };
  std::vector<std::vector<Store::Kept>> kept;
  std::vector<Seen> in_order;
  kept.reserve(devices_.size());
  for (const auto& device : devices_) {
    auto samples = store_.samples(device, range);
    if (!samples) return std::unexpected(samples.error());
    for (const auto& sample : kept.emplace_back(std::move(*samples))) {
      if (sample.stream == measurement::Stream::edges) continue;
      in_order.push_back({sample.time, &device, &sample.sample});
    }
  }
  std::ranges::stable_sort(in_order, {}, &Seen::time);
  for (const auto& [time, device, sample] : in_order) {
    for (std::size_t i = 0; i < eyes.size(); ++i) {
      if (eyes[i]->see(*device, time, *sample) && saw) saw(i);
    }
  }
  return {};
}

std::vector<Analyst::Eye*> Analyst::eyes() {
  std::vector<Eye*> all;
  for (const auto& channel : channels_) all.push_back(&channel->eye);
  return all;
}

std::expected<bool, StoreError> Analyst::step(Timestamp now) {
  if (panel_ != &panel(now)) begin_channels(now);
  for (const auto& device : devices_) {
    if (newest_.contains(device)) continue;
    const auto last = store_.last(device);
    if (!last) return std::unexpected(last.error());
    if (*last) newest_[device] = (*last)->time;
  }
  const auto end = seen_until(now);
  if (!end) return true;
  if (until_ == Timestamp{}) until_ = *end - 1ms;
  for (const auto& channel : channels_) {
    if (channel->booked.since == Timestamp{}) channel->booked.since = until_;
  }
  if (*end - until_ > studied) until_ = *end - studied;

  if (until_ < *end) {
    const TimeRange range{until_, std::min(*end, until_ + piece)};
    if (study_ && study_->until == until_) {
      if (const auto done = look(students(), range); !done) return std::unexpected(done.error());
      study_->until = range.end;
    }
    const auto done = look(eyes(), range, [&](std::size_t i) {
      channels_[i]->add_up();
      finder_->take(i, channels_[i]->eye.latest);
    });
    if (!done) return std::unexpected(done.error());
    until_ = range.end;
    const bool is_watching = breaker_search().state == BreakerSearch::State::watching;
    if (is_watching && until_ - *search_begin_ <= longest_search) finding_ = finder_->finding();
    for (const auto& channel : channels_) gather(*channel);
    tell();
    return false;
  }
  if (now - saved_at_ >= save_every || now < saved_at_) {
    saved_at_ = now;
    if (const auto done = save(); !done) return std::unexpected(done.error());
    return false;
  }
  if (study_) return go_on_studying();
  return look_for_late_samples(now);
}

void Analyst::tell() {
  shares_.clear();
  for (const auto& channel : channels_) {
    const auto& eye = channel->eye;
    auto& told = shares_.emplace_back(ChannelShares{
        .circuit = eye.load.circuit->id, .is_rest = eye.load.is_rest(), .time = eye.latest.time});
    if (std::isnan(eye.latest.active_power.value) || until_ - eye.latest.time > longest_hold) {
      continue;
    }
    told.power = eye.latest.active_power;
    told.unexplained = *told.power;
    for (const auto& share : eye.identifier->shares()) {
      if (share.appliance == insight::unexplained) continue;
      told.appliances.push_back({number_of(*channel, share.appliance), share.active_power});
      told.unexplained = told.unexplained - share.active_power;
    }
    told.always_on = channel->always_on(eye.latest.time, told.unexplained.value);
  }
  feed_.publish(shares_);
}

// ---- Studying the past -------------------------------------------------------------------------

// True: nothing is left for now.
std::expected<bool, StoreError> Analyst::look_for_late_samples(Timestamp now) {
  if (now < changes_at_ + changes_every && knows_changes_) return true;
  const auto changes = store_.changes(revision_, changes_at_once);
  if (!changes) return std::unexpected(changes.error());
  for (const auto& change : *changes) {
    revision_ = change.revision;
    auto& newest = newest_minute_[change.device];
    // A minute is told when it is over, and once more with its last samples.
    if (knows_changes_ && change.minute < newest - 2min && devices_.contains(change.device)) {
      ++late_minutes_;
      late_at_ = now;
    }
    newest = std::max(newest, change.minute);
  }
  if (changes->size() == changes_at_once) return false;
  knows_changes_ = true;
  changes_at_ = now;
  const bool is_much = late_minutes_ >= much || now - studied_at_ >= study_every;
  if (late_minutes_ > 0 && is_much && now - late_at_ >= quiet) wants_study_ = true;
  if (!wants_study_ || channels_.empty()) return true;
  studied_at_ = now;
  begin_study();
  return false;
}

void Analyst::begin_study() {
  wants_study_ = false;
  late_minutes_ = 0;
  auto begin = until_ - studied;
  if (panel_ != &home_.panels.front()) begin = std::max(begin, panel_->valid_from);
  study_ = std::make_unique<Study>(Study{.begin = begin, .until = begin});
  for (const auto& channel : channels_) {
    // One that knows more than the window holds would only forget.
    const bool knows_more = channel->booked.since < begin - forgotten_for_late_samples;
    study_->eyes.push_back(knows_more ? nullptr : new_eye(channel->eye.load, {}));
    study_->runs.emplace_back();
  }
}

std::vector<Analyst::Eye*> Analyst::students() {
  std::vector<Eye*> all;
  for (const auto& eye : study_->eyes) {
    if (eye) all.push_back(eye.get());
  }
  return all;
}

std::expected<bool, StoreError> Analyst::go_on_studying() {
  const auto keep_runs = [&](std::size_t i) {
    if (!study_->eyes[i]) return;
    for (const auto& run : study_->eyes[i]->identifier->take_runs()) study_->runs[i][run.id] = run;
  };
  if (study_->until < until_) {
    const TimeRange range{study_->until, std::min(until_, study_->until + piece)};
    if (const auto done = look(students(), range); !done) return std::unexpected(done.error());
    study_->until = range.end;
    for (std::size_t i = 0; i < study_->eyes.size(); ++i) keep_runs(i);
    return false;
  }
  for (std::size_t i = 0; i < study_->eyes.size(); ++i) {
    if (!study_->eyes[i]) continue;
    keep_runs(i);
    if (const auto done = take_over(i); !done) return std::unexpected(done.error());
    return false;
  }
  study_.reset();
  tell();
  return false;
}

// What was found anew gets the numbers, names and answers of what it overlaps most.
std::expected<void, StoreError> Analyst::take_over(std::size_t index) {
  auto& channel = *channels_[index];
  auto& runs = study_->runs[index];
  gather(channel);
  auto before = book_.runs({study_->begin, Timestamp::max()}, most_runs);
  std::erase_if(before, [&](const BookedRun& run) {
    return run.channel != channel.booked.number || channel.unsaved.contains(run.run.id);
  });
  for (const auto& [id, run] : channel.unsaved) before.push_back(run);
  std::ranges::sort(before, {}, [](const BookedRun& run) { return run.run.begin; });

  std::map<std::pair<ApplianceId, ApplianceNumber>, std::chrono::milliseconds> common;
  for (const auto& [id, run] : runs) {
    for (const auto& old : before) {
      if (old.run.begin >= run.end) break;
      const auto both = overlap(run, old.run);
      if (both > 0ms) common[{run.appliance, old.appliance}] += both;
    }
  }
  std::vector<std::pair<std::chrono::milliseconds, std::pair<ApplianceId, ApplianceNumber>>> pairs;
  for (const auto& [pair, both] : common) pairs.emplace_back(both, pair);
  std::ranges::sort(pairs, std::greater{});
  std::map<ApplianceId, ApplianceNumber> numbers;
  std::set<ApplianceNumber> given;
  for (const auto& [both, pair] : pairs) {
    if (numbers.contains(pair.first) || given.contains(pair.second)) continue;
    numbers[pair.first] = pair.second;
    given.insert(pair.second);
  }

  auto eye = std::move(study_->eyes[index]);
  for (const auto& [id, number] : numbers) {
    const auto& known = appliances_.at(number).known;
    if (!is_told_by_people(known)) continue;
    const bool is_confirmed = known.certainty <= insight::Certainty::confirmed;
    eye->identifier->answer({id, is_confirmed ? known.kind : std::nullopt, known.name});
  }
  for (const auto& run : eye->identifier->take_runs()) runs[run.id] = run;

  ApplianceBook::Writing writing(book_);
  writing.forget_runs(channel.booked.number, {study_->begin, Timestamp::max()});
  for (auto& [number, appliance] : appliances_) {
    if (appliance.channel != channel.booked.number || given.contains(number)) continue;
    if (appliance.known.id == insight::unexplained) continue;
    appliance.known.id = insight::unexplained;
    writing.put(appliance);
  }
  ++channel.booked.epoch;
  channel.booked.since = study_->begin;
  channel.numbers = std::move(numbers);
  channel.unsaved.clear();
  channel.eye = std::move(*eye);
  for (auto& [id, number] : channel.numbers) appliances_.at(number).known.id = id;
  for (const auto& [id, run] : runs) {
    writing.put(
        {channel.booked.number, channel.booked.epoch, number_of(channel, run.appliance), run},
        model_name_);
  }
  channel.courses.clear();
  channel.run_lengths_s.clear();
  for (const auto& [id, run] : runs) {
    if (run.end == Timestamp::max()) continue;
    channel.run_lengths_s[run.appliance].push_back(seconds_of(run));
  }
  put(writing, channel);
  channel.running.clear();
  channel.add_up();
  const auto done = writing.finish();
  if (done) channel.unsaved.clear();
  return done;
}

// ---- What it tells -----------------------------------------------------------------------------

std::vector<BookedRun> Analyst::runs(TimeRange range, std::size_t most) {
  auto found = book_.runs(range, most);
  for (const auto& channel : channels_) {
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
  for (const auto& channel : channels_) {
    auto question = channel->eye.identifier->question();
    if (!question) continue;
    const auto number = number_of(*channel, question->appliance);
    const bool may_ask = asked.size() < questions_a_day || std::ranges::count(asked, number) > 0;
    if (!may_ask || (best && best->question.weekly >= question->weekly)) continue;
    best = {number, std::move(*question)};
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

// ---- The breaker behind an outlet --------------------------------------------------------------

void Analyst::begin_breaker_search() {
  if (!finder_) return;
  search_begin_ = until_;
  finding_.reset();
  finder_->begin(until_);
}

BreakerSearch Analyst::breaker_search() const {
  using enum BreakerSearch::State;
  if (!search_begin_) return {};
  if (finding_ && finding_->is_sure) {
    const auto& load = channels_[finding_->circuit]->eye.load;
    return {found, load.circuit->id, load.is_rest(), finding_->step};
  }
  return {.state = until_ - *search_begin_ < longest_search ? watching : unsure};
}

Analyst::Done Analyst::put(const Outlet& outlet) {
  if (!panel_ || !std::ranges::count(panel_->circuits, outlet.circuit, &Circuit::id)) {
    return std::unexpected("There is no such circuit.");
  }
  ApplianceBook::Writing writing(book_);
  writing.put(outlet);
  if (!writing.finish()) {
    return std::unexpected("The disk refuses to keep it: look at its room, and try again.");
  }
  return {};
}

// ---- What people say ---------------------------------------------------------------------------

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
  put(writing, channel);
  if (more) more(writing);
  if (!writing.finish()) {
    return std::unexpected(
        "It holds until the next start: the disk refuses to keep it, so look at "
        "its room.");
  }
  channel.unsaved.clear();
  return {};
}

Analyst::Done Analyst::answer(ApplianceNumber number, std::optional<insight::ApplianceKind> kind,
                              const std::string& name, const Said& said) {
  const auto found = find(number);
  if (!found) return std::unexpected(found.error());
  auto& [channel, id] = *found;
  const auto before = channel->eye.identifier->memory();
  channel->eye.identifier->answer({id, kind, name});
  const auto word = kind ? insight::row(*kind).word : std::string_view();
  return keep(*channel, said, fmt::format("answer {}: {} \"{}\"", number, word, name), before);
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
  return keep(channel, said, fmt::format("merge {} into {}", from, into), before,
              [&](ApplianceBook::Writing& writing) { writing.hand_runs_over(from, into); });
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
  for (const auto& [id, run] : channel.unsaved) writing.put(run, model_name_);
  writing.end_open_runs(channel.booked.number, until_);
  ++channel.booked.epoch;
  channel.unsaved.clear();
  channel.eye = std::move(*eye);
  channel.running.clear();
  put(writing, channel);
  writing.undone(number);
  if (!writing.finish()) {
    return std::unexpected("The disk refuses to keep it: look at its room, and try again.");
  }
  around_.say(fmt::format("\"{}\" was taken back by {}.", last->text,
                          said.who.empty() ? "the owner" : said.who));
  return {};
}

}  // namespace hub
