#include "hub/ingest/points_inbox.h"

#include <utility>

namespace hub {

using measurement::Timestamp;
using namespace std::chrono_literals;

namespace {

// What is older is history, not what happens now.
constexpr auto oldest_told = 1min;

}  // namespace

PointsInbox::PointsInbox(Store& store, LiveFeed& live, const Home& home)
    : store_(store),
      live_(live),
      samples_(
          store,
          [this](const measurement::ReportHeader& header,
                 std::span<const measurement::Sample> samples) -> std::expected<void, StoreError> {
            const auto appended = store_.append(header, samples);
            if (!appended) return std::unexpected(appended.error());
            const auto time = *header.booted_at + samples.back().uptime;
            if (time < now_ - oldest_told) return {};
            auto& newest = newest_[std::string(header.device)];
            if (time > newest.time) newest = {time, samples.back(), false};
            return {};
          }),
      points_(samples_, home),
      undone_(store.undone()) {}

std::expected<WrittenPoints::Taken, StoreError> PointsInbox::take(std::string_view text,
                                                                  std::chrono::nanoseconds unit,
                                                                  Timestamp now) {
  notice_loss();
  now_ = now;
  auto taken = points_.take(text, unit, now);
  if (!taken) {
    undone_ = store_.undone();
    finish(std::unexpected(taken.error()));
    return taken;
  }
  tell();
  return taken;
}

void PointsInbox::commit() {
  notice_loss();
  const auto durable = store_.commit();
  undone_ = store_.undone();
  finish(durable);
}

// Somebody else's write or read failed, and with it went what waited for the commit.
void PointsInbox::notice_loss() {
  if (std::exchange(undone_, store_.undone()) == store_.undone()) return;
  finish(std::unexpected(StoreError::unavailable));
}

void PointsInbox::finish(const std::expected<void, StoreError>& result) {
  if (!result) samples_.forget();
  for (const auto& done : std::exchange(waiting_, {})) done(result);
}

void PointsInbox::tell() {
  for (auto& [device, newest] : newest_) {
    if (std::exchange(newest.is_told, true)) continue;
    live_.publish({device, newest.time, newest.sample});
  }
}

}  // namespace hub
