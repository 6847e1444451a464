// The course of one channel's calibration beside a reference, from how it is set to the record of
// what it was set to: the rules behind `lenz calibrate` and the guide on the page.
//
//   take_words ──> take_percents ──> take_no_load ──> take_load, once or more ──> take_set ──>
//   check
//
// It asks nobody. Each step has a request that the meter is to be asked, and takes its reply; what
// is refused is a sentence, and leaves the course as it was.

#pragma once

#include <array>
#include <cmath>
#include <cstdint>
#include <expected>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "hub/calibration_book.h"
#include "insight/calibration/calibrate.h"
#include "measurement/request.h"

namespace hub {

struct CalibrationPlan {
  std::string device;
  int channel = 0;
  int line_frequency = 50;
  double volts = 230;
  std::string clamp;  // A model, or any text with `class_percent` and `rated_a`.
  double class_percent = 0, rated_a = 0;
  std::string reference;
  std::string by;
};

// Volts, amperes and watts as somebody typed them: "230.4", of which 0.1 is the last digit. Empty,
// or "-": the reference does not show it.
using Typed = std::array<std::string, 3>;

class CalibrationCourse {
 public:
  using Done = std::expected<void, std::string>;

  // Refused: a clamp whose model is not known and which is not described.
  static std::expected<CalibrationCourse, std::string> begin(CalibrationPlan);

  const CalibrationPlan& plan() const { return plan_; }
  void name_reference(std::string name) { plan_.reference = std::move(name); }

  measurement::Request read_words() const;
  Done take_words(const measurement::Reply&);
  const measurement::ChannelWords& words() const { return input_.words; }  // That were set before.

  // The reference's own +- in percent of each.
  Done take_percents(const Typed&);

  // 14 seconds without load: a skipped one leaves the offsets as they are.
  measurement::Request read_no_load() const;
  Done take_no_load(const measurement::Reply&);
  const std::optional<measurement::RawChannel>& no_load() const { return input_.no_load; }

  // What is wrong with what was typed, before the meter is asked.
  Done may_read(const Typed& shown, insight::LoadKind) const;
  // 8.4 seconds of a load that the reference shows, too.
  measurement::Request read_load() const;
  Done take_load(const Typed& shown, insight::LoadKind, const measurement::Reply&);
  const std::vector<insight::CalibrationLoad>& loads() const { return loads_; }

  // Of the loads so far; nothing: none was taken.
  const std::optional<insight::Calibration>& result() const { return result_; }

  // Sets the result where the meter is still set as it was read. Only with a result.
  measurement::Request set() const;
  // The course goes on with the words that were set.
  std::expected<CalibrationRecord, std::string> take_set(const measurement::Reply&,
                                                         measurement::Timestamp now);

  struct Check {
    double reference_w = 0, meter_w = 0;
    double off_percent = 0, plus_minus_percent = 0;  // The latter as stated, at this load.
    bool is_within() const { return std::abs(off_percent) <= plus_minus_percent; }
  };
  // Of a reading with read_load() once it is set.
  std::expected<Check, std::string> check(const Typed& shown, insight::LoadKind,
                                          const measurement::Reply&) const;

 private:
  explicit CalibrationCourse(CalibrationPlan plan) : plan_(std::move(plan)) {}

  measurement::Request ask(measurement::Request::Kind, std::uint16_t windows = 0) const;
  std::expected<measurement::RawChannel, std::string> raw_of(const measurement::Reply&) const;
  std::expected<insight::CalibrationLoad, std::string> load_of(const Typed&,
                                                               insight::LoadKind) const;

  CalibrationPlan plan_;
  std::array<std::optional<double>, 3> percents_;
  insight::CalibrationInput input_;  // Its loads are `loads_`.
  std::vector<insight::CalibrationLoad> loads_;
  std::optional<insight::Calibration> result_;
};

// Of a reply to words that were to be set: whether the meter keeps them over its restarts. Refused:
// they are not set.
std::expected<bool, std::string> is_kept(const measurement::Reply&,
                                         const measurement::ChannelWords& wanted);

// Undoing a calibration: the channel has its words of before again, where it still has those that
// it was set to.
measurement::Request undo(const CalibrationRecord&);
// The record of it: what the channel may be off by is as it was stated for the words of before, or
// as of one that nobody calibrated.
std::expected<CalibrationRecord, std::string> take_undone(const std::vector<CalibrationRecord>& all,
                                                          const CalibrationRecord&,
                                                          const measurement::Reply&, std::string by,
                                                          measurement::Timestamp now);

}  // namespace hub
