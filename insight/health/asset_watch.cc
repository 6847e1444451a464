#include "insight/health/asset_watch.h"

#include <algorithm>
#include <cmath>
#include <utility>

#include "insight/health/shift_chart.h"
#include "insight/identification/bytes.h"

namespace insight {

using measurement::Timestamp;

namespace {

constexpr std::uint32_t memory_version = 2;
constexpr std::size_t most_days = 400, days_drawn = 120;
// With a fault in ten years of an asset, of which tests find nine in ten, beside 0.05 a year that
// are none: docs/health.md.
constexpr float confidence_in_tests = 0.64F;

}  // namespace

struct AssetWatch::Parts {
  Parts(ApplianceKind k, float caution) : kind(k), chart(cycle_rules(k), caution) {}

  void take_days() {
    for (const auto& day : cycle_days.take_days()) {
      days.push_back(day);
      if (days.size() > most_days) days.erase(days.begin());
      if (const auto row = shift_row(day, kind)) chart.add(*row);
    }
  }

  [[nodiscard]] bool take_memory(std::string_view bytes);

  ApplianceKind kind;
  DutyCycles cycles;
  CycleDays cycle_days;
  std::vector<AssetDay> days;
  ShiftChart chart;
};

AssetWatch::AssetWatch(ApplianceKind kind, std::string_view memory, float caution)
    : parts_(std::make_unique<Parts>(kind, caution)) {
  if (!memory.empty() && !parts_->take_memory(memory)) {
    parts_ = std::make_unique<Parts>(kind, caution);
  }
}
AssetWatch::AssetWatch(AssetWatch&&) noexcept = default;
AssetWatch& AssetWatch::operator=(AssetWatch&&) noexcept = default;
AssetWatch::~AssetWatch() = default;

void AssetWatch::set_surroundings(const Surroundings& s) { parts_->cycle_days.set_surroundings(s); }

void AssetWatch::take(const Reading& reading) {
  parts_->cycles.take(reading.time, reading.active_power);
  for (const auto& cycle : parts_->cycles.take_cycles()) take(cycle);
}

void AssetWatch::take(const DutyCycle& cycle) {
  parts_->cycle_days.take(cycle);
  parts_->take_days();
}

std::vector<Finding> AssetWatch::findings() const {
  const auto& shift = parts_->chart.shift();
  if (!shift) return {};
  Finding finding{.change = shift->change,
                  .since = shift->since,
                  .found = shift->found,
                  .confidence = confidence_in_tests,
                  .suspects = shift->suspects,
                  .evidence = {}};
  const auto& days = parts_->days;
  const auto begin = std::ranges::lower_bound(days, shift->since, {}, &AssetDay::begin);
  const auto mean = [](auto from, auto to, Feature feature) {
    double sum = 0, n = 0;
    for (auto day = from; day != to; ++day) {
      if (!std::isnan((*day)[feature])) sum += static_cast<double>((*day)[feature]), n += 1;
    }
    return n > 0 ? static_cast<float>(sum / n) : detail::not_measured;
  };
  constexpr std::ptrdiff_t days_before = 42;
  const auto before = begin - std::min<std::ptrdiff_t>(days_before, begin - days.begin());
  const auto first_drawn =
      days.end() - static_cast<std::ptrdiff_t>(std::min(days.size(), days_drawn));
  for (const auto feature :
       {Feature::energy, Feature::run_power, Feature::duty, Feature::run_time, Feature::pause,
        Feature::starts, Feature::failed_starts, Feature::defrosts, Feature::standby}) {
    Evidence evidence{.feature = feature,
                      .before = mean(before, begin, feature),
                      .now = mean(begin, days.end(), feature),
                      .course = {}};
    if (std::isnan(evidence.before) || std::isnan(evidence.now)) continue;
    std::vector<float> apart;
    for (auto day = before; day != begin; ++day) {
      if (!std::isnan((*day)[feature]))
        apart.push_back(std::abs((*day)[feature] - evidence.before));
    }
    std::ranges::sort(apart);
    if (!apart.empty()) evidence.usual_spread = apart[apart.size() * 9 / 10];
    for (auto day = first_drawn; day != days.end(); ++day) {
      evidence.course.push_back({day->begin, (*day)[feature]});
    }
    if (feature == Feature::energy) finding.extra_wh_per_day = evidence.now - evidence.before;
    finding.evidence.push_back(std::move(evidence));
  }
  const auto strength = [](const Evidence& e) {
    return std::abs(e.now - e.before) /
           std::max(e.usual_spread, 0.01F * std::abs(e.before) + 1e-6F);
  };
  std::ranges::stable_sort(finding.evidence, std::ranges::greater{}, strength);
  constexpr std::size_t most_evidence = 4;
  if (finding.evidence.size() > most_evidence) finding.evidence.resize(most_evidence);
  return {std::move(finding)};
}

AssetWatch::State AssetWatch::condition() const {
  const auto& chart = parts_->chart;
  if (chart.shift()) return {Condition::changed, 0};
  if (const auto days = chart.rows_missing(); days > 0) {
    return {Condition::learning, static_cast<int>(days)};
  }
  return {chart.is_unusual() ? Condition::unusual : Condition::as_before, 0};
}

const std::vector<AssetDay>& AssetWatch::days() const { return parts_->days; }

void AssetWatch::said(Change change, Verdict verdict, Timestamp) {
  auto& chart = parts_->chart;
  if (!chart.shift() || chart.shift()->change != change) return;
  switch (verdict) {
    case Verdict::fixed:
      return chart.forget_shift();
    case Verdict::expected:
      return chart.learn_anew();
    case Verdict::wrong:
      return chart.shift_was_wrong();
  }
}

std::string AssetWatch::memory() const {
  std::string bytes;
  put(bytes, memory_version);
  put(bytes, static_cast<std::uint32_t>(health_features.size()));
  put(bytes, parts_->kind);
  const auto usual = parts_->cycle_days.usual_power();
  put(bytes, usual.power_w);
  put(bytes, usual.learnt_s);
  put(bytes, static_cast<std::uint32_t>(parts_->days.size()));
  for (const auto& day : parts_->days) {
    put(bytes, day.begin);
    put(bytes, day.values);
    put(bytes, day.room_c);
    put(bytes, day.outdoor_c);
  }
  parts_->chart.put_memory(bytes);
  return bytes;
}

bool AssetWatch::Parts::take_memory(std::string_view bytes) {
  std::uint32_t version = 0, columns = 0, count = 0;
  ApplianceKind of{};
  CycleDays::UsualPower usual;
  const auto next = [&](auto& value) { return insight::take(bytes, value); };
  if (!next(version) || version != memory_version || !next(columns) ||
      columns != health_features.size() || !next(of) || of != kind || !next(usual.power_w) ||
      !next(usual.learnt_s) || !(usual.power_w >= 0) || !(usual.learnt_s >= 0) || !next(count) ||
      count > most_days) {
    return false;
  }
  days.resize(count);
  for (auto& day : days) {
    if (!next(day.begin) || !next(day.values) || !next(day.room_c) || !next(day.outdoor_c)) {
      return false;
    }
  }
  cycle_days.set_usual_power(usual);
  return std::ranges::is_sorted(days, {}, &AssetDay::begin) && chart.take_memory(bytes) &&
         bytes.empty();
}

}  // namespace insight
