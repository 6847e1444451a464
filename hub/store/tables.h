// The tables of lenz.db, and how those of earlier versions become them. docs/store_format.md has
// them all.

#pragma once

#include <string>

#include "hub/files/files.h"
#include "hub/store/database.h"

namespace hub {

// In the folder, which is created if it is not there. Throws std::runtime_error with one sentence:
// no access, no room, damaged, or of a later version.
Database open_tables(Files&, const std::string& folder, Database::Use);

}  // namespace hub
