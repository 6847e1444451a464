#include <algorithm>
#include <set>
#include <tuple>
#include <utility>

#include "hub/analyst_channel.h"

namespace hub {

using insight::ApplianceId;
using measurement::Timestamp;
using namespace std::chrono_literals;

namespace {

constexpr auto changes_every = 5s;
constexpr std::size_t changes_at_once = 2'000;
constexpr auto quiet = 10s;       // After late samples, before they are studied.
constexpr auto study_every = 1h;  // Unless much came late:
constexpr std::size_t much = 60;  // Minutes.
constexpr std::chrono::days forgotten_for_late_samples{1};

std::chrono::milliseconds overlap(const insight::Run& a, const insight::Run& b) {
  return std::max(0ms, std::min(a.end, b.end) - std::max(a.begin, b.begin));
}

}  // namespace

// True: nothing is left for now.
std::expected<bool, StoreError> Analyst::look_for_late_samples(Timestamp now) {
  if (now < changes_at_ + changes_every && knows_changes_) return true;
  const auto changes = store_.changes(revision_, changes_at_once);
  if (!changes) return std::unexpected(changes.error());
  for (const auto& change : *changes) {
    revision_ = change.revision;
    auto& newest = newest_minute_[change.device];
    // A minute is told when it is over, and once more with its last samples. The past may be told
    // before the first minute of the present is over.
    const auto present = std::max(newest, until_);
    if (knows_changes_ && change.minute < present - 2min && devices_.contains(change.device)) {
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
  std::map<ApplianceNumber, std::chrono::milliseconds> most;
  for (const auto& [pair, both] : common) most[pair.second] = std::max(most[pair.second], both);
  // What people spoke of is not lost to a number that ran longer and of which nobody did.
  using Candidate = std::tuple<bool, std::chrono::milliseconds, ApplianceId, ApplianceNumber>;
  std::vector<Candidate> candidates;
  for (const auto& [pair, both] : common) {
    const auto& [id, number] = pair;
    const bool is_first =
        both == most[number] && is_told_itself(channel, appliances_.at(number).known);
    candidates.emplace_back(is_first, both, id, number);
  }
  std::ranges::sort(candidates, std::greater{});
  std::map<ApplianceId, ApplianceNumber> numbers;
  std::set<ApplianceNumber> given;
  for (const auto& [is_first, both, id, number] : candidates) {
    if (numbers.contains(id) || given.contains(number)) continue;
    numbers[id] = number;
    given.insert(number);
  }

  auto eye = std::move(study_->eyes[index]);
  for (const auto& [id, number] : numbers) {
    const auto& known = appliances_.at(number).known;
    if (!is_told_itself(channel, known)) continue;
    const bool is_confirmed = known.certainty <= insight::Certainty::confirmed;
    eye->identifier->answer({id, is_confirmed ? known.kind : std::nullopt, known.name});
  }
  for (const auto& run : eye->identifier->take_runs()) runs[run.id] = run;

  ApplianceBook::Writing writing(book_);
  writing.forget_runs(channel.booked.number, {study_->begin, Timestamp::max()});
  writing.end_open_runs(channel.booked.number, until_);
  for (auto& [number, appliance] : appliances_) {
    if (appliance.channel != channel.booked.number || given.contains(number)) continue;
    if (appliance.known.id == insight::unexplained) continue;
    appliance.known.id = insight::unexplained;
    writing.put(appliance);
  }
  ++channel.booked.epoch;
  channel.numbers = std::move(numbers);
  channel.saved();
  channel.open.clear();
  channel.cut_off.clear();
  channel.before.clear();
  channel.eye = std::move(*eye);
  // Not where the window began: what comes late into a window without samples is studied, too.
  channel.booked.since = channel.eye.first == Timestamp{} ? until_ : channel.eye.first;
  for (auto& [id, number] : channel.numbers) appliances_.at(number).known.id = id;
  for (const auto& [id, run] : runs) {
    const BookedRun found{channel.booked.number, channel.booked.epoch,
                          number_of(channel, run.appliance), run};
    writing.put(found, model_name_);
    if (run.end == Timestamp::max()) channel.open[id] = found;
  }
  channel.courses.clear();
  channel.run_lengths_s.clear();
  for (const auto& [id, run] : runs) {
    if (run.end == Timestamp::max()) continue;
    channel.run_lengths_s[run.appliance].push_back(seconds_of(run));
  }
  channel.running.clear();
  put(writing, channel);
  channel.add_up();
  for (const auto& [id, found] : channel.open) {
    const auto on = channel.running.find(found.run.appliance);
    if (on == channel.running.end()) continue;
    on->second.since = found.run.begin;
    on->second.mwh = static_cast<double>(found.run.energy.value);
  }
  const auto done = writing.finish();
  if (done) channel.saved();
  return done;
}

}  // namespace hub
