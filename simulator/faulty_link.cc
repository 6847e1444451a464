#include "simulator/faulty_link.h"

#include <utility>

namespace simulator {

bool FaultyLink::send(firmware::Post post, std::span<const std::uint8_t> bytes) {
  using firmware::Post;
  if (happens(faults_.dropped)) {
    ++count_.dropped;
    held_.clear();
    break_link_();
    return false;
  }
  // The meter believes what is held back to be on its way; when the link breaks first, it is lost,
  // and sent again for want of an answer.
  if (post == Post::report && held_.empty() && happens(faults_.held_back)) {
    ++count_.held_back;
    held_.assign(bytes.begin(), bytes.end());
    return true;
  }
  if (!link_.send(post, bytes)) return false;
  if (happens(faults_.duplicated)) {
    ++count_.duplicated;
    link_.send(post, bytes);
  }
  if (!held_.empty()) link_.send(Post::report, std::exchange(held_, {}));
  return true;
}

}  // namespace simulator
