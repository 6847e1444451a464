#include "bench/peers/process.h"

#include <arpa/inet.h>
#include <fmt/format.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <filesystem>
#include <fstream>
#include <sstream>
#include <stdexcept>
#include <thread>
#include <vector>

namespace bench {
namespace {

namespace fs = std::filesystem;
using namespace std::chrono_literals;

std::string text_of(const std::string& file) {
  std::ifstream in(file);
  return {std::istreambuf_iterator<char>(in), {}};
}

// The process, its children, theirs, ...
std::vector<int> family(int pid) {
  std::vector<int> found = {pid};
  for (std::size_t i = 0; i < found.size(); ++i) {
    std::error_code gone;
    for (const auto& task : fs::directory_iterator(fmt::format("/proc/{}/task", found[i]), gone)) {
      std::istringstream children(text_of(task.path() / "children"));
      for (int child = 0; children >> child;) found.push_back(child);
    }
  }
  return found;
}

std::vector<int> those_of(int pid, bool with_children) {
  return with_children ? family(pid) : std::vector<int>{pid};
}

}  // namespace

double cpu_s_of(int pid, bool with_children) {
  double ticks = 0;
  for (const int one : those_of(pid, with_children)) {
    const auto stat = text_of(fmt::format("/proc/{}/stat", one));
    const auto name_end = stat.rfind(") ");
    if (name_end == std::string::npos) continue;
    std::istringstream fields(stat.substr(name_end + 2));
    std::string skipped;
    for (int i = 0; i < 11; ++i) fields >> skipped;
    std::array<double, 4> times{};  // User, system, and both of the children that have ended.
    for (auto& time : times) fields >> time;
    ticks += times[0] + times[1] + (with_children ? times[2] + times[3] : 0);
  }
  return ticks / static_cast<double>(sysconf(_SC_CLK_TCK));
}

Memory memory_of(int pid, bool with_children) {
  Memory all;
  for (const int one : those_of(pid, with_children)) {
    std::istringstream lines(text_of(fmt::format("/proc/{}/status", one)));
    for (std::string word; lines >> word;) {
      double kib = 0;
      if (word == "VmRSS:" && lines >> kib) all.now_mib += kib / 1024;
      if (word == "VmHWM:" && lines >> kib) all.peak_mib += kib / 1024;
    }
  }
  return all;
}

void wait_until_quiet(int pid, bool with_children, std::chrono::seconds quiet,
                      std::chrono::seconds most) {
  constexpr auto piece = 3s;
  const auto end = std::chrono::steady_clock::now() + most;
  double before = cpu_s_of(pid, with_children);
  for (auto calm = 0s; std::chrono::steady_clock::now() < end;) {
    std::this_thread::sleep_for(piece);
    const double now = cpu_s_of(pid, with_children);
    calm = now - before < .02 * piece.count() ? calm + piece : 0s;
    if (calm >= quiet) return;
    before = now;
  }
  throw std::runtime_error(
      fmt::format("a process still works {} minutes after all was written", most / 1min));
}

double bytes_in(const std::string& folder, const std::string& part) {
  double bytes = 0;
  for (const auto& entry : fs::recursive_directory_iterator(folder)) {
    struct stat about {};
    if (entry.path().string().find(part) == std::string::npos || !entry.is_regular_file() ||
        ::stat(entry.path().c_str(), &about) != 0) {
      continue;
    }
    bytes += static_cast<double>(std::min<long>(about.st_size, about.st_blocks * 512L));
  }
  return bytes;
}

double wait_until(const std::string& name, const std::function<bool()>& answers) {
  const auto begin = std::chrono::steady_clock::now();
  const auto since = [&] { return std::chrono::steady_clock::now() - begin; };
  while (!answers()) {
    if (since() > 60s) throw std::runtime_error(fmt::format("{} does not answer", name));
    std::this_thread::sleep_for(5ms);
  }
  return std::chrono::duration<double>(since()).count();
}

int free_port() {
  const int probe = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  socklen_t size = sizeof address;
  const bool is_bound = bind(probe, reinterpret_cast<sockaddr*>(&address), size) == 0 &&
                        getsockname(probe, reinterpret_cast<sockaddr*>(&address), &size) == 0;
  close(probe);
  if (!is_bound) throw std::runtime_error("there is no free port on 127.0.0.1");
  return ntohs(address.sin_port);
}

}  // namespace bench
