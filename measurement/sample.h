// One instant of a meter, every channel: what the Sampler reads, the Outbox
// keeps, a Report carries and the Store holds.

#pragma once

#include <array>
#include <cassert>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <optional>

#include "measurement/quantities.h"
#include "measurement/units.h"

namespace measurement {

inline constexpr std::size_t max_chips = 14;  // Seven six-channel boards.
inline constexpr std::size_t channels_per_chip = 3;
inline constexpr std::size_t max_channels = max_chips * channels_per_chip;

// Channel c hangs on chip c / channels_per_chip.
constexpr std::size_t chip_of(std::size_t channel) { return channel / channels_per_chip; }

// Values are kept as whole steps of their quantity's resolution, so that what
// was sampled, sent and stored is the same number. A value that was not
// measured, or failed a check, is absent.
class Sample {
 public:
  std::uint64_t number = 0;  // Within (boot, stream), from 0, without holes at the meter.
  Uptime uptime{};

  explicit Sample(std::size_t chips = 0) { clear(chips); }

  // Makes everything absent.
  void clear(std::size_t chips) {
    chips_ = static_cast<std::uint8_t>(chips);
    per_chip_.fill({absent_32, absent_32, absent_32});
    per_channel_.fill({absent_32, absent_32, absent_32, absent_32, absent_32, absent_32});
    totals_.fill({absent, absent});
  }

  std::size_t chips() const { return chips_; }
  std::size_t channels() const { return chips_ * channels_per_chip; }

  // How many values this sample can have of a quantity.
  std::size_t count(Quantity q) const { return place_of(q) == Place::chip ? chips() : channels(); }

  // `index` is a chip for quantities of Scope::chip, else a channel.
  template <Quantity q>
  std::optional<typename UnitOf<q>::type> get(std::size_t index) const;
  template <Quantity q>
  void put(std::size_t index, typename UnitOf<q>::type value);

  // What is measured, in whole steps of the table's resolution, or `absent`.
  static constexpr std::int64_t absent = std::numeric_limits<std::int64_t>::min();
  std::int64_t measured_steps(Quantity q, std::size_t index) const {
    const auto place = static_cast<std::size_t>(q);
    if (q >= Quantity::imported) {
      return totals_[index][place - static_cast<std::size_t>(Quantity::imported)];
    }
    const auto steps =
        q < Quantity::current
            ? per_chip_[index][place]
            : per_channel_[index][place - static_cast<std::size_t>(Quantity::current)];
    return steps == absent_32 ? absent : steps;
  }

  // The same; derived quantities too.
  std::optional<std::int64_t> steps(Quantity q, std::size_t index) const;
  void put_steps(Quantity q, std::size_t index, std::optional<std::int64_t> steps);

  // Calls see(quantity, index, steps) for each value that was measured: all chips' first.
  template <class See>
  void each(const See& see) const;

  friend bool operator==(const Sample&, const Sample&) = default;

 private:
  // Where a quantity's values are, told from its number alone: this is asked for each value.
  enum class Place : std::uint8_t { chip, channel, total, nowhere };
  static constexpr Place place_of(Quantity q) {
    if (q <= Quantity::chip_temperature) return Place::chip;
    if (q <= Quantity::peak_current) return Place::channel;
    return q <= Quantity::exported ? Place::total : Place::nowhere;
  }
  static constexpr std::size_t index_of(Quantity q, Quantity first) {
    return static_cast<std::size_t>(q) - static_cast<std::size_t>(first);
  }
  static constexpr bool places_are_those_of_the_table();
  std::optional<std::int64_t> derived_steps(Quantity q, std::size_t channel) const;

  static constexpr std::int32_t absent_32 = std::numeric_limits<std::int32_t>::min();

  std::uint8_t chips_ = 0;
  std::array<std::array<std::int32_t, 3>, max_chips> per_chip_;
  std::array<std::array<std::int32_t, 6>, max_channels> per_channel_;
  std::array<std::array<std::int64_t, 2>, max_channels> totals_;
};

template <class See>
void Sample::each(const See& see) const {
  const auto each_of = [&](const auto& rows, std::size_t count, Quantity first, auto nothing) {
    for (std::size_t index = 0; index < count; ++index) {
      for (std::size_t q = 0; q < rows[index].size(); ++q) {
        if (rows[index][q] == nothing) continue;
        see(static_cast<Quantity>(static_cast<std::size_t>(first) + q), index, rows[index][q]);
      }
    }
  };
  each_of(per_chip_, chips(), Quantity::voltage, absent_32);
  each_of(per_channel_, channels(), Quantity::current, absent_32);
  each_of(totals_, channels(), Quantity::imported, absent);
}

// V of the channel's chip times I.
std::optional<VoltAmperes> apparent_power(const Sample&, std::size_t channel);

// P / S; absent below 1 VA, where it would be the quotient of two noises.
std::optional<PowerFactor> power_factor(const Sample&, std::size_t channel);

constexpr bool Sample::places_are_those_of_the_table() {
  for (const auto& row : quantities) {
    const auto place = row.kind == Kind::derived  ? Place::nowhere
                       : row.kind == Kind::total  ? Place::total
                       : row.scope == Scope::chip ? Place::chip
                                                  : Place::channel;
    if (place_of(row.id) != place) return false;
  }
  return true;
}

inline std::optional<std::int64_t> Sample::steps(Quantity q, std::size_t index) const {
  static_assert(places_are_those_of_the_table(), "BUG: a quantity is looked for in another place");
  assert(index < count(q) && "BUG: no such chip or channel");
  if (place_of(q) == Place::nowhere) return derived_steps(q, index);
  const auto steps = measured_steps(q, index);
  return steps == absent ? std::nullopt : std::optional(steps);
}

inline void Sample::put_steps(Quantity q, std::size_t index, std::optional<std::int64_t> steps) {
  assert(index < count(q) && "BUG: no such chip or channel");
  assert(place_of(q) != Place::nowhere && "BUG: a derived quantity is not kept");
  if (place_of(q) == Place::total) {
    totals_[index][index_of(q, Quantity::imported)] = steps.value_or(absent);
    return;
  }
  auto& cell = place_of(q) == Place::chip ? per_chip_[index][index_of(q, Quantity::voltage)]
                                          : per_channel_[index][index_of(q, Quantity::current)];
  cell = steps ? static_cast<std::int32_t>(*steps) : absent_32;
}

template <Quantity q>
std::optional<typename UnitOf<q>::type> Sample::get(std::size_t index) const {
  const auto found = steps(q, index);
  if (!found) return std::nullopt;
  if constexpr (row(q).kind == Kind::total) {
    return typename UnitOf<q>::type{*found};  // One step is one milliwatt-hour.
  } else {
    return typename UnitOf<q>::type{
        static_cast<float>(static_cast<double>(*found) * row(q).resolution)};
  }
}

template <Quantity q>
void Sample::put(std::size_t index, typename UnitOf<q>::type value) {
  if constexpr (row(q).kind == Kind::total) {
    put_steps(q, index, value.value);
  } else {
    put_steps(q, index, std::lround(static_cast<double>(value.value) / row(q).resolution));
  }
}

}  // namespace measurement
