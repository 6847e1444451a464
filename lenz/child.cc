#include "lenz/child.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <grp.h>
#include <poll.h>
#include <pwd.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <chrono>
#include <cstdlib>
#include <cstring>
#include <sstream>
#include <stdexcept>
#include <thread>
#include <utility>

namespace lenz {
namespace {

constexpr int cannot_start = 127;

// Runs between fork and exec: only calls that are safe there.
[[noreturn]] void become(const std::string& path, char* const* words, const passwd* user,
                         pid_t parent, int output, const Child::Options& options) {
  setpgid(0, 0);
  sigset_t none;
  sigemptyset(&none);
  sigprocmask(SIG_SETMASK, &none, nullptr);
  if (user &&
      (setgroups(0, nullptr) != 0 || setgid(user->pw_gid) != 0 || setuid(user->pw_uid) != 0)) {
    _exit(cannot_start);
  }
  // After the change of user, which would clear it.
  prctl(PR_SET_PDEATHSIG, SIGTERM);
  if (getppid() != parent) _exit(cannot_start);
  if (output >= 0) dup2(output, STDOUT_FILENO);
  const int nowhere = open("/dev/null", O_WRONLY | O_CLOEXEC);
  if (options.quiet) dup2(nowhere, STDERR_FILENO);
  if (options.quiet_output) dup2(nowhere, STDOUT_FILENO);
  execv(path.c_str(), words);
  _exit(cannot_start);
}

}  // namespace

std::string find_program(const std::string& name) {
  if (name.find('/') != std::string::npos) return access(name.c_str(), X_OK) == 0 ? name : "";
  const char* path = std::getenv("PATH");
  std::istringstream folders(std::string(path ? path : "") + ":/usr/local/sbin:/usr/sbin:/sbin");
  for (std::string folder; std::getline(folders, folder, ':');) {
    const auto candidate = folder + "/" + name;
    if (!folder.empty() && access(candidate.c_str(), X_OK) == 0) return candidate;
  }
  return "";
}

Child::Child(const std::vector<std::string>& command, const Options& options) {
  const auto path = find_program(command.front());
  if (path.empty()) {
    throw std::runtime_error(
        fmt::format("The program {} is not installed: install it and try again.", command.front()));
  }
  const passwd* user = nullptr;
  if (!options.user.empty() && geteuid() == 0) user = getpwnam(options.user.c_str());

  std::vector<char*> words;
  for (const auto& word : command) words.push_back(const_cast<char*>(word.c_str()));
  words.push_back(nullptr);
  int pipe_ends[2] = {-1, -1};
  if (options.keep_output && pipe2(pipe_ends, O_CLOEXEC) != 0) {
    throw std::runtime_error(fmt::format("No pipe to {}: {}.", path, std::strerror(errno)));
  }
  const pid_t parent = getpid();
  pid_ = fork();
  if (pid_ == 0) become(path, words.data(), user, parent, pipe_ends[1], options);
  if (pipe_ends[1] >= 0) close(pipe_ends[1]);
  output_ = pipe_ends[0];
  if (pid_ < 0) {
    throw std::runtime_error(fmt::format("{} cannot be started: {}.", path, std::strerror(errno)));
  }
}

Child::~Child() { stop(); }

Child::Child(Child&& other) noexcept
    : pid_(std::exchange(other.pid_, -1)),
      output_(std::exchange(other.output_, -1)),
      exit_code_(other.exit_code_),
      partial_(std::move(other.partial_)) {}

Child& Child::operator=(Child&& other) noexcept {
  std::swap(pid_, other.pid_);
  std::swap(output_, other.output_);
  std::swap(exit_code_, other.exit_code_);
  std::swap(partial_, other.partial_);
  return *this;
}

int Child::stop(std::chrono::seconds patience) {
  using namespace std::chrono_literals;
  if (pid_ > 0 && is_running()) {
    ::kill(pid_, SIGTERM);
    const auto end = std::chrono::steady_clock::now() + patience;
    while (is_running() && std::chrono::steady_clock::now() < end) {
      std::this_thread::sleep_for(10ms);
    }
    kill();
  }
  if (output_ >= 0) close(std::exchange(output_, -1));
  return exit_code_.value_or(-1);
}

int Child::wait() {
  int status = 0;
  if (pid_ > 0 && !exit_code_ && waitpid(pid_, &status, 0) == pid_) {
    exit_code_ = WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
  }
  return exit_code_.value_or(-1);
}

void Child::kill() {
  if (pid_ <= 0 || exit_code_) return;
  ::kill(pid_, SIGKILL);
  wait();
}

std::optional<int> Child::exit_code() {
  if (pid_ <= 0) return exit_code_ ? exit_code_ : -1;
  int status = 0;
  if (!exit_code_ && waitpid(pid_, &status, WNOHANG) == pid_) {
    exit_code_ = WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
  }
  return exit_code_;
}

std::optional<std::string> Child::read_line(int wait_ms) {
  for (;;) {
    if (const auto end = partial_.find('\n'); end != std::string::npos) {
      auto line = partial_.substr(0, end);
      partial_.erase(0, end + 1);
      return line;
    }
    pollfd watched{.fd = output_, .events = POLLIN, .revents = 0};
    if (poll(&watched, 1, wait_ms) <= 0) return std::nullopt;
    char bytes[4096];
    const auto count = read(output_, bytes, sizeof bytes);
    if (count <= 0) return std::nullopt;
    partial_.append(bytes, static_cast<std::size_t>(count));
  }
}

}  // namespace lenz
