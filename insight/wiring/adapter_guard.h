// When it is safe to plug in a second voltage adapter. Two adapters on inputs that a jumper still
// joins drive current into each other, and transformers have burned.

#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "measurement/sample.h"

namespace insight::wiring {

enum class AdapterStep : std::uint8_t {
  plug_first,   // The first adapter's chips do not read the mains yet.
  wait,         // Fewer good samples in a row than it takes.
  check_chip,   // A chip does not answer: nobody knows what its input carries.
  cut_jumper,   // A chip of the second group reads the first adapter: STOP.
  plug_second,  // Every chip of the second group reads nothing: plug in the second adapter.
  done,         // Both groups read the mains.
};

// A state machine over the samples. It says plug_second only after `needed` samples in a row in
// which every chip of the first group reads the mains and every one of the second less than 2 V;
// one sample that says otherwise begins anew.
class AdapterGuard {
 public:
  static constexpr float joined_volts = 2;
  static constexpr int needed = 10;

  // `second` are the chips of the second adapter, the others are the first one's. Neither is empty.
  AdapterGuard(std::size_t chips, std::vector<std::size_t> second, measurement::Volts nominal);

  void take(const measurement::Sample&);

  AdapterStep step() const { return step_; }
  // The chips that keep it from going on, of the latest sample.
  const std::vector<std::size_t>& chips() const { return at_fault_; }

 private:
  AdapterStep look(const measurement::Sample&);

  std::vector<bool> is_second_;
  float nominal_volts_;
  AdapterStep step_ = AdapterStep::plug_first;
  std::vector<std::size_t> at_fault_;
  int good_ = 0;
  bool was_clear_ = false;
};

// What to do, in one sentence. `cs_pins`: each chip's chip select; absent: not known.
std::string sentence(const AdapterGuard&, const std::vector<std::optional<int>>& cs_pins);

}  // namespace insight::wiring
