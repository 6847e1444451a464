// Calibration as a talk with whoever stands at the panel.

#pragma once

#include <functional>
#include <optional>
#include <string>

#include "hub/calibration_course.h"
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

// Offsets, loads, words, check; asks for the reference where its name is empty. Nothing: it was
// called off, and the meter is as it was. Throws std::runtime_error with one sentence.
std::optional<hub::CalibrationRecord> calibrate_channel(const hub::CalibrationPlan&, const Talk&,
                                                        const AskMeter&,
                                                        measurement::Timestamp now);

// What a channel's power may be off by, as a table.
std::string accuracy_text(const insight::Accuracy&, double volts);

}  // namespace lenz
