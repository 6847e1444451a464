// A child process that cannot outlive us.

#pragma once

#include <sys/types.h>

#include <chrono>
#include <optional>
#include <string>
#include <vector>

namespace lenz {

// Starts in a process group of its own, so that Ctrl-C reaches only the parent, which then ends its
// children in order. When the parent dies in whatever way, the kernel ends the child.
class Child {
 public:
  struct Options {
    std::string user;           // As whom it runs, where we are root; empty: as ourselves.
    bool keep_output = false;   // Its standard output is read with read_line().
    bool quiet = false;         // Its standard error goes nowhere.
    bool quiet_output = false;  // Nor does its standard output.
  };

  // The first word is the program: a path, or a name that is looked up in PATH and the system's
  // sbin folders. Throws std::runtime_error when it cannot be started.
  explicit Child(const std::vector<std::string>& command) : Child(command, Options{}) {}
  Child(const std::vector<std::string>& command, const Options&);
  ~Child();  // stop()
  Child(Child&&) noexcept;
  Child& operator=(Child&&) noexcept;

  // Asks it to end, waits, and then ends it. Returns its exit code, or -1.
  int stop(std::chrono::seconds patience = std::chrono::seconds(3));
  int wait();   // For its own end. Returns its exit code.
  void kill();  // SIGKILL, and waits.

  // The exit code (128 + the signal where one ended it) once it has ended.
  std::optional<int> exit_code();
  bool is_running() { return !exit_code(); }
  pid_t pid() const { return pid_; }

  // The next whole line of its output; waits up to `wait_ms` for one.
  std::optional<std::string> read_line(int wait_ms);

 private:
  pid_t pid_ = -1;
  int output_ = -1;
  std::optional<int> exit_code_;
  std::string partial_;
};

// The path of a program that is in PATH or in /usr/sbin, /usr/local/sbin or /sbin; empty: nowhere.
std::string find_program(const std::string& name);

}  // namespace lenz
