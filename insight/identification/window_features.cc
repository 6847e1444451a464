#include "insight/identification/window_features.h"

#include <algorithm>
#include <cassert>
#include <limits>
#include <ratio>

namespace insight {
namespace {

constexpr float unknown = std::numeric_limits<float>::quiet_NaN();

// Seconds.
constexpr std::array spans{15, 30, 60, 120, 240, 480, 900, 1800, 3600, 7200};
constexpr std::array opening_spans{20,  40,  60,  90,   120,  180,  240, 360,
                                   480, 720, 960, 1440, 1920, 2880, 3600};
constexpr std::array ring_edges{0, 15, 30, 60, 120, 240, 480, 960, 1920, 3600, 7200};
constexpr std::size_t rings = ring_edges.size() - 1, near_rings = 5;
// What lasts from one opening to the next: heaters' pulses, motors, compressors.
struct BandRow {
  std::size_t from, to;  // Of opening_spans.
};
constexpr std::array band_rows{BandRow{0, 2}, BandRow{2, 6}, BandRow{6, 9}, BandRow{9, 12},
                               BandRow{12, 14}};
constexpr float heater_from_w = 900, small_from_w = 40, small_to_w = 300;
struct WindowRow {
  int from_s, to_s;
};
constexpr std::array past_windows{WindowRow{-3600, 0}, WindowRow{-900, 0}};
constexpr std::array future_windows{WindowRow{0, 3600}, WindowRow{0, 900}};

constexpr std::size_t live_features = 6 + 2 * spans.size() + rings +
                                      past_windows.size() * (1 + band_rows.size() * 2) +
                                      Pulses::live_count + Pulses::home_count;
constexpr std::size_t settled_features =
    live_features - Pulses::live_count + Pulses::settled_count + 2 * spans.size() +
    opening_spans.size() + 1 + rings + future_windows.size() * (1 + band_rows.size() * 2);

// From 4 in the morning on, when least changes.
float hour_of_day(measurement::Timestamp time, std::optional<std::chrono::minutes> utc_offset) {
  if (!utc_offset) return unknown;
  constexpr std::chrono::hours day_begins(4), day(24);
  const auto since = (time + *utc_offset - day_begins).time_since_epoch() % day;
  return std::chrono::duration<float, std::ratio<3600>>(since).count();
}

constexpr std::int64_t ms(int seconds) { return std::int64_t{1000} * seconds; }

}  // namespace

std::size_t WindowFeatures::live_count() { return live_features; }
std::size_t WindowFeatures::settled_count() { return settled_features; }

void WindowFeatures::Extreme::add(std::size_t index, float value) {
  while (queue.size() > head &&
         (greatest ? queue.back().second <= value : queue.back().second >= value)) {
    queue.pop_back();
  }
  queue.emplace_back(index, value);
}

// Drops what begins before `from`.
float WindowFeatures::Extreme::over(std::int64_t from, const WindowFeatures& all) {
  while (queue.size() > head &&
         (queue[head].first < all.first_ || all.held(queue[head].first).at_ms < from)) {
    ++head;
  }
  if (head > 64 && 2 * head > queue.size()) {
    queue.erase(queue.begin(), queue.begin() + static_cast<std::ptrdiff_t>(head));
    head = 0;
  }
  return queue.size() > head ? queue[head].second : unknown;
}

float WindowFeatures::Extreme::of_power(const WindowFeatures& all, std::int64_t instant) {
  next = std::max(next, all.first_);
  while (next < all.end_index() && all.held(next).at_ms <= instant + to_ms) {
    add(next, all.held(next).slot.active_power.value);
    ++next;
  }
  return over(instant + from_ms, all);
}

void WindowFeatures::Stretch::move(const WindowFeatures& all, std::int64_t instant) {
  begin = std::max(begin, all.first_);
  while (begin < all.end_index() && all.held(begin).at_ms < instant + from_ms) ++begin;
  end = std::max(end, begin);
  while (end < all.end_index() && all.held(end).at_ms < instant + to_ms) ++end;
}

WindowFeatures::WindowFeatures(measurement::Volts nominal_voltage,
                               std::optional<std::chrono::minutes> utc_offset)
    : nominal_voltage_(nominal_voltage), utc_offset_(utc_offset) {
  static_assert(openings == opening_spans.size() && bands == band_rows.size());
  for (std::size_t k = 0; k < openings; ++k) {
    const auto span = ms(opening_spans[k]);
    openings_[k].least = {.from_ms = 0, .to_ms = span - 1};
    openings_[k].greatest = {.from_ms = 1 - span, .to_ms = 0, .greatest = true};
  }
  for (auto* view : {&live_, &settled_}) {
    for (const bool future : {false, true}) {
      if (future && view == &live_) continue;
      for (const auto span : spans) {
        const auto from = future ? 0 : -ms(span), to = future ? ms(span) : 0;
        view->least.push_back({.from_ms = from, .to_ms = to});
        view->greatest.push_back({.from_ms = from, .to_ms = to, .greatest = true});
      }
      for (std::size_t k = 0; k < rings; ++k) {
        const auto near = ms(ring_edges[k]), far = ms(ring_edges[k + 1]);
        view->rings.push_back(future ? Stretch{.from_ms = near + 1, .to_ms = far + 1}
                                     : Stretch{.from_ms = -far, .to_ms = -near});
      }
      for (const auto& window : future ? future_windows : past_windows) {
        view->band_windows.push_back({.from_ms = ms(window.from_s), .to_ms = ms(window.to_s)});
      }
    }
  }
}

void WindowFeatures::take(const Slot& slot, std::chrono::milliseconds longest) {
  Held next{.slot = slot, .at_ms = slot.begin.time_since_epoch().count()};
  if (!history_.empty()) {
    const auto& last = history_.back();
    const auto lasted = std::min(next.at_ms - last.at_ms, longest.count());
    const double lasted_s = static_cast<double>(lasted) / 1000;
    next.before_s = last.before_s + lasted_s;
    next.before_ws = last.before_ws + lasted_s * last.slot.active_power.value;
    interval_s_ = lasted_s;
  }
  history_.push_back(next);
  pulses_.take(next.at_ms, slot.active_power.value);
  open();
  sum_bands();
}

void WindowFeatures::end() {
  ended_ = true;
  open();
  sum_bands();
}

void WindowFeatures::open() {
  for (std::size_t k = 0; k < openings; ++k) {
    auto& opening = openings_[k];
    while (opening.next < end_index()) {
      const auto at = held(opening.next).at_ms;
      if (!ended_ && history_.back().at_ms <= at + opening.least.to_ms) break;
      opening.greatest.add(opening.next, opening.least.of_power(*this, at));
      held(opening.next).opening[k] = opening.greatest.over(at + opening.greatest.from_ms, *this);
      ++opening.next;
    }
  }
}

void WindowFeatures::sum_bands() {
  for (std::size_t b = 0; b < bands; ++b) {
    auto& next = band_next_[b];
    const auto& row = band_rows[b];
    // The sums before the slot after it need how long it lasted, so that one must be there.
    while (next + 1 < end_index() && next < openings_[row.to].next) {
      const auto& now = held(next);
      auto& then = held(next + 1);
      const double lasted_s = then.before_s - now.before_s;
      const float power = now.opening[row.from] - now.opening[row.to];
      const bool heats = power >= heater_from_w,
                 is_small = power >= small_from_w && power < small_to_w;
      then.band_before_ws[b][0] = now.band_before_ws[b][0] + (heats ? lasted_s * power : 0);
      then.band_before_ws[b][1] = now.band_before_ws[b][1] + (is_small ? lasted_s * power : 0);
      ++next;
    }
  }
}

void WindowFeatures::live(std::span<float> features) {
  assert(features.size() == live_features && "BUG: another number of features");
  write(live_, end_index() - 1, false, features);
}

std::optional<Slot> WindowFeatures::settle(std::span<float> features) {
  assert(features.size() == settled_features && "BUG: another number of features");
  if (next_settled_ == end_index()) return std::nullopt;
  const auto at = held(next_settled_).at_ms;
  if (!ended_ && history_.back().at_ms < at + lag.count()) return std::nullopt;
  const auto slot = held(next_settled_).slot;
  write(settled_, next_settled_, true, features);
  ++next_settled_;
  forget();
  return slot;
}

void WindowFeatures::forget() {
  const auto keep_from = held(next_settled_ - 1).at_ms - past.count();
  while (history_.size() > 1 && first_ + 1 < next_settled_ && history_.front().at_ms < keep_from) {
    history_.pop_front();
    ++first_;
  }
}

void WindowFeatures::write(View& view, std::size_t index, bool with_future,
                           std::span<float> features) {
  const auto& now = held(index);
  const float power = now.slot.active_power.value;
  auto out = features.begin();
  const auto put = [&](float value) { *out++ = value; };

  put(power);
  // Of 1 to 9 s there are slots of some 6 s: they are told apart by nothing.
  put(interval_s_ < 10 ? 6.0F : static_cast<float>(interval_s_));
  auto& above = *out++;
  float base = power;
  for (std::size_t k = 0; k < view.least.size(); ++k) {
    const float least = view.least[k].of_power(*this, now.at_ms);
    base = std::min(base, least);
    put(power - least);
    put(view.greatest[k].of_power(*this, now.at_ms) - power);
  }
  above = power - base;
  for (std::size_t k = 0; k < view.rings.size(); ++k) {
    auto& ring = view.rings[k];
    ring.move(*this, now.at_ms);
    const auto end = std::min(ring.end, end_index() - 1), begin = std::min(ring.begin, end);
    const double seconds = held(end).before_s - held(begin).before_s;
    const double energy = held(end).before_ws - held(begin).before_ws;
    const float beside = k % rings < near_rings ? power : base;
    put(seconds > 0 ? static_cast<float>(energy / seconds) - beside : unknown);
  }
  put(base);
  put(nominal_voltage_.value);
  put(hour_of_day(now.slot.begin, utc_offset_));
  for (auto& window : view.band_windows) {
    window.move(*this, now.at_ms);
    const auto last = std::min(window.end, end_index() - 1), first = std::min(window.begin, last);
    const double window_s = held(last).before_s - held(first).before_s;
    const double window_ws = held(last).before_ws - held(first).before_ws;
    put(window_s > 0 ? static_cast<float>(window_ws / window_s) : unknown);
    for (std::size_t b = 0; b < bands; ++b) {
      const auto end = std::min({window.end, band_next_[b], end_index() - 1});
      const auto begin = std::min(window.begin, end);
      const double seconds = held(end).before_s - held(begin).before_s;
      for (std::size_t level = 0; level < levels; ++level) {
        const double energy =
            held(end).band_before_ws[b][level] - held(begin).band_before_ws[b][level];
        put(seconds > 0 ? static_cast<float>(energy / seconds) : unknown);
      }
    }
  }
  for (const float figure : pulses_.home()) put(figure);
  if (!with_future) {
    pulses_.live(now.at_ms, std::span(out, features.end()).first<Pulses::live_count>());
    out += Pulses::live_count;
  } else {
    pulses_.settled(now.at_ms, std::span(out, features.end()).first<Pulses::settled_count>());
    out += Pulses::settled_count;
    float upper = power;
    for (const auto opening : now.opening) {
      put(upper - opening);
      upper = opening;
    }
    put(upper - base);
  }
  assert(out == features.end() && "BUG: another number of features");
}

}  // namespace insight
