// A backup a day, taken by a process of its own beside the hub.

#pragma once

#include <boost/asio/io_context.hpp>
#include <boost/asio/steady_timer.hpp>
#include <chrono>
#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "lenz/child.h"
#include "measurement/units.h"

namespace lenz {

// When the next one is due: an hour after the start unless one of the last day is there, then a day
// after the last, and an hour after one that failed.
class BackupSchedule {
 public:
  BackupSchedule(measurement::Timestamp started, std::optional<measurement::Timestamp> newest);

  bool is_due(measurement::Timestamp now) const { return now >= due_; }
  void begun(measurement::Timestamp now);
  // False: it failed again, and that was said before.
  bool ended(bool is_made, measurement::Timestamp now);
  bool has_failed() const { return has_failed_; }  // The last one.

 private:
  measurement::Timestamp due_;
  bool has_failed_ = false;
};

// One thread. The context outlives it.
class DailyBackup {
 public:
  struct Options {
    std::vector<std::string> command;  // That makes one; the first word is the program.
    std::string folder;                // Where it is made.
    std::chrono::milliseconds look_every = std::chrono::seconds(10);
  };
  using Now = std::function<measurement::Timestamp()>;
  using Say = std::function<void(const std::string&)>;

  // `ended` is told of each that ended, whether it was made.
  using Ended = std::function<void(bool is_made)>;

  DailyBackup(boost::asio::io_context&, Options, Now, Say, Ended = {});

 private:
  void wait();
  void look();
  void end(bool is_made);

  const Options options_;
  const Now now_;
  const Say say_;
  const Ended ended_;
  BackupSchedule schedule_;
  boost::asio::steady_timer timer_;
  std::optional<Child> child_;
};

}  // namespace lenz
