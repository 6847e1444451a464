#include "simulator/people.h"

#include <algorithm>

#include "simulator/chance.h"

namespace simulator {
namespace {

using std::chrono::milliseconds;

milliseconds hours(double h) { return milliseconds(static_cast<std::int64_t>(h * 3'600'000)); }

class Pen {
 public:
  Pen(Day& day, Chance& chance) : day_(day), chance_(chance) {}

  // Around a time of the day, if they are at home and up then.
  void maybe(double likely, Activity activity, double hour, double spread_h) {
    const bool done = chance_.happens(likely);
    const auto at = hours(std::clamp(chance_.normal(hour, spread_h), 0.1, 23.9));
    if (done && day_.is_home(at) && day_.is_awake(at)) day_.uses.push_back({activity, at});
  }

 private:
  Day& day_;
  Chance& chance_;
};

}  // namespace

Day live(std::chrono::local_days date, std::uint64_t seed) {
  Chance chance(seed ^ mix(static_cast<std::uint64_t>(date.time_since_epoch().count())));
  const std::chrono::weekday weekday(date);
  const bool weekend = weekday == std::chrono::Saturday || weekday == std::chrono::Sunday;
  const double wakes = chance.normal(weekend ? 8.2 : 6.6, 0.25);
  const double leaves = chance.normal(weekend ? 13 : 8, weekend ? 1 : 0.2);
  const double returns = leaves + chance.normal(weekend ? 3 : 9.3, weekend ? 0.6 : 0.4);

  Day day;
  day.wakes = hours(wakes);
  day.leaves = hours(leaves);
  day.returns = hours(returns);
  day.sleeps = hours(std::min(chance.normal(weekend ? 23.2 : 22.7, 0.3), 23.9));
  day.goes_out = chance.happens(weekend ? 0.6 : 0.85);

  Pen pen(day, chance);
  pen.maybe(0.95, Activity::shower, wakes + 0.3, 0.08);
  pen.maybe(0.7, Activity::shower, wakes + 0.7, 0.1);
  pen.maybe(0.5, Activity::shower, 21.3, 0.5);
  pen.maybe(0.95, Activity::hot_drink, wakes + 0.5, 0.1);
  pen.maybe(0.9, Activity::breakfast, wakes + 0.7, 0.1);
  pen.maybe(0.8, Activity::snack, 12.5, 0.5);
  pen.maybe(0.7, Activity::hot_drink, 15.5, 0.8);
  pen.maybe(weekend ? 0.45 : 0.15, Activity::roast, 18.2, 0.4);
  pen.maybe(0.8, Activity::dinner, 18.5, 0.4);
  pen.maybe(0.4, Activity::snack, 19.2, 1);
  pen.maybe(0.5, Activity::hot_drink, 20.3, 0.6);
  pen.maybe(0.7, Activity::dishes, 20, 0.5);
  pen.maybe(0.85, Activity::television, 20, 0.6);
  pen.maybe(weekend ? 0.6 : 0.15, Activity::television, 15, 1.5);
  pen.maybe(weekend ? 0.5 : 0.6, Activity::desk, weekend ? 11 : 19.5, 1);
  pen.maybe(day.goes_out ? 0 : 0.9, Activity::desk, 9.5, 0.5);
  const bool washes = weekend || weekday == std::chrono::Wednesday;
  pen.maybe(washes ? 0.75 : 0.1, Activity::laundry, weekend ? 10.2 : 18.6, 0.5);
  pen.maybe(weekend ? 0.35 : 0, Activity::laundry, 17, 0.7);
  for (double hour = 0.5; hour < 24; hour += 1) pen.maybe(0.7, Activity::water, hour, 0.25);
  if (day.goes_out && chance.happens(0.7)) {
    day.uses.push_back({Activity::drive, day.returns + hours(chance.between(0.03, 0.3))});
  }
  return day;
}

}  // namespace simulator
