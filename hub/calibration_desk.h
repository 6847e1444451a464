// Calibrates channels of a home for who is led through it on a page: one course at a time, whose
// requests go to the meter beside all else, and the book of what was set.

#pragma once

#include <deque>
#include <expected>
#include <filesystem>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "hub/calibration_book.h"
#include "hub/calibration_course.h"
#include "hub/home.h"
#include "hub/live_feed.h"
#include "hub/meter_requests.h"

namespace hub {

class CalibrationDesk {
 public:
  static constexpr std::chrono::minutes patience{30};  // With one who does nothing.
  static constexpr std::size_t watched = 8;            // Samples.

  // Feed and home outlive it. The book is calibrations.toml of the home.
  CalibrationDesk(LiveFeed&, const Home&, std::filesystem::path book);

  struct Reading {
    measurement::Timestamp time;
    std::optional<double> volts, amperes, watts;
  };
  struct Guide {
    CalibrationCourse course;
    std::deque<Reading> readings;             // The newest of the channel, oldest first.
    std::optional<CalibrationRecord> record;  // Once it is set.
    std::optional<CalibrationCourse::Check> check;
    measurement::Timestamp touched{};
    LiveFeed::Subscription listening{};

    // The unrest of the load by the newest samples, as insight::unrest() has it.
    std::optional<double> unrest() const;
  };
  // Null: nothing is calibrated, or nobody has done anything for `patience`.
  const Guide* guide(measurement::Timestamp now);

  // Why it was not done, in a sentence; then the guide is as it was. Called once, here or later.
  using Answer = std::function<void(std::expected<void, std::string>)>;
  // A meter's requests outlive what is answered by them.
  struct Asking {
    MeterRequests& requests;
    measurement::Timestamp now;
    Answer answer;
  };

  // Takes the place of a course that nobody has finished.
  void begin(CalibrationPlan, const Typed& percents, Asking);
  void read_no_load(Asking);
  void read_load(Typed shown, insight::LoadKind, Asking);
  void set(Asking);
  void check(Typed shown, insight::LoadKind, Asking);
  void end() { guide_.reset(); }

  // The newest calibration of a channel.
  void undo(const std::string& device, int channel, std::string by, Asking);

  // Throws std::runtime_error with one sentence.
  std::vector<CalibrationRecord> records() const { return load_calibrations(book_); }

 private:
  using Taking = std::function<CalibrationCourse::Done(Guide&, const measurement::Reply&)>;

  // The guide that is under way; null where there is none, which is answered.
  std::shared_ptr<Guide> held(const Asking&);
  void ask(std::shared_ptr<Guide>, measurement::Request, Asking, Taking);

  LiveFeed& live_;
  const Home& home_;
  const std::filesystem::path book_;
  std::shared_ptr<Guide> guide_;  // Shared with the reply that it waits for.
};

}  // namespace hub
