#include "lenz/write_door.h"

namespace lenz {

void WriteDoor::wait() {
  if (is_due_) return;
  is_due_ = true;
  timer_.expires_after(longest_wait_);
  timer_.async_wait([this](boost::system::error_code error) {
    if (error) return;  // The hub ends.
    is_due_ = false;
    inbox_.commit();
  });
}

}  // namespace lenz
