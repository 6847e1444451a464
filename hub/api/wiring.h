// What the wiring doctor says, as JSON; docs/http_api.yaml.

#pragma once

#include <string>

#include "hub/doctor_desk.h"

namespace hub {

// One meter's object.
std::string wiring_text(const WiringExamination&);

// Of all meters that were looked at; asks for a new look where the last one is old.
std::string wiring_text(DoctorDesk&, const Home&, measurement::Timestamp now);

}  // namespace hub
