// Calibration as a talk with whoever stands at the panel.

#pragma once

#include <functional>
#include <optional>
#include <string>

#include "hub/calibration_book.h"
#include "measurement/request.h"

namespace lenz {

// The person: the terminal, or a test.
struct Talk {
  std::function<void(const std::string& words)> say;
  // The answer, without its line's end; nothing: there is nobody any more.
  std::function<std::optional<std::string>(const std::string& question)> ask;
};

// The meter. Gives the request its identity; throws std::runtime_error with one sentence when there
// is no reply.
using AskMeter = std::function<measurement::Reply(measurement::Request)>;

struct CalibrationGuide {
  std::string device;
  int channel = 0;
  int line_frequency = 50;
  double volts = 230;
  std::string clamp;  // A model, or any text with `class_percent` and `rated_a`.
  double class_percent = 0, rated_a = 0;
  std::string reference;  // Asked for where it is empty.
  std::string by;
};

// Offsets, loads, words, check. Nothing: it was called off, and the meter is as it was. Throws
// std::runtime_error with one sentence.
std::optional<hub::CalibrationRecord> calibrate_channel(const CalibrationGuide&, const Talk&,
                                                        const AskMeter&,
                                                        measurement::Timestamp now);

// What a channel's power may be off by, as a table.
std::string accuracy_text(const insight::Accuracy&, double volts);

}  // namespace lenz
