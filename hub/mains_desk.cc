#include "hub/mains_desk.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "hub/history.h"

namespace hub {

using Done = std::expected<void, std::string>;
using measurement::Timestamp;
using namespace std::chrono_literals;

namespace {

constexpr double most_missing = 0.05;  // Of the seconds.
constexpr double longest_s = 1800;

Timestamp time_of(double seconds) {
  return Timestamp(std::chrono::milliseconds(std::llround(seconds * 1000)));
}

}  // namespace

double MainsDesk::Count::plus_minus_percent() const { return insight::plus_minus_percent(gain); }

const MainsDesk::Count* MainsDesk::count(Timestamp now) {
  if (count_ && now - count_->touched >= patience) count_.reset();
  return count_ ? &*count_ : nullptr;
}

// Means by the second, of the first and the last one its part.
std::expected<double, std::string> MainsDesk::our_wh(const std::string& circuit, double begin_s,
                                                     double end_s) const {
  const auto steps = steps_over({time_of(begin_s), time_of(end_s)}, 1s);
  const HistoryColumns columns{.mean = true, .min = false, .max = false, .total = false};
  const auto found = history(home_, circuit, steps, store_, columns);
  if (!found) return std::unexpected(std::string(hub::sentence(found.error())));
  double joules = 0, seen_s = 0;
  for (std::size_t i = 0; i < steps.count; ++i) {
    if (std::isnan(found->mean[i])) continue;
    const double begin = static_cast<double>(steps.at(i).time_since_epoch().count()) / 1000;
    const double part = std::min(begin + 1, end_s) - std::max(begin, begin_s);
    joules += part * static_cast<double>(found->mean[i]);
    seen_s += part;
  }
  const double length_s = end_s - begin_s;
  if (seen_s < (1 - most_missing) * length_s) {
    return std::unexpected(
        fmt::format("Of {:.0f} s the meter sampled only {:.0f}: it has to sample every second, and "
                    "to be heard; then count again.",
                    length_s, seen_s));
  }
  return joules / 3600 * length_s / seen_s;
}

Done MainsDesk::take(const std::string& circuit, const SeenLight& seen, Timestamp now) {
  const auto& panel = panel_at(home_, now);
  const auto found = std::ranges::find(panel.circuits, circuit, &Circuit::id);
  if (found == panel.circuits.end() || found->kind != CircuitKind::grid ||
      found->channels.empty()) {
    return std::unexpected(
        "Only the mains, with their clamps, can be held against the utility's meter.");
  }
  const auto counted =
      insight::count_blinks(seen.seconds, seen.per_kwh, seen.class_percent, seen.within_s);
  if (!counted) return std::unexpected(counted.error());
  if (counted->end_s - counted->begin_s > longest_s) {
    return std::unexpected(
        "Half an hour is the most that is looked at: count for 2 to 10 minutes.");
  }
  const auto ours = our_wh(circuit, counted->begin_s, counted->end_s);
  if (!ours) return std::unexpected(ours.error());
  const auto gain = insight::mains_gain(*counted, *ours);
  if (!gain) return std::unexpected(gain.error());
  const double watts = counted->wh * 3600 / (counted->end_s - counted->begin_s);
  const auto clamps = static_cast<double>(found->channels.size());
  count_ = Count{.circuit = circuit,
                 .clamps = found->channels,
                 .utility = *counted,
                 .our_wh = *ours,
                 .gain = *gain,
                 .amperes = watts / home_.nominal_voltage_v / clamps,
                 .touched = now};
  return {};
}

void MainsDesk::set(MeterRequests& requests, std::string by, Timestamp now, Answer answer) {
  if (!count(now)) return answer(std::unexpected("Nothing was counted: count the blinks first."));
  if (count_->is_set) return answer(std::unexpected("It is set already: count again to check it."));
  count_->touched = now;
  const auto reference = fmt::format("The utility's meter, class {:g}, {} blinks",
                                     count_->utility.percent, count_->utility.blinks);
  set_words(home_.id, gain_changes(count_->clamps, count_->gain, count_->amperes, reference), book_,
            {.by = std::move(by), .volts = home_.nominal_voltage_v, .time = now}, requests,
            [this, answer = std::move(answer)](Done done, bool has_begun) {
              if (done && count_) count_->is_set = true;
              // Some may be set: a gain that was counted before holds no more.
              if (!done && has_begun) end();
              answer(std::move(done));
            });
}

std::vector<WordsChange> gain_changes(const std::vector<ChannelUse>& clamps,
                                      const insight::MainsGain& gain, double amperes,
                                      const std::string& reference) {
  std::vector<WordsChange> changes;
  for (const auto& clamp : clamps) {
    changes.push_back({.clamp = clamp,
                       .reference = reference,
                       .words =
                           [gain](const measurement::ChannelWords& words) {
                             return insight::raised(words, gain.factor);
                           },
                       .accuracy =
                           [gain, amperes, count = clamps.size()](const insight::Accuracy& before) {
                             return insight::by_reference(before, gain, count, amperes);
                           }});
  }
  return changes;
}

}  // namespace hub
