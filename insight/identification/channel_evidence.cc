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

float ChannelEvidence::weight_of(const Activation& activation) const {
  const double share = greatest_ws_ > 0 ? activation.watt_seconds / greatest_ws_ : 1;
  return static_cast<float>(std::clamp(std::sqrt(share), 0.02, 1.0));
}

const std::vector<ActivationEvidence>& ChannelEvidence::take(const Reading& reading) {
  evidence_.clear();
  change_ = &tracker_.take(reading);
  if (std::isnan(reading.active_power.value)) {
    past_.gap();
  } else {
    past_.take(reading);
  }
  for (const auto& ended : change_->ended) {
    if (!ended.is_level) greatest_ws_ = std::max(greatest_ws_, ended.watt_seconds);
    const float weight = weight_of(ended);
    evidence_.push_back({ended.id, true, weight, features(ended, past_)});
    if (!ended.is_level && weight > 0.2F) past_.take(ended);
  }
  // A spike has ended without a word.
  std::erase_if(due_, [&](const Due& due) {
    return std::ranges::find(tracker_.open(), due.activation, &Activation::id) ==
           tracker_.open().end();
  });
  for (const auto& open : tracker_.open()) {
    auto due = std::ranges::find(due_, open.id, &Due::activation);
    if (due == due_.end()) {
      due_.push_back({open.id, next_look(open, open.begin)});
      due = std::prev(due_.end());
    }
    if (reading.time < due->next || is_spike(open)) continue;
    evidence_.push_back({open.id, false, weight_of(open), features(open, past_)});
    due->next = next_look(open, reading.time);
  }
  return evidence_;
}

}  // namespace insight
