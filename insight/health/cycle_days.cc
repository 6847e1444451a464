#include "insight/health/cycle_days.h"

#include <algorithm>
#include <cmath>
#include <utility>

namespace insight {

using measurement::Timestamp;

namespace {

constexpr double day_s = 86400;
constexpr double fewest_s = 0.7 * day_s;  // Of a day that were seen, to count.
// Of the usual power. Below: a lamp behind the door, a control. Above: a motor that stands, where
// it is short, else the heater of a defrost.
constexpr float least_run = 0.6F, greatest_run = 1.7F;
constexpr float longest_try_s = 60;
constexpr double usual_memory_s = 2 * day_s;  // Of time on.

Timestamp after(Timestamp t, double s) {
  return t + std::chrono::milliseconds(std::llround(s * 1000));
}

float median(std::vector<float>& values) {
  if (values.empty()) return detail::not_measured;
  const auto middle = values.begin() + static_cast<std::ptrdiff_t>(values.size() / 2);
  std::ranges::nth_element(values, middle);
  return *middle;
}

}  // namespace

Timestamp CycleDays::local_midnight(Timestamp t) const {
  return std::chrono::floor<std::chrono::days>(t + surroundings_.utc_offset) -
         surroundings_.utc_offset;
}

CycleDays::Use CycleDays::use_of(const DutyCycle& cycle) {
  const auto w = cycle.power_w;
  const bool is_known = seen_on_s_ > usual_memory_s / 24;
  const auto use = !is_known                            ? Use::run
                   : w < least_run * usual_power_w_     ? Use::other
                   : w <= greatest_run * usual_power_w_ ? Use::run
                   : cycle.on_s < longest_try_s         ? Use::failed_start
                                                        : Use::defrost;
  if (use == Use::run) {
    const auto on_s = static_cast<double>(cycle.on_s);
    seen_on_s_ = std::min(seen_on_s_ + on_s, usual_memory_s);
    if (seen_on_s_ > 0)
      usual_power_w_ += static_cast<float>(std::min(1.0, on_s / seen_on_s_)) * (w - usual_power_w_);
  }
  return use;
}

void CycleDays::take(const DutyCycle& cycle) {
  enter(local_midnight(cycle.begin));
  const auto use = use_of(cycle);
  if (use == Use::run) {
    sums_.run_times.push_back(cycle.on_s);
    sums_.peaks.push_back(cycle.peak_w);
    if (pause_s_ > 0) sums_.pauses.push_back(pause_s_);
    pause_s_ = 0;
  } else {
    pause_s_ += cycle.on_s;
  }
  pause_s_ += cycle.off_s;
  sums_.failed_starts += use == Use::failed_start ? 1 : 0;
  sums_.defrosts += use == Use::defrost ? 1 : 0;
  add(cycle.begin, cycle.on_s, [&](double s) {
    sums_.on_ws += s * static_cast<double>(cycle.power_w);
    if (use == Use::run) {
      sums_.run_s += s;
      sums_.run_ws += s * static_cast<double>(cycle.power_w);
    }
  });
  add(after(cycle.begin, static_cast<double>(cycle.on_s)), cycle.off_s, [&](double s) {
    sums_.off_s += s;
    sums_.off_ws += s * static_cast<double>(cycle.standby_w);
  });
}

void CycleDays::add(Timestamp begin, float seconds, auto&& count) {
  const auto end = after(begin, static_cast<double>(seconds));
  while (begin < end) {
    enter(local_midnight(begin));
    const auto until = std::min(end, *day_ + std::chrono::days(1));
    const auto s = std::chrono::duration<double>(until - begin).count();
    sums_.seen_s += s;
    const auto mean_of = [s](double& sum, double& time, float c) {
      if (!std::isnan(c)) sum += s * static_cast<double>(c), time += s;
    };
    mean_of(sums_.room_cs, sums_.room_s, surroundings_.room_c);
    mean_of(sums_.outdoor_cs, sums_.outdoor_s, surroundings_.outdoor_c);
    count(s);
    begin = until;
  }
}

// Time goes on only.
void CycleDays::enter(Timestamp midnight) {
  if (day_ && midnight <= *day_) return;
  close();
  day_ = midnight;
}

void CycleDays::close() {
  auto sums = std::exchange(sums_, {});
  if (!day_ || sums.seen_s < fewest_s) return;
  AssetDay day{.begin = *day_, .values = {}};
  day.values.fill(detail::not_measured);
  const auto a_day = [&](double sum) { return static_cast<float>(sum / sums.seen_s * day_s); };
  const auto mean = [](double sum, double of) {
    return of > 0 ? static_cast<float>(sum / of) : detail::not_measured;
  };
  day[Feature::energy] = a_day((sums.on_ws + sums.off_ws) / 3600);
  day[Feature::run_power] = mean(sums.run_ws, sums.run_s);
  day[Feature::duty] = mean(sums.run_s, sums.seen_s);
  day[Feature::run_time] = median(sums.run_times);
  day[Feature::pause] = median(sums.pauses);
  day[Feature::starts] = a_day(static_cast<double>(sums.run_times.size()));
  day[Feature::standby] = mean(sums.off_ws, sums.off_s);
  day[Feature::peak_power] = median(sums.peaks);
  day[Feature::defrosts] = a_day(sums.defrosts);
  day[Feature::failed_starts] = a_day(sums.failed_starts);
  day.room_c = mean(sums.room_cs, sums.room_s);
  day.outdoor_c = mean(sums.outdoor_cs, sums.outdoor_s);
  days_.push_back(day);
}

std::vector<AssetDay> CycleDays::take_days() { return std::exchange(days_, {}); }

}  // namespace insight
