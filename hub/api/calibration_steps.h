// What the steps of calibrating over HTTP have in common: who asks, what was sent, what is noted.

#pragma once

#include <functional>
#include <nlohmann/json.hpp>
#include <span>
#include <string>
#include <string_view>

#include "hub/api/routes.h"
#include "hub/calibration_desks.h"

namespace hub {

// Thrown before anything is asked.
struct BadBody {
  std::string sentence;
};

inline constexpr std::size_t most_calibration_text = 200;  // Bytes.
std::string text_in(const nlohmann::ordered_json& body, const char* name,
                    std::size_t most = most_calibration_text);
double number_in(const nlohmann::ordered_json& body, const char* name, double least, double most);
std::pair<std::string, int> channel_in(const Call&, const nlohmann::ordered_json& body);

std::string who(const Call&);

using Asking = CalibrationDesk::Asking;
using Work = std::function<void(Asking)>;
// Done only once it is noted who does it.
Work noted(const Call&, std::string what, Work);

// Throws BadBody.
using CalibrationStep = Work (*)(const Call&, CalibrationDesks&,
                                 const nlohmann::ordered_json& body);
// One that asks no meter and changes nothing, in pieces. Nothing: it is to be called again.
using Look = std::function<std::optional<std::expected<void, std::string>>()>;
struct NamedStep {
  std::string_view name;
  CalibrationStep step;
  Look (*look)(CalibrationDesks&, measurement::Timestamp now) = nullptr;  // Instead of it.
};

// Those that need no reference at the clamp: the utility's meter, a switched load, the sum of all
// branches, a clamp's model.
std::span<const NamedStep> closed_panel_steps();
// Adds what there is to tell of them. Throws std::runtime_error with one sentence.
void tell_closed_panel(nlohmann::ordered_json& told, CalibrationDesks&, measurement::Timestamp now);

}  // namespace hub
