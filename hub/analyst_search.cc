#include <algorithm>

#include "hub/analyst_channel.h"

namespace hub {

void Analyst::begin_breaker_search() {
  if (!finder_) return;
  search_begin_ = until_;
  finding_.reset();
  finder_->begin(until_);
}

BreakerSearch Analyst::breaker_search() const {
  using enum BreakerSearch::State;
  if (!search_begin_) return {};
  if (finding_ && finding_->is_sure) {
    const auto& load = channels_[finding_->circuit]->eye.load;
    return {found, load.circuit->id, load.is_rest(), finding_->step};
  }
  return {.state = until_ - *search_begin_ < longest_search ? watching : unsure};
}

Analyst::Done Analyst::put(const Outlet& outlet) {
  if (!panel_ || !std::ranges::count(panel_->circuits, outlet.circuit, &Circuit::id)) {
    return std::unexpected("There is no such circuit.");
  }
  ApplianceBook::Writing writing(book_);
  writing.put(outlet);
  if (!writing.finish()) {
    return std::unexpected("The disk refuses to keep it: look at its room, and try again.");
  }
  return {};
}

}  // namespace hub
