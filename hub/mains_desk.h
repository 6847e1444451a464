// Sets the mains' clamps by the light of the utility's meter: what it counted while somebody, or a
// camera, saw it blink, beside what the clamps took meanwhile.

#pragma once

#include <expected>
#include <filesystem>
#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "hub/home.h"
#include "hub/meter_requests.h"
#include "hub/store/store.h"
#include "hub/words_course.h"
#include "insight/calibration/meter_light.h"

namespace hub {

struct SeenLight {
  std::vector<double> seconds;  // Since 1970 UTC, of each blink, rising.
  double per_kwh = 1000;        // Printed on the meter.
  double class_percent = 1;     // The same.
  double within_s = 0;          // When a blink was seen is right to this.
};

class MainsDesk {
 public:
  static constexpr std::chrono::minutes patience{30};  // With one who does nothing.

  // Store and home outlive it. The book is calibrations.toml of the home.
  MainsDesk(Store& store, const Home& home, std::filesystem::path book)
      : store_(store), home_(home), book_(std::move(book)) {}

  struct Count {
    std::string circuit;
    std::vector<ChannelUse> clamps;
    insight::CountedEnergy utility;
    double our_wh = 0;
    insight::MainsGain gain;
    double amperes = 0;   // Of a clamp, meanwhile.
    bool is_set = false;  // All clamps are.
    measurement::Timestamp touched{};

    double plus_minus_percent() const;  // Of what the clamps say together, 95 %.
  };
  // Null: nothing was counted, or nobody has done anything for `patience`.
  const Count* count(measurement::Timestamp now);

  // Nothing is set by it. Why it is no count: one sentence.
  std::expected<void, std::string> take(const std::string& circuit, const SeenLight&,
                                        measurement::Timestamp now);

  // Gives all clamps of the count the gain, and notes it: all are read before one is set, and each
  // is set only where it is still as it was read. Answered once, here or later.
  using Answer = std::function<void(std::expected<void, std::string>)>;
  void set(MeterRequests&, std::string by, measurement::Timestamp now, Answer);

  void end() { count_.reset(); }

 private:
  std::expected<double, std::string> our_wh(const std::string& circuit, double begin_s,
                                            double end_s) const;

  Store& store_;
  const Home& home_;
  const std::filesystem::path book_;
  std::optional<Count> count_;
};

// A gain for clamps that were measured together, `amperes` each.
std::vector<WordsChange> gain_changes(const std::vector<ChannelUse>& clamps,
                                      const insight::MainsGain&, double amperes,
                                      const std::string& reference);

}  // namespace hub
