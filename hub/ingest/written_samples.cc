#include "hub/ingest/written_samples.h"

#include <algorithm>
#include <bit>
#include <cassert>

namespace hub {
namespace {

using measurement::Quantity;
using measurement::Sample;
using measurement::Timestamp;
using std::chrono::milliseconds;
using namespace std::chrono_literals;

constexpr std::array energies = {Quantity::imported, Quantity::exported};
constexpr std::int64_t deciwatt_ms_per_mwh = 36'000;  // 0.1 W x 1 ms = 0.1 mJ; 1 mWh = 3.6 J.
constexpr milliseconds default_period = 10s;
constexpr std::size_t most_open_boots = 64;  // Of a day; the rest is not written on with.
constexpr std::size_t most_ranges = 1'000'000;
constexpr std::size_t samples_a_report = 60;

// 24 bits that say "written" (a meter draws its 64 at random), 20 of the day since 1970, 20 of the
// count.
constexpr std::uint64_t mark = 0x6C6E7A;
constexpr std::uint64_t twenty_bits = (1U << 20) - 1;

std::uint64_t boot_name(Timestamp day, std::uint64_t count) {
  const auto days = static_cast<std::uint64_t>(day.time_since_epoch() / 24h);
  return mark << 40 | (days & twenty_bits) << 20 | (count & twenty_bits);
}
bool is_ours(std::uint64_t boot) { return boot >> 40 == mark; }

template <class Visit>
void for_each_bit(std::uint64_t bits, Visit visit) {
  for (; bits != 0; bits &= bits - 1) visit(static_cast<std::size_t>(std::countr_zero(bits)));
}

std::uint64_t bit(std::size_t channel) { return std::uint64_t{1} << channel; }

std::size_t second_of(Timestamp time, Timestamp hour) {
  return static_cast<std::size_t>((time - hour) / 1s);
}

// The channels of a sample that have something else than energy, those that have energy, and the
// chips that have something of their own.
struct Present {
  std::uint64_t measured = 0, counted = 0, sensed = 0;
};
Present present_in(const Sample& sample) {
  Present present;
  for (std::size_t q = 0; q < measurement::measured_quantities; ++q) {
    const auto& row = measurement::quantities[q];
    auto& bits = row.scope == measurement::Scope::chip  ? present.sensed
                 : row.kind == measurement::Kind::total ? present.counted
                                                        : present.measured;
    for (std::size_t i = 0; i < sample.count(row.id); ++i) {
      if (sample.steps(row.id, i)) bits |= bit(i);
    }
  }
  return present;
}

std::size_t place(Quantity quantity, std::size_t channel) {
  return measurement::row(quantity).scope == measurement::Scope::chip
             ? measurement::chip_of(channel)
             : channel;
}

}  // namespace

StepRange range_of(Quantity quantity) {
  switch (measurement::row(quantity).kind) {
    case measurement::Kind::total:
      return {0, 100'000'000'000};
    case measurement::Kind::derived:
      return {};
    case measurement::Kind::instant:
    case measurement::Kind::slow:
      break;
  }
  if (quantity == Quantity::voltage || quantity == Quantity::frequency) return {0, 100'000};
  return {-100'000'000, 100'000'000};
}

bool is_in_range(Quantity quantity, std::int64_t steps) { return range_of(quantity).holds(steps); }

void Instant::put(Quantity quantity, std::size_t channel, std::int64_t steps) {
  widen(measurement::chip_of(channel) + 1);
  const auto index = place(quantity, channel);
  const auto& row = measurement::row(quantity);
  sample_.put_steps(quantity, index, steps);
  if (row.scope == measurement::Scope::chip) {
    sensed_ |= bit(index);
  } else {
    (row.kind == measurement::Kind::total ? counted_ : measured_) |= bit(index);
  }
}

void Instant::add(const Instant& other) {
  widen(other.sample_.chips());
  for (std::size_t q = 0; q < measurement::measured_quantities; ++q) {
    const auto quantity = static_cast<Quantity>(q);
    for (std::size_t i = 0; i < other.sample_.count(quantity); ++i) {
      const auto steps = other.sample_.steps(quantity, i);
      if (steps && !sample_.steps(quantity, i)) sample_.put_steps(quantity, i, steps);
    }
  }
  measured_ |= other.measured_;
  counted_ |= other.counted_;
  sensed_ |= other.sensed_;
  rows += other.rows;
}

void Instant::widen(std::size_t chips) {
  if (chips <= sample_.chips()) return;
  Instant wider(time, chips);
  wider.measured_ = measured_;
  wider.counted_ = counted_;
  wider.sensed_ = sensed_;
  wider.rows = 0;
  std::swap(sample_, wider.sample_);
  add(wider);
}

void Instant::drop(std::uint64_t measured, std::uint64_t counted, std::uint64_t sensed) {
  for (std::size_t q = 0; q < measurement::measured_quantities; ++q) {
    const auto& row = measurement::quantities[q];
    const auto bits = row.scope == measurement::Scope::chip  ? sensed
                      : row.kind == measurement::Kind::total ? counted
                                                             : measured;
    for_each_bit(bits, [&](std::size_t i) { sample_.put_steps(row.id, i, std::nullopt); });
  }
  measured_ &= ~measured;
  counted_ &= ~counted;
  sensed_ &= ~sensed;
}

WrittenSamples::WrittenSamples(Store& store)
    : WrittenSamples(store, [&store](const measurement::ReportHeader& header,
                                     std::span<const Sample> samples) {
        const auto appended = store.append(header, samples);
        return appended ? std::expected<void, StoreError>() : std::unexpected(appended.error());
      }) {}

std::expected<WrittenSamples::Device*, StoreError> WrittenSamples::device_of(
    const std::string& name) {
  if (const auto found = devices_.find(name); found != devices_.end()) return &found->second;
  const auto last = store_.last(name);
  if (!last) return std::unexpected(last.error());
  Device device;
  if (*last) {
    device.newest = (*last)->time;
    device.unknown_from = std::chrono::floor<std::chrono::minutes>((*last)->time) + 1min;
  }
  return &(devices_[name] = std::move(device));
}

std::expected<WrittenSamples::Second*, StoreError> WrittenSamples::known_at(const std::string& name,
                                                                            Device& device,
                                                                            Timestamp time) {
  const Timestamp second = std::chrono::floor<std::chrono::seconds>(time);
  const Timestamp hour = std::chrono::floor<std::chrono::hours>(time);
  const bool is_looked_up = device.hour && device.hour->begin == hour;
  if (!is_looked_up && second != device.latest_begin) {
    if (second >= device.unknown_from && (!device.newest || second > *device.newest)) {
      device.latest_begin = second;
      device.latest = {};
    } else if (const auto done = look_up(name, device, hour); !done) {
      return std::unexpected(done.error());
    }
  }
  if (device.hour && device.hour->begin == hour)
    return &device.hour->seconds[second_of(time, hour)];
  return &device.latest;
}

std::expected<void, StoreError> WrittenSamples::look_up(const std::string& name, Device& device,
                                                        Timestamp hour) {
  device.hour.reset();
  const auto kept = store_.samples(name, {hour, hour + 1h});
  if (!kept) return std::unexpected(kept.error());
  device.hour = std::make_unique<Hour>();
  device.hour->begin = hour;
  for (const auto& one : *kept) {
    const auto present = present_in(one.sample);
    std::size_t first = second_of(one.time, hour), count = 1;
    if (!is_ours(one.boot)) {
      first -= first % 60;
      count = 60;
    }
    for (std::size_t s = first; s < first + count; ++s) {
      auto& known = device.hour->seconds[s];
      known.measured |= present.measured;
      known.counted |= present.counted;
      known.sensed |= present.sensed;
    }
  }
  return {};
}

std::expected<WrittenSamples::Boot*, StoreError> WrittenSamples::boot_at(const std::string& name,
                                                                         Device& device,
                                                                         Timestamp time) {
  const Timestamp begin = std::chrono::floor<std::chrono::days>(time);
  auto day = std::ranges::find(device.days, begin, &Day::begin);
  if (day == device.days.end()) {
    Day fresh{.begin = begin, .boots = {}};
    if (device.newest && *device.newest >= begin) {
      const auto ranges = store_.stored(name, most_ranges);
      if (!ranges) return std::unexpected(ranges.error());
      for (const auto& range : *ranges) {
        if (range.boot >> 20 != boot_name(begin, 0) >> 20) continue;
        fresh.next_count = std::max(fresh.next_count, (range.boot & twenty_bits) + 1);
      }
    }
    if (device.days.size() == 2) device.days.erase(device.days.begin());
    day = device.days.insert(device.days.end(), std::move(fresh));
  } else if (day + 1 != device.days.end()) {
    std::rotate(day, day + 1, device.days.end());
    day = device.days.end() - 1;
  }
  // The boot that ends last before this time; nothing may be put between two of its samples, since
  // the totals of the later one have been told.
  Boot* latest = nullptr;
  for (auto& boot : day->boots) {
    if (boot.newest < time && (!latest || boot.newest > latest->newest)) latest = &boot;
  }
  if (latest) return latest;
  if (day->boots.size() == most_open_boots) day->boots.erase(day->boots.begin());
  auto& boot = day->boots.emplace_back();
  boot.name = boot_name(begin, day->next_count++);
  return &boot;
}

milliseconds WrittenSamples::stands_for(Device& device, const Instant& instant) {
  const auto since = instant.time - device.newest.value_or(instant.time);
  if (since > 0ms && (!device.period || since < *device.period)) device.period = since;
  if (instant.stands_for) return *instant.stands_for;
  if (!device.newest || since < 0ms) return device.period.value_or(0ms);
  if (since == 0ms) return device.newest_stands_for;  // The rest of an instant that was cut.
  return std::min(since, *device.period * 5 / 2);
}

void WrittenSamples::count(Instant& instant, milliseconds stands_for, std::uint64_t counters,
                           Boot& boot) {
  auto& sample = instant.sample_;
  std::uint64_t integrated = 0;
  for_each_bit(instant.measured_ & ~instant.counted_ & ~counters, [&](std::size_t c) {
    const auto power = sample.steps(Quantity::active_power, c);
    if (!power) return;
    auto& remainder = boot.remainder[*power < 0][c];
    remainder += std::abs(*power) * stands_for.count();
    boot.total[*power < 0][c] += remainder / deciwatt_ms_per_mwh;
    remainder %= deciwatt_ms_per_mwh;
    integrated |= bit(c);
  });
  for_each_bit(instant.counted_, [&](std::size_t c) {
    for (std::size_t e = 0; e < energies.size(); ++e) {
      boot.total[e][c] += sample.steps(energies[e], c).value_or(0);
    }
  });
  boot.origin.integrated |= integrated;
  instant.counted_ |= integrated;
  for_each_bit(instant.counted_, [&](std::size_t c) {
    for (std::size_t e = 0; e < energies.size(); ++e) {
      sample.put_steps(energies[e], c, boot.total[e][c]);
    }
  });
}

std::expected<WrittenSamples::Taken, StoreError> WrittenSamples::take(const Writer& writer,
                                                                      std::span<Instant> instants) {
  const auto& name = writer.device;
  const auto found = device_of(name);
  if (!found) return std::unexpected(found.error());
  Device& device = **found;
  Taken taken;
  std::uint64_t open = 0;  // Name of the boot of `samples_`.
  measurement::ReportHeader header{.device = name, .chips = writer.chips};
  samples_.clear();
  const auto send = [&]() -> std::expected<void, StoreError> {
    if (samples_.empty()) return {};
    header.period = writer.period.value_or(device.period.value_or(default_period));
    auto sent = append_(header, samples_);
    samples_.clear();
    return sent;
  };
  for (auto& instant : instants) {
    const auto known = known_at(name, device, instant.time);
    if (!known) return std::unexpected(known.error());
    auto& [measured, counted, sensed] = **known;
    instant.drop(instant.measured_ & measured, instant.counted_ & counted,
                 instant.sensed_ & sensed);
    if (instant.measured_ == 0 && instant.counted_ == 0 && instant.sensed_ == 0) {
      taken.known += instant.rows;
      continue;
    }
    const auto boot = boot_at(name, device, instant.time);
    if (!boot) return std::unexpected(boot.error());
    if ((*boot)->name != open || samples_.size() == samples_a_report) {
      if (const auto sent = send(); !sent) return std::unexpected(sent.error());
      open = (*boot)->name;
      header.boot = open;
      header.booted_at = std::chrono::floor<std::chrono::days>(instant.time);
    }
    const auto time_it_stands_for = stands_for(device, instant);
    instant.widen(writer.chips);
    count(instant, time_it_stands_for, writer.counters, **boot);
    header.origin = (*boot)->origin;
    auto& sample = samples_.emplace_back(instant.sample_);
    sample.number = (*boot)->next_number++;
    sample.uptime = instant.time - *header.booted_at;
    (*boot)->newest = instant.time;
    measured |= instant.measured_;
    counted |= instant.counted_;
    sensed |= instant.sensed_;
    if (!device.newest || instant.time >= *device.newest) {
      device.newest = instant.time;
      device.newest_stands_for = time_it_stands_for;
    }
    taken.added += instant.rows;
  }
  if (const auto sent = send(); !sent) return std::unexpected(sent.error());
  return taken;
}

}  // namespace hub
