#include "firmware/summaries.h"

#include <algorithm>

namespace firmware {

using measurement::max_channels;
using measurement::MilliwattHours;
using measurement::Quantity;
using measurement::Sample;
using measurement::SummaryEntry;
using measurement::Uptime;
using namespace std::chrono_literals;

namespace {

constexpr auto overdue_after = 1h;
constexpr double mains = 16;
// mWh. The first is what a summary's totals can tell apart.
constexpr double least_energy = 1000, least_overdue = 100'000;

}  // namespace

void Summaries::add(const Sample& sample) {
  now_ = sample.uptime;
  for (std::size_t c = 0; c < sample.channels(); ++c) {
    const auto imported = sample.get<Quantity::imported>(c);
    const auto exported = sample.get<Quantity::exported>(c);
    if (imported) directions_[c][0].total = imported->value;
    if (exported) directions_[c][1].total = exported->value;
    if (const auto power = sample.get<Quantity::active_power>(c)) {
      power_[c].sum += static_cast<double>(power->value);
      ++power_[c].count;
    }
  }
}

double Summaries::weight_of(std::size_t channel, const Direction& direction) const {
  const auto untold = static_cast<double>(*direction.total - direction.told);
  const auto age = now_ - direction.told_at;
  return std::max(untold, age < overdue_after ? least_energy : least_overdue) *
         static_cast<double>(age.count()) * ((options_.mains >> channel & 1) != 0 ? mains : 1);
}

// The heaviest first.
std::size_t Summaries::choose(std::span<Item> items) const {
  std::size_t count = 0;
  for (std::size_t c = 0; c < max_channels; ++c) {
    for (std::size_t d = 0; d < 2; ++d) {
      const auto& direction = directions_[c][d];
      if (!direction.total) continue;
      // Less than a Wh was exported: the entry of what was imported says so.
      if (d == 1 && directions_[c][0].total && *direction.total < 1000) continue;
      items[count++] = {weight_of(c, direction), static_cast<std::uint8_t>(c),
                        static_cast<std::uint8_t>(d)};
    }
  }
  std::ranges::sort(items.first(count), std::ranges::greater{}, &Item::weight);
  return count;
}

std::size_t Summaries::next(std::span<std::uint8_t> bytes) {
  if (now_ < 0ms || (told_at_ && now_ / 1s <= *told_at_ / 1s)) return 0;
  std::array<Item, measurement::max_summary_entries> items;
  const auto count = choose(items);
  std::uint64_t has_power = 0;  // Bit c: channel c's is in an entry already.
  for (std::size_t i = 0; i < count; ++i) {
    const auto c = std::size_t{items[i].channel};
    const auto& [imported, exported] = directions_[c];
    SummaryEntry entry{.channel = c};
    if (items[i].direction == 0) {
      entry.imported = MilliwattHours{*imported.total};
      if (exported.total && *exported.total < 1000) entry.exported = MilliwattHours{0};
    } else {
      entry.exported = MilliwattHours{*exported.total};
    }
    const auto& power = power_[c];
    if (power.count > 0 && (has_power >> c & 1) == 0) {
      entry.power = measurement::Watts{static_cast<float>(power.sum / power.count)};
      has_power |= std::uint64_t{1} << c;
    }
    made_.told[i] = entry;
  }
  made_.power = power_;
  made_.uptime = now_;
  made_.introduces = !introduced_at_ || now_ - *introduced_at_ >= options_.introduce_every;
  const auto encoded = measurement::encode({.boot = options_.boot,
                                            .uptime = now_,
                                            .introduces = made_.introduces,
                                            .booted_at = booted_at_},
                                           std::span(made_.told).first(count), bytes);
  made_.entries = encoded.entries;
  return encoded.size;
}

void Summaries::told() {
  told_at_ = made_.uptime;
  if (made_.introduces) introduced_at_ = made_.uptime;
  for (const auto& entry : std::span(made_.told).first(made_.entries)) {
    auto& directions = directions_[entry.channel];
    if (entry.imported) directions[0] = {directions[0].total, entry.imported->value, made_.uptime};
    if (entry.exported) {
      // Less than a Wh, where it was told beside what was imported.
      const auto told = entry.imported ? *directions[1].total : entry.exported->value;
      directions[1] = {directions[1].total, told, made_.uptime};
    }
    if (!entry.power) continue;
    power_[entry.channel].sum -= made_.power[entry.channel].sum;
    power_[entry.channel].count -= made_.power[entry.channel].count;
  }
}

}  // namespace firmware
