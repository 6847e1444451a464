// A system that is a process of its own, as the kernel sees it.

#pragma once

#include <chrono>
#include <functional>
#include <string>

#include "bench/peers/system.h"

namespace bench {

// User and system seconds of a process, with those of its children if asked.
double cpu_s_of(int pid, bool with_children);
Memory memory_of(int pid, bool with_children);  // A page that is shared counts in each.

// Waits until the process has used less than 2 % of a core for so long.
void wait_until_quiet(int pid, bool with_children,
                      std::chrono::seconds quiet = std::chrono::seconds(3),
                      std::chrono::seconds most = std::chrono::minutes(20));

// Bytes of the files in a folder whose path holds `part`: what they use of the disk, or, if that is
// less, their length.
double bytes_in(const std::string& folder, const std::string& part = "");

// Seconds until `answers`; throws after a minute.
double wait_until(const std::string& name, const std::function<bool()>& answers);

int free_port();

}  // namespace bench
