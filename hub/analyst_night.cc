#include <fmt/format.h>

#include <algorithm>

#include "hub/analyst_channel.h"

namespace hub {

using measurement::Timestamp;

namespace {

constexpr const char* itself = "Lenz";
constexpr std::string_view verb = "refit";

}  // namespace

// True: nothing is left for now.
std::expected<bool, StoreError> Analyst::learn_at_night(Timestamp now) {
  const auto night = day_of(now - learns_at, around_.utc_offset(now));
  if (night_ != night) {
    next_to_learn_ = night_ ? 0 : channels_.size();  // Not in the middle of the day it starts in.
    night_ = night;
  }
  if (next_to_learn_ >= channels_.size()) return true;
  auto& channel = *channels_[next_to_learn_++];
  const auto acts = book_.acts(acts_looked_at);
  const auto latest = std::ranges::find(acts, channel.booked.number, &Act::channel);
  const bool is_new = latest != acts.end() && !latest->text.starts_with(verb);
  if (!is_new && channel.said_by_plugs == 0) return false;

  const auto before = channel.eye.identifier->memory();
  const auto refit = channel.eye.identifier->refit();
  if (!refit) return false;
  channel.said_by_plugs = 0;
  const auto& name = channel.eye.load.circuit->name;
  if (!refit->is_taken) {
    around_.say(fmt::format(
        "What was said of {} alone tells {} of {} runs, what is known tells {}: that stays.", name,
        refit->right_after, refit->runs, refit->right_before));
    return false;
  }
  const auto done = keep(channel, {now, itself},
                         fmt::format("{}: {} of {} runs are told, {} before", verb,
                                     refit->right_after, refit->runs, refit->right_before),
                         before);
  if (!done) around_.say(done.error());
  return false;
}

}  // namespace hub
