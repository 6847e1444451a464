// The meters that were let in by a pairing window, over restarts.

#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace lenz {

struct PairedMeter {
  std::string home, device;
  std::string
      hash;  // Of its password, as the broker's list has it. The password itself is not kept.
};

// A file of its own, which only its owner reads: a line "HOME DEVICE HASH" for each.
class PairedMeters {
 public:
  // Throws std::runtime_error with one sentence when there is a file and it is none.
  explicit PairedMeters(std::string file);

  const std::vector<PairedMeter>& all() const { return meters_; }
  const PairedMeter* find(std::string_view home, std::string_view device) const;
  // The home that has a paired meter of this name; empty: none has.
  std::string home_of(std::string_view device) const;

  // Takes the place of one of the same name. Throws as above when it cannot be kept.
  void put(PairedMeter);
  void remove(std::string_view home, std::string_view device);

 private:
  void keep(std::vector<PairedMeter>);

  std::string file_;
  std::vector<PairedMeter> meters_;
};

}  // namespace lenz
