#include "hub/mains_desk.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <stdexcept>

#include "hub/calibration_course.h"
#include "hub/history.h"
#include "insight/calibration/error_sum.h"

namespace hub {

using Done = std::expected<void, std::string>;
using measurement::Reply;
using measurement::Request;
using measurement::Timestamp;
using namespace std::chrono_literals;

namespace {

constexpr double most_missing = 0.05;  // Of the seconds.
constexpr double longest_s = 1800;

std::string name_of(const ChannelUse& clamp) {
  return fmt::format("CT{} of {}", clamp.channel + 1, clamp.device);
}

Timestamp time_of(double seconds) {
  return Timestamp(std::chrono::milliseconds(std::llround(seconds * 1000)));
}

}  // namespace

double MainsDesk::Count::plus_minus_percent() const {
  insight::ErrorSum sum;
  sum.add_limit(gain.gain_limit);
  sum.add_deviation(gain.gain_deviation);
  return sum.interval();
}

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

// One setting of all clamps, clamp by clamp.
struct MainsDesk::Setting {
  MeterRequests& requests;
  Count count;
  std::string by;
  Timestamp now;
  Answer answer;
  std::vector<CalibrationRecord> book, records;  // As it was; those to come, one for each clamp.
  std::size_t next = 0;
  bool has_begun = false;  // To set.
};

void MainsDesk::set(MeterRequests& requests, std::string by, Timestamp now, Answer answer) {
  if (!count(now)) return answer(std::unexpected("Nothing was counted: count the blinks first."));
  if (count_->is_set) return answer(std::unexpected("It is set already: count again to check it."));
  count_->touched = now;
  std::vector<CalibrationRecord> book;
  try {
    book = load_calibrations(book_);  // Before anything is set: it could not be noted else.
  } catch (const std::runtime_error& trouble) {
    return answer(std::unexpected(trouble.what()));
  }
  read_next(std::make_shared<Setting>(Setting{.requests = requests,
                                              .count = *count_,
                                              .by = std::move(by),
                                              .now = now,
                                              .answer = std::move(answer),
                                              .book = std::move(book)}));
}

void MainsDesk::ask(const std::shared_ptr<Setting>& setting, Request request,
                    std::function<Done(const Reply&)> take,
                    void (MainsDesk::*next)(std::shared_ptr<Setting>)) {
  const auto& clamp = setting->count.clamps[setting->next];
  request.channel = static_cast<std::uint8_t>(clamp.channel);
  setting->requests.ask(home_.id, clamp.device, request, setting->now,
                        [this, setting, take = std::move(take), next,
                         clamp](const std::expected<const Reply*, MeterRequests::Failure>& reply) {
                          const auto taken =
                              reply ? take(**reply)
                                    : std::unexpected(sentence(reply.error(), clamp.device));
                          if (!taken) {
                            // Some may be set: a gain that was counted before holds no more.
                            if (setting->has_begun) end();
                            return setting->answer(std::unexpected(fmt::format(
                                "{}: {}{}", name_of(clamp), taken.error(),
                                setting->has_begun ? " Undo what is set, or count anew." : "")));
                          }
                          ++setting->next;
                          (this->*next)(setting);
                        });
}

void MainsDesk::read_next(std::shared_ptr<Setting> setting) {
  const auto& count = setting->count;
  if (setting->next == count.clamps.size()) {
    setting->next = 0;
    return set_next(setting);
  }
  ask(
      setting, {.kind = Request::Kind::read_words},
      [this, setting](const Reply& reply) -> Done {
        if (reply.outcome != Reply::Outcome::done) {
          return std::unexpected(measurement::sentence(reply.outcome));
        }
        const auto& clamp = setting->count.clamps[setting->next];
        const auto words = insight::raised(reply.words, setting->count.gain.factor);
        if (!words) return std::unexpected(words.error());
        const auto channel = static_cast<int>(clamp.channel);
        const auto* known = newest_calibration(setting->book, clamp.device, channel);
        const auto before =
            known && known->after == reply.words ? known->accuracy : insight::uncalibrated(0, 0);
        setting->records.push_back(
            {.device = clamp.device,
             .channel = channel,
             .time = setting->now,
             .reference =
                 fmt::format("The utility's meter, class {:g}, {} blinks",
                             setting->count.utility.percent, setting->count.utility.blinks),
             .by = setting->by,
             .clamp = known ? known->clamp : "",
             .volts = home_.nominal_voltage_v,
             .before = reply.words,
             .after = *words,
             .accuracy = insight::by_light(before, setting->count.gain,
                                           setting->count.clamps.size(), setting->count.amperes),
             .no_load_a = known ? known->no_load_a : 0});
        return {};
      },
      &MainsDesk::read_next);
}

void MainsDesk::set_next(std::shared_ptr<Setting> setting) {
  if (setting->next == setting->records.size()) {
    if (count_) count_->is_set = true;
    return setting->answer({});
  }
  setting->has_begun = true;
  const auto& record = setting->records[setting->next];
  ask(
      setting,
      {.kind = Request::Kind::write_words, .expected = record.before, .wanted = record.after},
      [this, setting](const Reply& reply) -> Done {
        auto& set = setting->records[setting->next];
        const auto kept = is_kept(reply, set.after);
        if (!kept) return std::unexpected(kept.error());
        set.is_kept = *kept;
        return note_calibration(set, book_);
      },
      &MainsDesk::set_next);
}

}  // namespace hub
