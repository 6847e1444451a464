#include "insight/identification/channel_evidence.h"

#include <algorithm>
#include <array>
#include <cmath>

namespace insight {
namespace {

using std::chrono::seconds;

constexpr std::array looks = {seconds(4),   seconds(15),   seconds(60),
                              seconds(300), seconds(1200), seconds(3600)};
constexpr seconds later_looks{7200};

measurement::Timestamp next_look(const Activation& activation, measurement::Timestamp now) {
  for (const auto age : looks) {
    if (activation.begin + age > now) return activation.begin + age;
  }
  return now + later_looks;
}

}  // namespace

const std::vector<Evidence>& ChannelEvidence::take(const Reading& reading) {
  evidence_.clear();
  change_ = &tracker_.take(reading);
  if (std::isnan(reading.active_power.value)) {
    past_.gap();
  } else {
    past_.take(reading);
  }
  for (const auto& ended : change_->ended) {
    evidence_.push_back({ended.id, true, features(ended, past_, utc_offset_)});
    if (!ended.is_level) past_.take(ended);
    std::erase_if(due_, [&](const Due& due) { return due.activation == ended.id; });
  }
  for (const auto& open : tracker_.open()) {
    auto due = std::ranges::find(due_, open.id, &Due::activation);
    if (due == due_.end()) {
      due_.push_back({open.id, next_look(open, open.begin)});
      due = std::prev(due_.end());
    }
    if (reading.time < due->next || open.readings < 2) continue;
    evidence_.push_back({open.id, false, features(open, past_, utc_offset_)});
    due->next = next_look(open, reading.time);
  }
  return evidence_;
}

}  // namespace insight
