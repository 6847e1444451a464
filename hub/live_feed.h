// Tells whoever listens (open pages, later Home Assistant) what has just been measured.

#pragma once

#include <cstddef>
#include <functional>
#include <map>
#include <string_view>

#include "measurement/sample.h"

namespace hub {

template <class What>
class Feed {
 public:
  using Moment = What;
  using Listener = std::function<void(const Moment&)>;

  // Listening ends when the returned value is destroyed, which must happen before the feed is.
  class Subscription {
   public:
    Subscription() = default;
    Subscription(Feed& feed, std::size_t id) : feed_(&feed), id_(id) {}
    Subscription(Subscription&& other) noexcept : feed_(other.feed_), id_(other.id_) {
      other.feed_ = nullptr;
    }
    Subscription& operator=(Subscription&& other) noexcept {
      std::swap(feed_, other.feed_);
      std::swap(id_, other.id_);
      return *this;
    }
    ~Subscription() {
      if (feed_) feed_->listeners_.erase(id_);
    }

   private:
    Feed* feed_ = nullptr;
    std::size_t id_ = 0;
  };

  [[nodiscard]] Subscription subscribe(Listener listener) {
    listeners_.emplace(next_, std::move(listener));
    return {*this, next_++};
  }

  // A listener must not subscribe or unsubscribe while it is told.
  void publish(const Moment& moment) const {
    for (const auto& [id, listener] : listeners_) listener(moment);
  }

 private:
  std::map<std::size_t, Listener> listeners_;
  std::size_t next_ = 0;
};

struct MeasuredMoment {
  std::string_view device;
  measurement::Timestamp time;
  const measurement::Sample& sample;
};
using LiveFeed = Feed<MeasuredMoment>;

}  // namespace hub
