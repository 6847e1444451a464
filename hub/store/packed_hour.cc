#include "hub/store/packed_hour.h"

#include <algorithm>
#include <array>
#include <cassert>
#include <cmath>
#include <limits>
#include <optional>

#include "hub/store/packed_column.h"
#include "hub/store/prediction.h"
#include "hub/store/rows.h"

namespace hub {

using measurement::Kind;
using measurement::Quantity;
using measurement::Sample;

namespace {

// How a series is predicted from others of the same sample. The numbers are on the disk.
enum class Method : std::uint8_t {
  plain = 0,       // Not at all.
  twin = 1,        // The same quantity of an earlier chip.
  proportion = 2,  // A factor times another quantity of the channel.
  ohm = 3,         // A factor times sqrt(P^2 + Q^2) / V.
  integral = 4,    // For totals: the active power, summed up over time.
};

using Values = std::vector<std::int32_t>;

// Expected values, one a sample; sources are as long, or empty where nothing was measured.
Values proportional(std::int64_t factor, const Values& source, std::size_t count) {
  Values expected(count);
  for (std::size_t i = 0; i < source.size(); ++i) {
    expected[i] =
        static_cast<std::int32_t>((factor * source[i] + (1 << (factor_bits - 1))) >> factor_bits);
  }
  return expected;
}

// In mA from 0.1 W, 0.1 var and 0.1 V. Every operation is one that IEEE 754 rounds correctly, in
// this order, so that all machines expect the same.
void find_currents(const Values& power, const Values& reactive, const Values& voltage,
                   std::span<double> currents) {
  constexpr double milli = 1000;
  for (std::size_t i = 0; i < currents.size(); ++i) {
    const double p = power[i], q = reactive[i], v = voltage[i];
    currents[i] = std::sqrt(p * p + q * q) * milli / (v > 1 ? v : 1);
  }
}

Values by_ohm(std::int64_t factor, std::span<const double> currents) {
  constexpr double least = std::numeric_limits<std::int32_t>::min();
  constexpr double most = std::numeric_limits<std::int32_t>::max();
  const double scale = static_cast<double>(factor) / factor_one;
  Values expected(currents.size());
  for (std::size_t i = 0; i < currents.size(); ++i) {
    const double rounded = currents[i] * scale + 0.5;
    expected[i] = static_cast<std::int32_t>(std::min(std::max(rounded, least), most));
  }
  return expected;
}

// The energy of `power` (0.1 W), of the given sign only, since the first sample, in mWh.
std::vector<std::int64_t> integrated(const Values& power, std::span<const std::int64_t> uptimes,
                                     int sign) {
  constexpr std::uint64_t steps_in_mwh = 36'000;  // 0.1 W x 1 ms.
  constexpr std::int64_t longest = 60'000;        // Nobody knows what went on in a longer gap.
  std::vector<std::int64_t> expected(uptimes.size());
  std::uint64_t sum = 0;
  for (std::size_t i = 1; i < power.size(); ++i) {
    const auto passed =
        std::clamp<std::int64_t>(wrapping_difference(uptimes[i], uptimes[i - 1]), 0, longest);
    const auto drawn = std::max<std::int64_t>(sign * std::int64_t{power[i]}, 0);
    sum += static_cast<std::uint64_t>(drawn * passed);
    expected[i] = static_cast<std::int64_t>(sum / steps_in_mwh);
  }
  return expected;
}

// ---- Numbers near a line -----------------------------------------------------------------------

// What the line leaves of them, in 32 bits where that is enough.
void put_wide(Bytes& bytes, std::span<const std::int64_t> values, std::int64_t slope) {
  put_signed(bytes, values.front());
  put_signed(bytes, slope);
  std::vector<std::int64_t> rests;
  rests.reserve(values.size());
  std::int64_t line = values.front();
  for (const auto value : values) {
    rests.push_back(wrapping_difference(value, line));
    line = wrapping_sum(line, slope);
  }
  const bool wide = are_wide(rests);
  put_number(bytes, wide ? 1 : 0);
  pack(bytes, rests, wide);
}

bool take_wide(ColumnReader& reader, std::span<std::int64_t> values) {
  std::int64_t line = reader.signed_number();
  const std::int64_t slope = reader.signed_number();
  const auto wide = reader.number();
  if (!reader.is_good() || wide > 1 || !unpack(reader, values, wide == 1)) return false;
  for (auto& value : values) {
    value = wrapping_sum(line, value);
    line = wrapping_sum(line, slope);
  }
  return true;
}

// ---- Presence ----------------------------------------------------------------------------------

// Runs of samples that have the series, each after a run of those that have not.
enum Presence : std::uint64_t { everywhere = 0, in_runs = 1 };

void put_presence(Bytes& bytes, std::span<const std::uint8_t> present) {
  if (present.empty()) return put_number(bytes, everywhere);
  std::vector<std::int32_t> absent_runs, present_runs;
  for (std::size_t i = 0; i < present.size();) {
    const auto run = [&](bool is_present) {
      const auto begin = i;
      while (i < present.size() && (present[i] != 0) == is_present) ++i;
      return static_cast<std::int32_t>(i - begin);
    };
    absent_runs.push_back(run(false));
    present_runs.push_back(run(true));
  }
  put_number(bytes, in_runs);
  put_number(bytes, absent_runs.size());
  pack(bytes, absent_runs);
  pack(bytes, present_runs);
}

bool take_presence(ColumnReader& reader, std::size_t count, std::vector<std::uint8_t>& present) {
  present.clear();
  const auto presence = reader.number();
  if (presence == everywhere) return reader.is_good();
  const auto runs = reader.number();
  if (presence != in_runs || runs > count) return false;
  std::vector<std::int32_t> absent_runs(runs), present_runs(runs);
  if (!unpack(reader, absent_runs) || !unpack(reader, present_runs)) return false;
  for (std::size_t r = 0; r < runs; ++r) {
    const auto append = [&](std::int32_t length, std::uint8_t value) {
      if (length < 0 || present.size() + static_cast<std::size_t>(length) > count) return false;
      present.insert(present.end(), static_cast<std::size_t>(length), value);
      return true;
    };
    if (!append(absent_runs[r], 0) || !append(present_runs[r], 1)) return false;
  }
  return present.size() == count;
}

// The values of the samples that have the series.
template <class Value>
std::vector<Value> only_present(std::vector<Value> values, std::span<const std::uint8_t> present) {
  if (present.empty() || values.empty()) return values;
  std::vector<Value> found;
  for (std::size_t i = 0; i < present.size(); ++i) {
    if (present[i]) found.push_back(values[i]);
  }
  return found;
}

template <class Value>
void spread(std::vector<Value>& values, std::span<const std::uint8_t> present) {
  if (present.empty()) return;
  std::vector<Value> all(present.size());
  auto value = values.begin();
  for (std::size_t i = 0; i < present.size(); ++i) {
    if (present[i]) all[i] = *value++;
  }
  values = std::move(all);
}

// The rests of the samples that have the series become its values.
void lay_out(Instants& column, const Values& expected) {
  spread(column.values, column.present);
  for (std::size_t i = 0; i < expected.size(); ++i) {
    if (column.has(i)) column.values[i] = wrapping_sum(column.values[i], expected[i]);
  }
}

// ---- Packing -----------------------------------------------------------------------------------

constexpr std::int64_t least_part_lost = 400;  // Of a value: 0.25 %.

class Packing {
 public:
  Packing(const SampleColumns& samples, Loss loss) : samples_(samples), loss_(loss) {}

  std::vector<HourPart> parts() {
    put_clock();
    const Sample widest(samples_.chips());
    for (const auto& quantity : measured) {
      for (std::size_t index = 0; index < widest.count(quantity.id); ++index) {
        const auto& column = samples_.of(quantity.id, index);
        if (column.empty()) continue;
        const auto series = series_number(quantity.id, index);
        if (quantity.kind == Kind::total) {
          take(column, totals_[series]);
        } else {
          take(column, instants_[series]);
        }
      }
    }
    const auto put_all = [&](const measurement::QuantityRow& quantity) {
      for (std::size_t index = 0; index < widest.count(quantity.id); ++index) {
        if (quantity.kind == Kind::total) {
          put_totals(quantity.id, index);
        } else {
          put_instants(quantity.id, index);
        }
      }
    };
    // What is lost of a series is lost before others are predicted from it.
    for (const auto& quantity : measured) {
      if (quantity.id == Quantity::current) continue;
      if (quantity.id == Quantity::peak_current) put_all(row(Quantity::current));
      put_all(quantity);
    }
    std::ranges::sort(parts_, {}, &HourPart::series);
    return std::move(parts_);
  }

 private:
  void put_clock() {
    const auto& uptimes = samples_.uptimes();
    // The time between two samples that is neither of the shortest nor of the longest.
    std::vector<std::int64_t> passed;
    for (std::size_t i = 1; i < uptimes.size(); ++i) {
      passed.push_back(wrapping_difference(uptimes[i], uptimes[i - 1]));
    }
    const auto middle = passed.begin() + static_cast<std::ptrdiff_t>(passed.size() / 2);
    if (!passed.empty()) std::ranges::nth_element(passed, middle);

    Bytes bytes;
    put_number(bytes, samples_.count());
    put_number(bytes, samples_.chips());
    put_wide(bytes, samples_.numbers(), 1);
    put_wide(bytes, uptimes, passed.empty() ? 0 : *middle);
    parts_.push_back({clock_part, std::move(bytes)});
  }

  template <class Value>
  static void take(const SampleColumns::Column& from, HourColumn<Value>& to) {
    to.values.resize(from.size());
    std::ranges::transform(from, to.values.begin(), [](auto value) {
      return value == Sample::absent ? 0 : static_cast<Value>(value);
    });
    if (std::ranges::find(from, Sample::absent) == from.end()) return;
    to.present.resize(from.size());
    std::ranges::transform(from, to.present.begin(), [](auto v) { return v != Sample::absent; });
  }

  const Values& values_of(Quantity quantity, std::size_t index) const {
    static const Values nothing;
    const auto found = instants_.find(series_number(quantity, index));
    return found == instants_.end() ? nothing : found->second.values;
  }

  // What is left of a series that is predicted in some way.
  struct Trial {
    Method method = Method::plain;
    std::int64_t argument = 0;
    Values expected, rest;  // One a sample; one a sample that has the series.
    std::size_t size = 0;   // Only to be compared with other trials of the series.
    Bytes packed;           // Where something may be lost.
  };

  // Tries the ways of one series and keeps the shortest.
  class Trials {
   public:
    Trials(const Instants& column, Loss loss) : column_(column), loss_(loss) {
      if (loss == Loss::none) {
        groups_ = some_busy_groups(only_present(column.values, column.present));
      } else {
        slack_.resize(column.values.size());
        std::ranges::transform(column.values, slack_.begin(), slack_of);
        slack_ = only_present(slack_, column.present);
      }
    }

    // Whether it is the shortest by now.
    bool add(Method method, std::int64_t argument, Values expected) {
      Trial trial{method, argument, std::move(expected), column_.values};
      for (std::size_t i = 0; i < trial.expected.size(); ++i) {
        trial.rest[i] = wrapping_difference(trial.rest[i], trial.expected[i]);
      }
      trial.rest = only_present(std::move(trial.rest), column_.present);
      if (loss_ == Loss::none) {
        trial.size = packed_bits(trial.rest, groups_);
      } else {
        pack_with_slack(trial.packed, trial.rest, slack_);
        trial.size = trial.packed.size();
      }
      if (best_ && trial.size >= best_->size) return false;
      best_ = std::move(trial);
      return true;
    }

    const Trial& best() const { return *best_; }

   private:
    static std::int32_t slack_of(std::int32_t value) {
      constexpr std::int64_t most = std::numeric_limits<std::int32_t>::max();
      const auto size = std::abs(std::int64_t{value});
      return static_cast<std::int32_t>(
          std::max<std::int64_t>(std::min(size / least_part_lost, most - size), 0));
    }

    const Instants& column_;
    Loss loss_;
    std::vector<std::size_t> groups_;
    std::vector<std::int32_t> slack_;
    std::optional<Trial> best_;
  };

  void put_instants(Quantity quantity, std::size_t index) {
    const auto found = instants_.find(series_number(quantity, index));
    if (found == instants_.end()) return;
    Instants& column = found->second;
    const Values& values = column.values;
    Trials trials(column, loss_);
    trials.add(Method::plain, 0, {});
    if (row(quantity).scope == measurement::Scope::chip) {
      bool is_root = true;
      for (const std::size_t root : roots_[static_cast<std::size_t>(quantity)]) {
        is_root &=
            !trials.add(Method::twin, static_cast<std::int64_t>(root), values_of(quantity, root));
      }
      if (is_root) roots_[static_cast<std::size_t>(quantity)].push_back(index);
    } else if (quantity == Quantity::current) {
      try_ohm(column, index, trials);
    } else if (const auto source = source_of(quantity)) {
      const Values& x = values_of(*source, index);
      double xy = 0, xx = 0;
      for (std::size_t i = 0; i < x.size(); ++i) {
        if (!column.has(i)) continue;
        xy += static_cast<double>(x[i]) * values[i];
        xx += static_cast<double>(x[i]) * x[i];
      }
      const auto factor = factor_of(xy / xx);
      if (factor != 0) {
        trials.add(Method::proportion, factor, proportional(factor, x, samples_.count()));
      }
    }
    keep(quantity, index, column, trials.best());
  }

  void keep(Quantity quantity, std::size_t index, Instants& column, const Trial& trial) {
    Bytes bytes;
    put_number(bytes, static_cast<std::uint64_t>(trial.method));
    if (trial.method == Method::twin) put_number(bytes, static_cast<std::uint64_t>(trial.argument));
    if (trial.method == Method::proportion || trial.method == Method::ohm) {
      put_signed(bytes, trial.argument);
    }
    if (loss_ == Loss::none) {
      pack(bytes, trial.rest);
    } else {
      bytes.insert(bytes.end(), trial.packed.begin(), trial.packed.end());
      // What is left is what others are predicted from.
      column.values = trial.rest;
      lay_out(column, trial.expected);
    }
    keep(quantity, index, column.present, bytes);
  }

  void try_ohm(const Instants& column, std::size_t channel, Trials& trials) {
    const Values& power = values_of(Quantity::active_power, channel);
    const Values& reactive = values_of(Quantity::reactive_power, channel);
    const Values& voltage = values_of(Quantity::voltage, measurement::chip_of(channel));
    if (power.empty() || reactive.empty() || voltage.empty()) return;
    std::vector<double> currents(samples_.count());
    find_currents(power, reactive, voltage, currents);
    double xy = 0, xx = 0;
    for (std::size_t i = 0; i < currents.size(); ++i) {
      if (!column.has(i)) continue;
      xy += currents[i] * column.values[i];
      xx += currents[i] * currents[i];
    }
    const auto factor = factor_of(xy / xx);
    trials.add(Method::ohm, factor, by_ohm(factor, currents));
  }

  void put_totals(Quantity quantity, std::size_t index) {
    const auto found = totals_.find(series_number(quantity, index));
    if (found == totals_.end()) return;
    const Totals& column = found->second;
    const auto try_method = [&](Method method, const std::vector<std::int64_t>& expected) {
      Bytes bytes;
      put_number(bytes, static_cast<std::uint64_t>(method));
      auto rest = column.values;
      for (std::size_t i = 0; i < expected.size(); ++i)
        rest[i] = wrapping_difference(rest[i], expected[i]);
      put_wide(bytes, only_present(rest, column.present), 0);
      return bytes;
    };
    auto best = try_method(Method::plain, {});
    const Values& power = values_of(Quantity::active_power, index);
    if (!power.empty()) {
      auto bytes =
          try_method(Method::integral, integrated(power, samples_.uptimes(), sign_of(quantity)));
      if (bytes.size() < best.size()) best = std::move(bytes);
    }
    keep(quantity, index, column.present, best);
  }

  void keep(Quantity quantity, std::size_t index, std::span<const std::uint8_t> present,
            const Bytes& values) {
    HourPart part{series_number(quantity, index), {}};
    put_presence(part.bytes, present);
    part.bytes.insert(part.bytes.end(), values.begin(), values.end());
    parts_.push_back(std::move(part));
  }

  const SampleColumns& samples_;
  Loss loss_;
  std::map<std::int64_t, Instants> instants_;  // By series, like the totals.
  std::map<std::int64_t, Totals> totals_;
  // Chips whose values are predicted from no other chip's.
  std::array<std::vector<std::size_t>, measurement::measured_quantities> roots_;
  std::vector<HourPart> parts_;
};

}  // namespace

std::vector<HourPart> pack_hour(const SampleColumns& samples, Loss loss) {
  assert(samples.count() > 0 && samples.count() <= most_samples_in_hour && "BUG: no such hour");
  return Packing(samples, loss).parts();
}

// ---- Unpacking ---------------------------------------------------------------------------------

namespace {
const auto corrupted = std::unexpected(StoreError::corrupted);
}

std::expected<PackedHour, StoreError> PackedHour::open(Parts parts) {
  PackedHour hour(std::move(parts));
  const auto bytes = hour.parts_(clock_part);
  if (!bytes) return std::unexpected(bytes.error());
  ColumnReader reader(*bytes);
  const auto count = reader.number();
  hour.chips_ = reader.number();
  if (!reader.is_good() || count == 0 || count > most_samples_in_hour ||
      hour.chips_ > measurement::max_chips) {
    return corrupted;
  }
  hour.numbers_.resize(count);
  hour.uptimes_.resize(count);
  if (!take_wide(reader, hour.numbers_) || !take_wide(reader, hour.uptimes_) ||
      !reader.is_at_end()) {
    return corrupted;
  }
  return hour;
}

std::expected<const Instants*, StoreError> PackedHour::instants(Quantity quantity,
                                                                std::size_t index) {
  const auto series = series_number(quantity, index);
  if (const auto known = known_.find(series); known != known_.end()) return &known->second;
  auto column = unpack_instants(quantity, index);
  if (!column) return std::unexpected(column.error());
  return &(known_[series] = std::move(*column));
}

std::expected<Instants, StoreError> PackedHour::unpack_instants(Quantity quantity,
                                                                std::size_t index) {
  const auto bytes = parts_(series_number(quantity, index));
  if (!bytes) return std::unexpected(bytes.error());
  Instants column;
  if (bytes->empty()) return column;
  ColumnReader reader(*bytes);
  if (!take_presence(reader, count(), column.present)) return corrupted;
  const auto method = static_cast<Method>(reader.number());
  const auto argument = method == Method::plain ? 0 : reader.number();
  if (!reader.is_good()) return corrupted;

  Values expected;
  const auto factor = static_cast<std::int64_t>(unzigzag(argument));
  if (std::abs(factor) > std::numeric_limits<std::int32_t>::max()) return corrupted;
  const auto values_of = [&](Quantity source,
                             std::size_t i) -> std::expected<const Values*, StoreError> {
    const auto found = instants(source, i);
    if (!found) return std::unexpected(found.error());
    return &(*found)->values;
  };
  if (method == Method::twin) {
    if (row(quantity).scope != measurement::Scope::chip || argument >= index) return corrupted;
    const auto twin = values_of(quantity, argument);
    if (!twin) return std::unexpected(twin.error());
    expected = **twin;
  } else if (method == Method::proportion) {
    const auto source = source_of(quantity);
    if (!source) return corrupted;
    const auto values = values_of(*source, index);
    if (!values) return std::unexpected(values.error());
    expected = proportional(factor, **values, count());
  } else if (method == Method::ohm) {
    if (quantity != Quantity::current) return corrupted;
    const auto power = values_of(Quantity::active_power, index);
    if (!power) return std::unexpected(power.error());
    const auto reactive = values_of(Quantity::reactive_power, index);
    if (!reactive) return std::unexpected(reactive.error());
    const auto voltage = values_of(Quantity::voltage, measurement::chip_of(index));
    if (!voltage) return std::unexpected(voltage.error());
    if ((*power)->empty() || (*reactive)->empty() || (*voltage)->empty()) return corrupted;
    std::vector<double> currents(count());
    find_currents(**power, **reactive, **voltage, currents);
    expected = by_ohm(factor, currents);
  } else if (method != Method::plain) {
    return corrupted;
  }

  column.values.resize(column.present.empty()
                           ? count()
                           : static_cast<std::size_t>(std::ranges::count(column.present, 1)));
  if (!unpack(reader, column.values) || !reader.is_at_end()) return corrupted;
  lay_out(column, expected);
  return column;
}

std::expected<Totals, StoreError> PackedHour::totals(Quantity quantity, std::size_t index) {
  const auto bytes = parts_(series_number(quantity, index));
  if (!bytes) return std::unexpected(bytes.error());
  Totals column;
  if (bytes->empty()) return column;
  ColumnReader reader(*bytes);
  if (!take_presence(reader, count(), column.present)) return corrupted;
  const auto method = static_cast<Method>(reader.number());
  column.values.resize(column.present.empty()
                           ? count()
                           : static_cast<std::size_t>(std::ranges::count(column.present, 1)));
  if (column.values.empty() || (method != Method::plain && method != Method::integral) ||
      !take_wide(reader, column.values) || !reader.is_at_end()) {
    return corrupted;
  }
  spread(column.values, column.present);
  if (method == Method::plain) return column;

  const auto power = instants(Quantity::active_power, index);
  if (!power) return std::unexpected(power.error());
  const auto expected = integrated((*power)->values, uptimes_, sign_of(quantity));
  for (std::size_t i = 0; i < expected.size(); ++i) {
    if (column.has(i)) column.values[i] = wrapping_sum(column.values[i], expected[i]);
  }
  return column;
}

std::expected<std::vector<Sample>, StoreError> PackedHour::samples() {
  std::vector<Sample> samples(count(), Sample(chips_));
  for (std::size_t i = 0; i < samples.size(); ++i) {
    samples[i].number = static_cast<std::uint64_t>(numbers_[i]);
    samples[i].uptime = measurement::Uptime(uptimes_[i]);
  }
  const auto put = [&](const auto& column, Quantity quantity, std::size_t index) {
    for (std::size_t i = 0; i < samples.size(); ++i) {
      if (column.has(i)) samples[i].put_steps(quantity, index, column.values[i]);
    }
  };
  for (const auto& quantity : measured) {
    for (std::size_t index = 0; index < Sample(chips_).count(quantity.id); ++index) {
      if (quantity.kind == Kind::total) {
        const auto column = totals(quantity.id, index);
        if (!column) return std::unexpected(column.error());
        put(*column, quantity.id, index);
      } else {
        const auto column = instants(quantity.id, index);
        if (!column) return std::unexpected(column.error());
        put(**column, quantity.id, index);
      }
    }
  }
  return samples;
}

}  // namespace hub
