#include "insight/health/branch_watch.h"

#include <algorithm>
#include <cmath>
#include <utility>

#include "insight/identification/bytes.h"

namespace insight {
namespace {

using measurement::Timestamp;
using namespace std::chrono_literals;

constexpr std::uint32_t memory_magic = 0x31415242;  // "BRA1"

// Of a plug's reports.
constexpr auto longest_pause = 90s;
constexpr auto learning_time = 48h, kept_time = 48h;
constexpr float least_step_a = 2;
constexpr std::size_t learning_steps = 12, least_steps = 4, most_steps = 128;
constexpr double learnt_spread = 0.015;  // Ohm.
// The grid's own changes reach both ends, so that few steps say enough.
constexpr double weighty_steps = 3;

// Of runs of a known load.
constexpr float load_tolerance = 0.15F, most_reactive = 0.15F;
constexpr float steady = 0.02F;      // From reading to reading.
constexpr float base_moves = 0.02F;  // Of the load's power, from before to after.
constexpr auto settles = 5s;         // After it was switched on.
constexpr int least_readings = 4;
constexpr auto longest_gap = 12s;
constexpr auto runs_learn = 24h * 5, runs_last = 24h * 3;
constexpr std::size_t learning_runs = 10, least_runs = 8, most_runs = 128;
constexpr auto runs_apart = 1h;  // Of a thermostat's runs the first of an hour is enough.
constexpr double found_ohm = 0.05, sure_spreads = 4;
// The adapter's own ratio moves with its temperature: of a share of P/V² that much is let pass.
constexpr double adapter_spread = 0.0007;
constexpr float element_share = 0.1F;  // Above it, it is rather the element than a contact.

constexpr float right_in_tests = 0.95F;

template <class Values>
float median_of(Values values) {
  const auto middle = values.begin() + static_cast<std::ptrdiff_t>(values.size() / 2);
  std::nth_element(values.begin(), middle, values.end());
  return *middle;
}

}  // namespace

BranchWatch::BranchWatch(std::optional<measurement::Watts> load, measurement::Volts nominal,
                         std::string_view memory)
    : nominal_volts_(nominal.value) {
  if (load) load_w_ = load->value;
  if (!restore(memory)) learn_anew();
}

void BranchWatch::learn_anew() {
  level_.reset();
  steps_.clear();
  reference_ohm_.reset();
  latest_.clear();
  plateau_.reset();
  runs_.clear();
  reference_run_.reset();
  run_spread_ = 0;
  begin_ = {};
  findings_.clear();
}

BranchView BranchWatch::view() const {
  if (level_ || reference_ohm_) return BranchView::at_the_load;
  return runs_.empty() && !reference_run_ ? BranchView::not_visible : BranchView::by_known_load;
}

void BranchWatch::take(const BranchReading& reading) {
  const Level now{reading.time, reading.amperes.value,
                  reading.at_panel.value - reading.at_load.value};
  if (std::isnan(now.amperes + now.drop_v)) return;
  if (begin_ == Timestamp{}) begin_ = reading.time;
  const auto before = std::exchange(level_, now);
  if (!before || now.time - before->time > longest_pause || now.time <= before->time) return;
  const float amperes = now.amperes - before->amperes;
  if (std::abs(amperes) < least_step_a) return;
  steps_.push_back(
      {.time = now.time, .amperes = {amperes}, .volts = {before->drop_v - now.drop_v}});
  if (steps_.size() > most_steps) steps_.pop_front();
  look_at_steps(now.time);
}

void BranchWatch::look_at_steps(Timestamp now) {
  const auto fit = [&](std::size_t count) {
    const std::vector<VoltageStep> steps(steps_.end() - static_cast<std::ptrdiff_t>(count),
                                         steps_.end());
    return fit_conductors(steps, 1).legs[0];
  };
  if (!reference_ohm_) {
    if (now - begin_ < learning_time || steps_.size() < learning_steps) return;
    const auto learnt = fit(steps_.size());
    if (learnt.is_known() && learnt.spread < learnt_spread) {
      reference_ohm_ = learnt;
      steps_.clear();
    }
    return;
  }
  while (!steps_.empty() && now - steps_.front().time > kept_time) steps_.pop_front();
  for (std::size_t count = least_steps; count <= steps_.size(); count += 2) {
    const auto ohm = fit(count);
    if (has_not_risen(*reference_ohm_, ohm, weighty_steps)) {  // The latest say it.
      std::erase_if(findings_, [](auto& one) { return one.change == Change::branch_resistance; });
      return;
    }
    if (!has_risen(*reference_ohm_, ohm, weighty_steps)) continue;
    const double spread = std::hypot(ohm.spread, reference_ohm_->spread);
    stand(Change::branch_resistance,
          {.change = Change::branch_resistance,
           .since = (steps_.end() - static_cast<std::ptrdiff_t>(count))->time,
           .found = now,
           .confidence = right_in_tests,
           .suspects = {{Cause::loose_contact, 0.8F}},
           .evidence = {{.feature = Feature::branch_ohm,
                         .before = static_cast<float>(reference_ohm_->value),
                         .now = static_cast<float>(ohm.value),
                         .usual_spread = static_cast<float>(1.645 * spread),
                         .course = {}}}});
    return;
  }
}

void BranchWatch::take(const Reading& reading) {
  if (!load_w_) return;
  const float watts = reading.active_power.value, volts = reading.voltage.value;
  const bool follows = !latest_.empty() && reading.time > latest_.back().time &&
                       reading.time - latest_.back().time <= longest_gap;
  if (!(watts >= 0) || !(volts > nominal_volts_ / 2) || !follows) {
    latest_.clear();
    plateau_.reset();
  }
  if (!(watts >= 0) || !(volts > nominal_volts_ / 2)) return;
  if (begin_ == Timestamp{}) begin_ = reading.time;
  latest_.push_back(reading);
  if (latest_.size() > 4) latest_.pop_front();
  const float expected_w = *load_w_ * volts * volts / (nominal_volts_ * nominal_volts_);

  if (!plateau_) {
    if (latest_.size() < 3) return;
    const auto& before = latest_[latest_.size() - 3];
    const float rise = watts - before.active_power.value;
    const float reactive = reading.reactive_power.value - before.reactive_power.value;
    if (std::abs(rise - expected_w) > load_tolerance * expected_w) return;
    if (std::abs(reactive) > most_reactive * rise) return;
    plateau_ = {.begin = reading.time, .base_w = static_cast<double>(before.active_power.value)};
    return;
  }
  auto& plateau = *plateau_;
  const double siemens = (static_cast<double>(watts) - plateau.base_w) /
                         (static_cast<double>(volts) * static_cast<double>(volts));
  if (static_cast<double>(watts) - plateau.base_w < static_cast<double>(expected_w) / 2) {
    end_plateau(reading.time);
    return;
  }
  if (reading.time - plateau.begin < settles) return;
  const double mean = plateau.readings > 0 ? plateau.siemens_sum / plateau.readings : siemens;
  if (std::abs(siemens / mean - 1) > static_cast<double>(steady)) {
    plateau_.reset();  // Something else was switched: what the load draws is not told any more.
    return;
  }
  plateau.siemens_sum += siemens;
  ++plateau.readings;
}

// Its last reading may be half of the fall, so what is left is not judged by it.
void BranchWatch::end_plateau(Timestamp now) {
  const auto ended = std::exchange(plateau_, {});
  const double left_w = static_cast<double>(latest_.back().active_power.value);
  if (ended->readings < least_readings) return;
  if (!runs_.empty() && now - runs_.back().time < runs_apart) return;
  if (std::abs(left_w - ended->base_w) > static_cast<double>(base_moves * *load_w_)) return;
  const double volts = static_cast<double>(latest_.back().voltage.value);
  const double base_moved = (left_w - ended->base_w) / 2 / (volts * volts);
  runs_.push_back({now, static_cast<float>(ended->siemens_sum / ended->readings - base_moved)});
  if (runs_.size() > most_runs) runs_.pop_front();
  look_at_runs(now);
}

void BranchWatch::look_at_runs(Timestamp now) {
  std::vector<float> siemens;
  if (!reference_run_) {
    if (now - begin_ < runs_learn || runs_.size() < learning_runs) return;
    for (const auto& run : runs_) siemens.push_back(run.siemens);
    const float usual = median_of(siemens);
    for (auto& one : siemens) one = std::abs(one / usual - 1);
    run_spread_ =
        1.4826F * median_of(siemens) / std::sqrt(static_cast<float>(siemens.size())) * 1.25F;
    reference_run_ = {now, usual};
    runs_.clear();
    return;
  }
  while (!runs_.empty() && now - runs_.front().time > 24h * 14) runs_.pop_front();
  const auto late = std::ranges::count_if(
      runs_, [&](const Run& run) { return now - run.time <= runs_last + 24h; });
  const auto recent = std::max(least_runs, static_cast<std::size_t>(late));
  if (runs_.size() < recent) return;
  const auto first = runs_.end() - static_cast<std::ptrdiff_t>(recent);
  for (auto run = first; run != runs_.end(); ++run) siemens.push_back(run->siemens);
  const float present = median_of(siemens);
  for (auto& one : siemens) one = std::abs(one / present - 1);
  const double own_spread = 1.4826 * 1.25 * static_cast<double>(median_of(siemens)) /
                            std::sqrt(static_cast<double>(recent));
  const double spread = std::hypot(own_spread, static_cast<double>(run_spread_), adapter_spread);
  const double usual = static_cast<double>(reference_run_->siemens);
  const double fall = 1 - static_cast<double>(present) / usual;
  const double more_ohm = 1 / static_cast<double>(present) - 1 / usual;
  if (fall + sure_spreads * spread < found_ohm * usual) {
    std::erase_if(findings_, [](auto& one) { return one.change == Change::element_resistance; });
  }
  const bool lasts = now - first->time >= runs_last;
  if (!lasts || more_ohm < found_ohm || fall < sure_spreads * spread) return;
  const bool is_element = fall > static_cast<double>(element_share);
  Evidence evidence{.feature = Feature::conductance,
                    .before = reference_run_->siemens,
                    .now = present,
                    .usual_spread = static_cast<float>(1.645 * spread * usual),
                    .course = {}};
  for (const auto& run : runs_) evidence.course.push_back({run.time, run.siemens});
  stand(Change::element_resistance,
        {.change = Change::element_resistance,
         .since = first->time,
         .found = now,
         .confidence = right_in_tests,
         .suspects = {{is_element ? Cause::heater_open : Cause::loose_contact, 0.6F},
                      {is_element ? Cause::loose_contact : Cause::heater_open, 0.2F}},
         .evidence = {std::move(evidence)}});
}

void BranchWatch::stand(Change change, Finding finding) {
  const auto old = std::ranges::find(findings_, change, &Finding::change);
  if (old == findings_.end()) {
    findings_.push_back(std::move(finding));
    return;
  }
  finding.since = old->since;
  finding.found = old->found;
  *old = std::move(finding);
}

// Findings are not kept: they come back with the next step or run.
std::string BranchWatch::memory() const {
  std::string bytes;
  put(bytes, memory_magic);
  put(bytes, begin_);
  put(bytes, static_cast<std::uint8_t>(reference_ohm_.has_value()));
  put(bytes, reference_ohm_.value_or(Ohm{}));
  put(bytes, static_cast<std::uint8_t>(reference_run_.has_value()));
  put(bytes, reference_run_.value_or(Run{}));
  put(bytes, run_spread_);
  put(bytes, static_cast<std::uint32_t>(steps_.size()));
  for (const auto& step : steps_) put(bytes, step);
  put(bytes, static_cast<std::uint32_t>(runs_.size()));
  for (const auto& run : runs_) put(bytes, run);
  return bytes;
}

bool BranchWatch::restore(std::string_view bytes) {
  std::uint32_t magic = 0, count = 0;
  std::uint8_t has_ohm = 0, has_run = 0;
  Ohm ohm;
  Run run;
  const bool fits = insight::take(bytes, magic) && magic == memory_magic &&
                    insight::take(bytes, begin_) && insight::take(bytes, has_ohm) &&
                    insight::take(bytes, ohm) && insight::take(bytes, has_run) &&
                    insight::take(bytes, run) && insight::take(bytes, run_spread_) &&
                    insight::take(bytes, count) && count <= most_steps;
  if (!fits) return false;
  if (has_ohm != 0) reference_ohm_ = ohm;
  if (has_run != 0) reference_run_ = run;
  for (; count > 0; --count) {
    if (!insight::take(bytes, steps_.emplace_back())) return false;
  }
  if (!insight::take(bytes, count) || count > most_runs) return false;
  for (; count > 0; --count) {
    if (!insight::take(bytes, runs_.emplace_back())) return false;
  }
  return bytes.empty();
}

}  // namespace insight
