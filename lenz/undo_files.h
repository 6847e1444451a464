// The way back from what was written into Home Assistant's statistics.

#pragma once

#include <string>

#include "hub/integrations/home_assistant_statistics.h"

namespace lenz {

// Keeps what takes a plan back in FOLDER/undo, the newest fifty of them. Returns the file's path.
// Throws std::runtime_error with one sentence when it cannot be written.
std::string keep_undo(const std::string& folder, const hub::StatisticsPlan& done,
                      measurement::Timestamp now);

// The same in a file that somebody named, which must not exist.
void write_undo(const std::string& file, const hub::StatisticsPlan& done,
                measurement::Timestamp now);

}  // namespace lenz
