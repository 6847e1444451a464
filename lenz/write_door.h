// Lets points that come over HTTP into the hub, and commits them for all who wait at once.

#pragma once

#include <boost/asio/io_context.hpp>
#include <boost/asio/steady_timer.hpp>
#include <chrono>

#include "hub/api/write.h"
#include "hub/ingest/points_inbox.h"

namespace lenz {

// Context and inbox outlive it.
class WriteDoor {
 public:
  // `longest_wait` from the first that waits to the commit: so many bodies as come meanwhile share
  // one.
  WriteDoor(boost::asio::io_context& context, hub::PointsInbox& inbox,
            std::chrono::milliseconds longest_wait = std::chrono::milliseconds(20))
      : inbox_(inbox), longest_wait_(longest_wait), timer_(context) {}

  const hub::PointsDoor& door() const { return door_; }

 private:
  void wait();

  hub::PointsInbox& inbox_;
  const std::chrono::milliseconds longest_wait_;
  boost::asio::steady_timer timer_;
  bool is_due_ = false;
  const hub::PointsDoor door_{
      .take = [this](
                  std::string_view text, std::chrono::nanoseconds unit,
                  measurement::Timestamp now) -> std::expected<hub::PointsTaken, hub::StoreError> {
        auto taken = inbox_.take(text, unit, now);
        if (!taken) return std::unexpected(taken.error());
        hub::PointsTaken told{.lines = taken->lines, .refused = taken->refused};
        if (taken->first) {
          told.first_line = taken->first->line;
          told.why = std::move(taken->first->why);
        }
        return told;
      },
      .when_stored =
          [this](hub::PointsInbox::Done done) {
            inbox_.when_stored(std::move(done));
            wait();
          },
  };
};

}  // namespace lenz
