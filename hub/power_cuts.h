// Sees when the mains were away, and what did not come back with them.

#pragma once

#include <chrono>
#include <cstdint>
#include <expected>
#include <functional>
#include <map>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "hub/appliance_book.h"
#include "hub/home.h"
#include "hub/live_feed.h"
#include "hub/store/store.h"

namespace hub {

struct Outage {
  measurement::Timestamp begin{}, end{};  // The last sample before it, the first after it.
};

// Follows all meters of a home. The mains were away while each of them was silent, after which it
// had begun anew, or measured less than a third of the nominal voltage; all at the same time, since
// one alone may have been pulled out.
class PowerCutWatch {
 public:
  explicit PowerCutWatch(double nominal_voltage_v) : nominal_voltage_v_(nominal_voltage_v) {}

  // In the order of time. A cut is given once: when every meter is back, or five minutes after the
  // first.
  std::optional<Outage> take(const std::string& device, std::uint64_t boot, measurement::Timestamp,
                             const measurement::Sample&);

 private:
  struct Meter {
    std::uint64_t boot = 0;
    measurement::Timestamp heard{};     // Last.
    measurement::Timestamp supplied{};  // Last heard, with voltage or without a word of it.
    std::optional<Outage> away;         // The latest.
  };
  std::optional<Outage> judge(measurement::Timestamp now);

  double nominal_voltage_v_;
  std::map<std::string, Meter, std::less<>> meters_;
  std::optional<measurement::Timestamp> back_;  // Of the first, while others are waited for.
};

// What was on when the power went, or comes and goes all day, and has not drawn again.
struct NotBack {
  ApplianceNumber appliance = 0;
  measurement::Timestamp due{};  // From when on that is worth a look.
};

// `runs`: of some days before the cut and all since. A fridge, and whatever else comes and goes all
// day, is due after twice its longest pause; what just ran, a quarter of an hour after the power is
// back. By due.
std::vector<NotBack> not_back(const Outage&, std::span<const BookedRun> runs);

// Circuits that never fell below 3 W on the day before the cut, and draw less than a third of that
// since it ended, for five minutes at least.
std::expected<std::vector<std::string>, StoreError> dark_circuits(Store&, const Panel&,
                                                                  const Outage&,
                                                                  measurement::Timestamp now);

// The latest cut of a home, while it is of interest.
class PowerCuts {
 public:
  // All outlive it.
  PowerCuts(Store&, LiveFeed&, const Home&);

  struct Report {
    Outage cut;
    std::vector<ApplianceNumber> not_back;    // Though it was time.
    std::vector<ApplianceNumber> waited_for;  // That are not due yet.
    std::vector<std::string> dark;            // Circuits.
  };
  using Runs = std::function<std::vector<BookedRun>(TimeRange)>;
  static constexpr std::chrono::days of_interest{1};
  // Absent: none in the last day. Looked at once a minute; a circuit whose samples cannot be read
  // is not called dark.
  std::optional<Report> latest(measurement::Timestamp now, const Runs&);

 private:
  struct Meter {
    measurement::Timestamp heard{};
    std::uint64_t boot = 0;
  };
  void hear(const LiveFeed::Moment&);
  void hear_what_came_late();
  void take(const std::string& device, std::uint64_t boot, measurement::Timestamp,
            const measurement::Sample&);
  std::optional<Store::Last> last_of(const std::string& device);

  Store& store_;
  const Home& home_;
  PowerCutWatch watch_;
  std::map<std::string, Meter, std::less<>> meters_;
  std::optional<Outage> cut_;
  std::optional<Report> report_;
  measurement::Timestamp reported_at_{};
  LiveFeed::Subscription subscription_;
};

}  // namespace hub
