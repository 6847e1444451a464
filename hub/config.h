// The home's configuration file, home.toml: read at start, written when the
// panel is changed. docs/home_format.md is its page.

#pragma once

#include <cstddef>
#include <filesystem>

#include "hub/home.h"

namespace hub {

inline constexpr std::size_t max_home_file_bytes = 1 << 20;

// Throws std::runtime_error with one sentence that names the file, the line where there is one, and
// the remedy. A key that is not known is refused: a typing error must not pass unnoticed. What it
// returns has no fault (find_fault).
Home load_home(const std::filesystem::path&);

// Replaces the file as a whole: after a power cut there is the old one or the new one, never half
// of one. Whoever may read the folder may read it (mode 0644). load_home gives back an equal home.
// Throws std::runtime_error like load_home, also for a home that has a fault; the old file stays.
void save_home(const Home&, const std::filesystem::path&);

}  // namespace hub
