#include "lenz/process_figures.h"

#include <fmt/format.h>
#include <unistd.h>

#include <fstream>
#include <sstream>
#include <string>

namespace lenz {

ProcessFigures figures_of(int pid) {
  ProcessFigures figures;
  std::ifstream stat(fmt::format("/proc/{}/stat", pid));
  std::string text((std::istreambuf_iterator<char>(stat)), {});
  // The name, in brackets, may have any characters; utime and stime are fields 14 and 15 (proc(5)).
  const auto name_end = text.rfind(')');
  if (name_end == std::string::npos) return figures;
  std::istringstream fields(text.substr(name_end + 1));
  std::string skipped;
  for (int field = 3; field < 14; ++field) fields >> skipped;
  double user = 0, system = 0;
  fields >> user >> system;
  figures.cpu_s = (user + system) / static_cast<double>(sysconf(_SC_CLK_TCK));

  std::ifstream status(fmt::format("/proc/{}/status", pid));
  for (std::string key; status >> key;) {
    double kib = 0;
    if (key == "VmRSS:" && status >> kib) figures.rss_mib = kib / 1024;
    if (key == "VmHWM:" && status >> kib) figures.most_rss_mib = kib / 1024;
    std::getline(status, skipped);
  }
  return figures;
}

}  // namespace lenz
