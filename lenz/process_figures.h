// What a process costs, as Linux counts it.

#pragma once

#include <cstddef>

namespace lenz {

struct ProcessFigures {
  double cpu_s = 0;  // Of all its threads, in user and system, since its start.
  double rss_mib = 0, most_rss_mib = 0;
};

// Zeros where there is no such process.
ProcessFigures figures_of(int pid);

}  // namespace lenz
