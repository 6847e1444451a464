#include "hub/ingest/summary_meter.h"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

#include "hub/store/given_numbers.h"

namespace hub {

using measurement::Quantity;
using measurement::Sample;
using measurement::Stream;
using measurement::SummaryEntry;
using measurement::Timestamp;
using measurement::Uptime;
using namespace std::chrono_literals;

namespace {

constexpr std::size_t most_boots = 4;
constexpr std::size_t most_ranges = 1000;  // Of a device, in which a boot's numbers are looked for.

}  // namespace

SummaryMeter::SummaryMeter(SummarySource source, Hub& hub, Store& store)
    : source_(std::move(source)), hub_(hub), store_(store) {
  hub_.admit(source_.device);
}

std::string SummaryMeter::trouble(const char* why) const {
  return fmt::format("A summary of {} was refused: {}", source_.device, why);
}

std::optional<std::string> SummaryMeter::hear(std::span<const std::uint8_t> bytes,
                                              Timestamp heard_at, Timestamp now) {
  std::vector<SummaryEntry> entries(measurement::max_summary_entries);
  const auto head = measurement::decode_summary(bytes, entries);
  if (!head) return trouble(measurement::sentence(head.error()));
  entries.resize(head->entries);
  const bool fits = std::ranges::all_of(
      entries, [&](const SummaryEntry& entry) { return entry.channel < source_.channels; });
  if (!fits) {
    return trouble(
        "it tells of more channels than partners.toml gives this meter; add them there.");
  }
  Summary summary{*head, std::move(entries), heard_at};
  if (summary.head.introduction) {
    if (const auto done = introduce(summary); !done) return trouble(sentence(done.error()));
  }
  waiting_.push_back(std::move(summary));
  if (waiting_.size() > most_waiting) waiting_.pop_front();

  // Those of a boot that has been introduced, in the order in which they were heard.
  std::optional<std::string> wrong;
  for (auto it = waiting_.begin(); it != waiting_.end();) {
    const auto* boot = boot_of(*it);
    if (!boot) {
      ++it;
      continue;
    }
    if (!it->entries.empty()) {
      if (auto why = keep(*it, *boot, now)) wrong = std::move(why);
    }
    it = waiting_.erase(it);
  }
  if (const auto done = hub_.commit(); !done) return trouble(sentence(done.error()));
  return wrong;
}

const SummaryMeter::Boot* SummaryMeter::boot_of(const Summary& summary) const {
  const auto found = std::ranges::find_if(boots_.rbegin(), boots_.rend(), [&](const Boot& boot) {
    return static_cast<std::uint16_t>(boot.name) == summary.head.short_boot;
  });
  return found == boots_.rend() ? nullptr : &*found;
}

std::expected<void, StoreError> SummaryMeter::introduce(const Summary& summary) {
  const auto name = summary.head.introduction->boot;
  if (std::ranges::count(boots_, name, &Boot::name) > 0) return {};
  Boot boot{.name = name};
  if (const auto done = look_up(boot, summary); !done) return done;
  if (boots_.size() == most_boots) boots_.erase(boots_.begin());
  boots_.push_back(boot);
  return {};
}

// The boot's clock: that which the store has of it, else a new one.
std::expected<void, StoreError> SummaryMeter::look_up(Boot& boot, const Summary& summary) {
  const auto& introduction = *summary.head.introduction;
  auto uptime = measurement::uptime_near_minutes(introduction.minutes, {});
  if (!summary.entries.empty()) {
    uptime = measurement::uptime_near(summary.head.seconds, uptime);
  }
  boot.timed_on_arrival = !introduction.booted_at;
  boot.booted_at = introduction.booted_at.value_or(summary.heard_at - uptime);
  const auto last = store_.last(source_.device);
  if (!last) return std::unexpected(last.error());
  if (!*last) return {};
  const auto newest = store_.samples(source_.device, {(*last)->time, (*last)->time + 1ms});
  if (!newest) return std::unexpected(newest.error());
  for (const auto& kept : *newest) {
    if (kept.boot != boot.name) continue;
    boot.booted_at = kept.time - kept.sample.uptime;
    boot.timed_on_arrival = boot.timed_on_arrival && kept.stream == Stream::coarse;
  }
  return {};
}

// Asked of the store each time, since another radio's summaries of the boot are numbered with
// these.
std::expected<std::uint64_t, StoreError> SummaryMeter::next_number(const Boot& boot) {
  const auto ranges = store_.stored(source_.device, most_ranges);
  if (!ranges) return std::unexpected(ranges.error());
  auto next = first_given_number;
  for (const auto& range : *ranges) {
    if (range.boot == boot.name && range.stream == Stream::coarse) next = std::max(next, range.end);
  }
  return next;
}

// Repeated by a radio or a broker, or told by another radio in the same second.
std::expected<bool, StoreError> SummaryMeter::is_known(const Boot& boot, const Sample& sample) {
  const auto time = boot.booted_at + sample.uptime;
  const auto kept = store_.samples(source_.device, {time, time + 1ms});
  if (!kept) return std::unexpected(kept.error());
  return std::ranges::any_of(*kept, [&](const Store::Kept& one) {
    if (one.boot != boot.name || one.stream != Stream::coarse) return false;
    bool has_all = true;
    sample.each([&](Quantity quantity, std::size_t index, std::int64_t steps) {
      has_all = has_all && index < one.sample.count(quantity) &&
                one.sample.measured_steps(quantity, index) == steps;
    });
    return has_all;
  });
}

std::optional<std::string> SummaryMeter::keep(const Summary& summary, const Boot& boot,
                                              Timestamp now) {
  const auto expected = std::max<Uptime>(summary.heard_at - boot.booted_at, 0ms);
  Sample sample(source_.channels / measurement::channels_per_chip);
  sample.uptime = measurement::uptime_near(summary.head.seconds, expected);
  for (const auto& entry : summary.entries) {
    if (entry.imported) sample.put<Quantity::imported>(entry.channel, *entry.imported);
    if (entry.exported) sample.put<Quantity::exported>(entry.channel, *entry.exported);
    if (entry.power) sample.put<Quantity::active_power>(entry.channel, *entry.power);
  }
  const auto known = is_known(boot, sample);
  if (!known) return trouble(sentence(known.error()));
  if (*known) return std::nullopt;
  const auto number = next_number(boot);
  if (!number) return trouble(sentence(number.error()));
  sample.number = *number;
  const auto accepted =
      hub_.accept({{.device = source_.device,
                    .boot = boot.name,
                    .stream = Stream::coarse,
                    .period = source_.period,
                    .chips = sample.chips(),
                    .booted_at = boot.booted_at,
                    .origin = {.timed_on_arrival = boot.timed_on_arrival, .integrated = 0}},
                   {&sample, 1}},
                  now);
  if (!accepted) return trouble(sentence(accepted.error()));
  return std::nullopt;
}

}  // namespace hub
