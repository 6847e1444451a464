#include "insight/identification/slots.h"

#include <algorithm>
#include <cmath>

namespace insight {
namespace {

using namespace std::chrono_literals;

constexpr auto full = 6s;
// So that what switches is judged soon.
constexpr auto full_after_step = 2s;
constexpr float step_w = 25, step_share = 0.05F;

}  // namespace

std::span<const Slot> Slots::take(measurement::Timestamp time, measurement::Watts power) {
  closed_count_ = 0;
  if (last_) {
    const auto since = std::chrono::milliseconds(time - *last_);
    // A hole is no interval. Else it follows slowly, for stamps tremble.
    if (since < 4 * interval_ || interval_ == 1s) {
      interval_ = interval_ == 1s ? std::min<std::chrono::milliseconds>(since, 60s)
                                  : (7 * interval_ + since) / 8;
    }
  }
  last_ = time;

  if (open_.readings > 0) {
    const float mean = open_.active_power.value;
    const bool steps = std::abs(power.value - mean) > std::max(step_w, step_share * std::abs(mean));
    if (steps && time - open_.begin >= 1s) {
      close();
      after_step_ = true;
    }
  }
  if (open_.readings == 0) open_.begin = time;
  sum_w_ += power.value;
  ++open_.readings;
  open_.active_power.value = static_cast<float>(sum_w_ / static_cast<double>(open_.readings));
  if (time - open_.begin + interval_ >= (after_step_ ? full_after_step : full)) {
    close();
    after_step_ = false;
  }
  return {closed_.data(), closed_count_};
}

std::span<const Slot> Slots::end() {
  closed_count_ = 0;
  if (open_.readings > 0) close();
  last_.reset();
  after_step_ = false;
  return {closed_.data(), closed_count_};
}

void Slots::close() {
  closed_[closed_count_++] = open_;
  open_ = {};
  sum_w_ = 0;
}

}  // namespace insight
