#include "lenz/daily_backup.h"

#include <fmt/format.h>

#include <algorithm>
#include <stdexcept>
#include <utility>

#include "lenz/backups.h"

namespace lenz {

using measurement::Timestamp;
using namespace std::chrono_literals;

BackupSchedule::BackupSchedule(Timestamp started, std::optional<Timestamp> newest)
    : due_(started + 1h) {
  // One from the future tells only that a clock was wrong.
  if (newest && *newest <= started) due_ = std::max(due_, *newest + 24h);
}

void BackupSchedule::begun(Timestamp now) { due_ = now + 24h; }

bool BackupSchedule::ended(bool is_made, Timestamp now) {
  if (!is_made) due_ = now + 1h;
  return !std::exchange(has_failed_, !is_made) || is_made;
}

DailyBackup::DailyBackup(boost::asio::io_context& context, Options options, Now now, Say say,
                         Ended ended)
    : options_(std::move(options)),
      now_(std::move(now)),
      say_(std::move(say)),
      ended_(std::move(ended)),
      schedule_(now_(), newest_backup(options_.folder)),
      timer_(context) {
  wait();
}

void DailyBackup::wait() {
  timer_.expires_after(options_.look_every);
  timer_.async_wait([this](boost::system::error_code error) {
    if (error) return;
    look();
    wait();
  });
}

void DailyBackup::look() {
  if (child_) {
    const auto code = child_->exit_code();
    if (!code) return;
    child_.reset();
    end(*code == 0);
  } else if (schedule_.is_due(now_())) {
    schedule_.begun(now_());
    try {
      // Why it fails it says itself, the first time.
      child_.emplace(options_.command, Child::Options{.quiet = schedule_.has_failed()});
    } catch (const std::runtime_error& error) {
      say_(error.what());
      end(false);
    }
  }
}

void DailyBackup::end(bool is_made) {
  if (ended_) ended_(is_made);
  if (schedule_.ended(is_made, now_()) && !is_made) {
    say_(fmt::format("No backup could be made in {}: it is tried again each hour.",
                     options_.folder));
  }
}

}  // namespace lenz
