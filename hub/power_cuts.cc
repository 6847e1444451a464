#include "hub/power_cuts.h"

#include <algorithm>
#include <chrono>
#include <cmath>
#include <limits>
#include <utility>

namespace hub {

using measurement::Quantity;
using measurement::Timestamp;
using namespace std::chrono_literals;

namespace {

constexpr auto least_silence = 30s;  // A meter that is updated is back sooner.
constexpr auto waits_for_others = 5min;
constexpr auto forgotten_after = 24h;  // Of silence, before the others are back.
constexpr double supplied_share = 1.0 / 3;

constexpr auto just_ran = 1min;         // Before the cut.
constexpr auto comes_on_again = 15min;  // After it.
// Comes and goes all day.
constexpr std::size_t least_runs = 6;
constexpr auto longest_rest = 4h;

constexpr float least_standby_w = 3, dark_share = 1.0f / 3;
constexpr auto settles_within = 5min;

constexpr std::chrono::days habit_of{3};  // Before the cut.
constexpr auto looks_every = 1min;

// Absent: no chip said anything.
std::optional<bool> has_voltage(const measurement::Sample& sample, double nominal_v) {
  std::optional<bool> found;
  for (std::size_t chip = 0; chip < sample.chips(); ++chip) {
    const auto voltage = sample.get<Quantity::voltage>(chip);
    if (voltage) found = found.value_or(false) || voltage->value >= supplied_share * nominal_v;
  }
  return found;
}

}  // namespace

std::optional<Outage> PowerCutWatch::take(const std::string& device, std::uint64_t boot,
                                          Timestamp time, const measurement::Sample& sample) {
  const auto [found, is_new] = meters_.try_emplace(device);
  auto& meter = found->second;
  const bool is_supplied = has_voltage(sample, nominal_voltage_v_).value_or(true);
  const bool began_anew = !is_new && boot != meter.boot && time - meter.heard >= least_silence;
  const bool was_supplied = meter.supplied == meter.heard;
  if (is_supplied && (began_anew || (!is_new && !was_supplied))) {
    meter.away = Outage{meter.supplied, time};
    if (!back_) back_ = time;
  }
  meter.boot = boot;
  meter.heard = time;
  if (is_supplied || is_new) meter.supplied = time;
  return judge(time);
}

std::optional<Outage> PowerCutWatch::judge(Timestamp now) {
  if (!back_) return std::nullopt;
  const bool is_late = now - *back_ >= waits_for_others;
  Outage cut{Timestamp::min(), Timestamp::max()};
  for (const auto& [device, meter] : meters_) {
    if (meter.away) {
      cut.begin = std::max(cut.begin, meter.away->begin);
      cut.end = std::min(cut.end, meter.away->end);
    } else if (meter.heard >= *back_) {
      cut.end = cut.begin;  // It was there all the time.
      break;
    } else if (*back_ - meter.heard < forgotten_after) {
      if (!is_late) return std::nullopt;
      cut.begin = std::max(cut.begin, meter.heard);
    }
  }
  back_.reset();
  for (auto& [device, meter] : meters_) meter.away.reset();
  return cut.begin < cut.end ? std::optional(cut) : std::nullopt;
}

std::vector<NotBack> not_back(const Outage& cut, std::span<const BookedRun> runs) {
  struct Habit {
    std::size_t before = 0;
    Timestamp ended{};
    std::chrono::milliseconds longest_pause{};
    bool ran = false, is_back = false;
  };
  std::vector<const BookedRun*> in_order;
  for (const auto& run : runs) in_order.push_back(&run);
  std::ranges::stable_sort(in_order, {}, [](const BookedRun* run) { return run->run.begin; });
  std::map<ApplianceNumber, Habit> habits;
  for (const auto* booked : in_order) {
    const auto& run = booked->run;
    auto& habit = habits[booked->appliance];
    if (run.end > cut.end) {
      habit.is_back = true;
    } else if (run.begin < cut.begin) {
      if (habit.before > 0 && run.begin > habit.ended) {
        habit.longest_pause = std::max(habit.longest_pause, run.begin - habit.ended);
      }
      ++habit.before;
      habit.ended = std::max(habit.ended, std::min(run.end, cut.begin));
      habit.ran = habit.ran || run.end >= cut.begin - just_ran;
    }
  }

  std::vector<NotBack> missing;
  for (const auto& [appliance, habit] : habits) {
    if (habit.is_back || habit.before == 0) continue;
    const bool comes_and_goes = habit.before >= least_runs && habit.longest_pause <= longest_rest &&
                                cut.begin - habit.ended <= longest_rest;
    if (comes_and_goes) {
      missing.push_back({appliance, cut.end + 2 * habit.longest_pause});
    } else if (habit.ran) {
      missing.push_back({appliance, cut.end + comes_on_again});
    }
  }
  std::ranges::stable_sort(missing, {}, &NotBack::due);
  return missing;
}

std::expected<std::vector<std::string>, StoreError> dark_circuits(Store& store, const Panel& panel,
                                                                  const Outage& cut,
                                                                  Timestamp now) {
  std::vector<std::string> dark;
  const auto from = std::chrono::ceil<std::chrono::minutes>(cut.end);
  if (now < from + settles_within) return dark;
  const auto until = std::chrono::floor<std::chrono::minutes>(cut.begin);
  for (const auto& circuit : panel.circuits) {
    const bool may_be_dark = circuit.kind == CircuitKind::load || circuit.kind == CircuitKind::ev ||
                             circuit.kind == CircuitKind::subpanel;
    if (!may_be_dark || circuit.channels.empty()) continue;
    const auto before = store.read(power_of(circuit), {until - 24h, until}, 10min);
    if (!before) return std::unexpected(before.error());
    const auto after = store.read(power_of(circuit), {from, now}, 1min);
    if (!after) return std::unexpected(after.error());
    float standby_w = std::numeric_limits<float>::infinity();
    for (const float watts : before->min) standby_w = std::fmin(standby_w, watts);
    float most_w = -std::numeric_limits<float>::infinity();
    for (const float watts : after->max) most_w = std::fmax(most_w, watts);
    const bool is_known = std::isfinite(standby_w) && std::isfinite(most_w);
    if (is_known && standby_w >= least_standby_w && most_w < dark_share * standby_w) {
      dark.push_back(circuit.id);
    }
  }
  return dark;
}

PowerCuts::PowerCuts(Store& store, LiveFeed& live, const Home& home)
    : store_(store), home_(home), watch_(home.nominal_voltage_v) {
  // Those that were heard before the hub began, which a cut may have stopped too.
  for (const auto& panel : home.panels) {
    for (const auto& circuit : panel.circuits) {
      for (const auto& use : circuit.channels) {
        const auto last = meters_.contains(use.device) ? std::nullopt : last_of(use.device);
        if (last) hear({use.device, last->time, last->sample});
      }
    }
  }
  subscription_ = live.subscribe([this](const LiveFeed::Moment& moment) { hear(moment); });
}

std::optional<Store::Last> PowerCuts::last_of(const std::string& device) {
  auto last = store_.last(device);
  return last ? std::move(*last) : std::nullopt;
}

void PowerCuts::hear(const LiveFeed::Moment& moment) {
  const std::string device(moment.device);
  const auto [found, is_new] = meters_.try_emplace(device);
  auto& [heard, boot] = found->second;
  if (is_new || moment.time - heard >= least_silence) {
    const auto stored = store_.stored(device, 1);
    const auto newest = stored && !stored->empty() ? stored->front().boot : boot;
    // A report may tell of more than its newest sample.
    if (!is_new && newest != boot) {
      const auto since = store_.samples(device, {heard, moment.time});
      if (since) {
        // An edge has some channels only.
        const auto first = std::ranges::find_if(*since, [&](const Store::Kept& one) {
          return one.boot == newest && one.stream != measurement::Stream::edges;
        });
        if (first != since->end()) take(device, newest, first->time, first->sample);
      }
    }
    boot = newest;
  }
  heard = moment.time;
  take(device, boot, moment.time, moment.sample);
}

void PowerCuts::take(const std::string& device, std::uint64_t boot, Timestamp time,
                     const measurement::Sample& sample) {
  const auto cut = watch_.take(device, boot, time, sample);
  if (!cut) return;
  cut_ = cut;
  report_.reset();
}

// A meter tells the present first, and only then what it kept while its link was down: of what was
// taken for its silence, the last piece is left.
void PowerCuts::hear_what_came_late() {
  const auto heard = *cut_;
  for (const auto& [device, meter] : meters_) {
    const auto gaps = store_.gaps(device, {heard.begin, heard.end});
    const auto just_before = store_.samples(device, {heard.end - least_silence, heard.end});
    if (!gaps || !just_before) continue;
    std::optional<TimeRange> silence;
    for (const auto& [channel, range] : *gaps) {
      if (!channel && range.end - range.begin >= least_silence) silence = range;
    }
    if (silence) {
      // A gap begins a period after the last sample.
      if (silence->begin - heard.begin > least_silence) {
        cut_->begin = std::max(cut_->begin, silence->begin);
      }
      cut_->end = std::min(cut_->end, silence->end);
    } else if (std::ranges::any_of(*just_before, [&](const Store::Kept& one) {
                 return has_voltage(one.sample, home_.nominal_voltage_v).value_or(true);
               })) {
      cut_->end = cut_->begin;  // It was there all the time.
    }
  }
}

std::optional<PowerCuts::Report> PowerCuts::latest(Timestamp now, const Runs& runs) {
  if (!cut_ || now - cut_->end > of_interest) return std::nullopt;
  if (report_ && now - reported_at_ < looks_every && now >= reported_at_) return report_;
  reported_at_ = now;
  hear_what_came_late();
  if (cut_->end - cut_->begin < least_silence) {
    cut_.reset();
    return std::nullopt;
  }
  report_ = Report{.cut = *cut_};
  for (const auto& [appliance, due] : not_back(*cut_, runs({cut_->begin - habit_of, now + 1ms}))) {
    (due <= now ? report_->not_back : report_->waited_for).push_back(appliance);
  }
  if (auto dark = dark_circuits(store_, panel_at(home_, now), *cut_, now)) {
    report_->dark = std::move(*dark);
  }
  return report_;
}

}  // namespace hub
