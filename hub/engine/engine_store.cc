#include "hub/engine/engine_store.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cassert>
#include <cmath>
#include <limits>
#include <map>
#include <tuple>

#include "hub/store/rows.h"

namespace hub {

using measurement::Kind;
using measurement::Quantity;
using measurement::Sample;
using measurement::Stream;
using measurement::Timestamp;
using namespace std::chrono_literals;

namespace {

constexpr auto nothing = std::numeric_limits<float>::quiet_NaN();

// How far back a boot's last total is looked for, until it is found or the boot had not begun.
constexpr std::array<std::chrono::hours, 4> looks_back = {1h, 24h, 24h * 31, 24h * 366 * 100};

// Samples of one answer, below a minute.
constexpr auto samples_at_once = 6h;

Timestamp end_of(const Engine::Steps& steps) {
  return steps.begin + static_cast<std::int64_t>(steps.count) * steps.step;
}

// Steady samples speak for a step, else coarse ones; the fast ones around an edge never do.
class Streams {
 public:
  explicit Streams(std::size_t count) : samples_(count), coarse_(count) {}

  void take(Stream stream, std::size_t step, const MinuteSummary& seen) {
    if (stream != Stream::edges) add((stream == Stream::coarse ? coarse_ : samples_)[step], seen);
  }
  std::vector<MinuteSummary> chosen() && {
    for (std::size_t i = 0; i < samples_.size(); ++i) {
      if (samples_[i].count == 0) samples_[i] = coarse_[i];
    }
    return std::move(samples_);
  }

 private:
  std::vector<MinuteSummary> samples_, coarse_;
};

Points empty_points(const Engine::Steps& steps) {
  return {.begin = steps.begin, .step = steps.step, .mean = {}, .min = {}, .max = {}, .gained = {}};
}

Points in_units(const std::vector<MinuteSummary>& summaries, const Engine::Steps& steps,
                Quantity quantity) {
  auto points = empty_points(steps);
  points.mean = points.min = points.max = std::vector<float>(steps.count, nothing);
  const auto scaled = [&](double value) {
    return static_cast<float>(value * row(quantity).resolution);
  };
  for (std::size_t i = 0; i < steps.count; ++i) {
    const auto& [count, sum, min, max] = summaries[i];
    if (count == 0) continue;
    points.mean[i] = scaled(static_cast<double>(sum) / static_cast<double>(count));
    points.min[i] = scaled(static_cast<double>(min));
    points.max[i] = scaled(static_cast<double>(max));
  }
  return points;
}

void extend(std::vector<float>& to, const std::vector<float>& more) {
  to.insert(to.end(), more.begin(), more.end());
}

}  // namespace

EngineStore::EngineStore(Store& embedded, Engine& engine, EngineLine& line,
                         std::function<Timestamp()> kept_since, std::function<Timestamp()> now,
                         std::function<void(const std::string&)> tell)
    : embedded_(embedded),
      engine_(engine),
      line_(line),
      kept_since_(std::move(kept_since)),
      now_(std::move(now)),
      tell_(std::move(tell)) {}

std::expected<Points, StoreError> EngineStore::read(const Series& series, TimeRange range,
                                                    std::chrono::milliseconds step,
                                                    Columns columns) {
  // An engine knows no sums of channels; of those, what our own store keeps has to do.
  if (!series.together.empty()) return embedded_.read(series, range, step, columns);
  const auto ceil = [&](Timestamp time) {
    return Timestamp((time.time_since_epoch() + step - 1ms) / step * step);
  };
  const Timestamp begin(within_time(range.begin).time_since_epoch() / step * step);
  const auto end = ceil(within_time(range.end));
  const auto kept = std::min(ceil(within_time(kept_since_())), end);
  if (begin >= kept) return embedded_.read(series, range, step, columns);
  if ((end - begin) / step > static_cast<std::int64_t>(max_steps)) {
    return std::unexpected(StoreError::too_long);
  }

  if (!answers()) return std::unexpected(StoreError::unavailable);
  auto points = read_old(series, {begin, step, static_cast<std::size_t>((kept - begin) / step)});
  if (!points) {
    answers();  // Was that too much, or is it away?
    return points;
  }
  if (kept == end) return points;
  const auto recent = embedded_.read(series, {kept, end}, step, columns);
  if (!recent) return recent;
  extend(points->mean, recent->mean);
  if (columns == Columns::all) {
    extend(points->min, recent->min);
    extend(points->max, recent->max);
  }
  points->gained.insert(points->gained.end(), recent->gained.begin(), recent->gained.end());
  return points;
}

// ---- Whether it is there -----------------------------------------------------------------------

bool EngineStore::answers() {
  if (is_away_) return false;
  line_.allow(time_to_answer);
  if (line_.ask(health()).status / 100 != 2) {
    goes_away();
    return false;
  }
  return true;
}

void EngineStore::goes_away() {
  is_away_ = true;
  tell_(fmt::format("{} at {} does not answer: what is old cannot be shown until it does.",
                    engine_.dialect().name(), engine_.dialect().base()));
}

void EngineStore::is_back() {
  if (!is_away_) return;
  is_away_ = false;
  tell_(fmt::format("{} at {} answers again.", engine_.dialect().name(), engine_.dialect().base()));
}

// Before its first boot a device has nothing.
std::expected<std::size_t, StoreError> EngineStore::steps_before(const std::string& device,
                                                                 const Steps& steps) {
  auto& began = began_[device];
  if (!began.time || now_() - began.asked >= began_for) {
    const auto time = engine_.began(device);
    if (!time) return std::unexpected(time.error());
    began = {now_(), *time};
  }
  if (!began.time || *began.time >= end_of(steps)) return steps.count;
  if (*began.time <= steps.begin) return 0;
  return static_cast<std::size_t>((*began.time - steps.begin) / steps.step);
}

std::expected<Points, StoreError> EngineStore::read_old(const Series& series, const Steps& steps) {
  line_.allow(time_to_read);
  const auto before = steps_before(series.device, steps);
  if (!before) return std::unexpected(before.error());
  auto points = read_engine(series, {steps.begin + static_cast<std::int64_t>(*before) * steps.step,
                                     steps.step, steps.count - *before});
  if (!points) return points;
  points->begin = steps.begin;
  if (row(series.quantity).kind == Kind::total) {
    points->gained.insert(points->gained.begin(), *before,
                          std::numeric_limits<double>::quiet_NaN());
  } else {
    for (auto* column : {&points->mean, &points->min, &points->max}) {
      column->insert(column->begin(), *before, nothing);
    }
  }
  return points;
}

// ---- What it says ------------------------------------------------------------------------------

std::expected<Points, StoreError> EngineStore::read_engine(const Series& series,
                                                           const Steps& steps) {
  const auto& about = row(series.quantity);
  if (about.kind == Kind::total) {
    auto gains = gained(series, steps);
    if (!gains) return std::unexpected(gains.error());
    auto points = empty_points(steps);
    points.gained = std::move(*gains);
    return points;
  }
  if (about.kind == Kind::derived && steps.step >= 1min) return derived_of_means(series, steps);
  const auto summaries =
      about.kind == Kind::derived ? derived(series, steps) : instants(series, steps);
  if (!summaries) return std::unexpected(summaries.error());
  return in_units(*summaries, steps, series.quantity);
}

std::expected<std::vector<MinuteSummary>, StoreError> EngineStore::instants(const Series& series,
                                                                            const Steps& steps) {
  const auto parts = engine_.parts(series, steps);
  if (!parts) return std::unexpected(parts.error());
  Streams streams(steps.count);
  for (const auto& part : *parts) {
    for (std::size_t i = 0; i < steps.count; ++i) streams.take(part.stream, i, part.steps[i]);
  }
  return std::move(streams).chosen();
}

// As the store counts energy: each boot for itself, its streams as one.
std::expected<std::vector<double>, StoreError> EngineStore::gained(const Series& series,
                                                                   const Steps& steps) {
  const auto parts = engine_.parts(series, steps);
  if (!parts) return std::unexpected(parts.error());
  std::map<std::uint64_t, std::vector<MinuteSummary>> boots;
  for (const auto& part : *parts) {
    auto& boot = boots.try_emplace(part.boot, steps.count).first->second;
    for (std::size_t i = 0; i < steps.count; ++i) add(boot[i], part.steps[i]);
  }
  std::map<std::uint64_t, std::int64_t> totals;
  if (const auto done = take_totals_before(series, steps, totals, *parts); !done) {
    return std::unexpected(done.error());
  }

  std::vector<double> gained(steps.count, std::numeric_limits<double>::quiet_NaN());
  for (const auto& [boot, seen] : boots) {
    auto& total = totals[boot];
    for (std::size_t i = 0; i < steps.count; ++i) {
      if (seen[i].count == 0) continue;
      if (std::isnan(gained[i])) gained[i] = 0;
      gained[i] += static_cast<double>(std::max<std::int64_t>(seen[i].max - total, 0));
      total = std::max(total, seen[i].max);
    }
  }
  return gained;
}

std::expected<void, StoreError> EngineStore::take_totals_before(
    const Series& series, const Steps& steps, std::map<std::uint64_t, std::int64_t>& totals,
    const Parts& parts) {
  std::map<std::uint64_t, Timestamp> wanted;
  for (const auto& part : parts) {
    auto& since = wanted.try_emplace(part.boot, part.since).first->second;
    since = std::min(since, part.since);
  }
  auto begin = steps.begin;
  for (const auto back : looks_back) {
    // Those that had begun by then, and were not found yet.
    std::erase_if(wanted, [&](const auto& boot) { return boot.second >= begin; });
    if (wanted.empty()) return {};
    const auto first = std::max(steps.begin - back, Timestamp{});
    const auto before = engine_.parts(series, {first, begin - first, 1});
    if (!before) return std::unexpected(before.error());
    for (const auto& part : *before) {
      if (part.steps[0].count == 0 || !wanted.contains(part.boot)) continue;
      auto& total = totals[part.boot];
      total = std::max(total, part.steps[0].max);
    }
    std::erase_if(wanted, [&](const auto& boot) { return totals.contains(boot.first); });
    begin = first;
  }
  return {};
}

// Below a minute, from each sample.
std::expected<std::vector<MinuteSummary>, StoreError> EngineStore::derived(const Series& series,
                                                                           const Steps& steps) {
  const auto chip = measurement::chip_of(series.index);
  const std::array<std::pair<Quantity, std::size_t>, 3> sources = {
      {{Quantity::voltage, chip},
       {Quantity::current, series.index},
       {Quantity::active_power, series.index}}};
  Streams streams(steps.count);
  for (auto begin = steps.begin; begin < end_of(steps); begin += samples_at_once) {
    std::map<std::tuple<std::uint64_t, Stream, Timestamp>, Sample> samples;
    for (const auto& [quantity, index] : sources) {
      const auto values =
          engine_.values({series.device, quantity, index},
                         {begin, std::min<Timestamp>(begin + samples_at_once, end_of(steps))});
      if (!values) return std::unexpected(values.error());
      for (const auto& [boot, stream, time, value] : *values) {
        samples.try_emplace({boot, stream, time}, chip + 1)
            .first->second.put_steps(quantity, index, value);
      }
    }
    for (const auto& [name, sample] : samples) {
      const auto& [boot, stream, time] = name;
      streams.take(stream, static_cast<std::size_t>((time - steps.begin) / steps.step),
                   summarise({&sample, 1}, series.quantity, series.index));
    }
  }
  return std::move(streams).chosen();
}

// At whole minutes, from the means of what they derive from; least and greatest are not known.
std::expected<Points, StoreError> EngineStore::derived_of_means(const Series& series,
                                                                const Steps& steps) {
  const auto mean = [&](Quantity quantity, std::size_t index) {
    return read_engine({series.device, quantity, index}, steps);
  };
  const auto voltage = mean(Quantity::voltage, measurement::chip_of(series.index));
  if (!voltage) return voltage;
  const auto current = mean(Quantity::current, series.index);
  if (!current) return current;
  const auto power = mean(Quantity::active_power, series.index);
  if (!power) return power;
  auto points = empty_points(steps);
  points.mean = points.min = points.max = std::vector<float>(steps.count, nothing);
  derive(series.quantity, *voltage, *current, *power, points.mean);
  return points;
}

}  // namespace hub
