// What the commands that calibrate have in common.

#pragma once

#include <string>

#include "hub/ingest/mqtt_ingest.h"
#include "lenz/calibration_guide.h"
#include "lenz/workplace.h"

namespace lenz {

// Where a home's files lie. Throws std::runtime_error with one sentence, as all of these.
std::string home_folder(const std::string& data, const std::string& home);
hub::BrokerAddress broker_in(const Workplace&);
Talk terminal();
std::string who(const std::string& by);  // Empty: who is signed in.

// What was read off the utility's meter, beside what the clamps counted.
void show_readings(const std::string& home_folder);

}  // namespace lenz
