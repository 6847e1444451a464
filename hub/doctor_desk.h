// Asks the wiring doctor about a home's meters: their stored samples against the panel that is
// valid.

#pragma once

#include <chrono>
#include <deque>
#include <expected>
#include <optional>
#include <string>
#include <vector>

#include "hub/home.h"
#include "hub/store/store.h"
#include "insight/wiring/examination.h"

namespace hub {

inline constexpr auto longest_wiring_look = std::chrono::hours(2);

// One meter's panel as the doctor takes it: circuits with clamps of this device, and those without.
insight::wiring::Panel wiring_panel(const Home&, const std::string& device, measurement::Timestamp);

// Devices that the panel names at that time, in its order.
std::vector<std::string> metered_devices(const Home&, measurement::Timestamp);

// What there was to say of one meter.
struct WiringExamination {
  std::string device;
  measurement::Timestamp until{};    // Of its newest sample; 1970: nothing is stored of it.
  insight::wiring::Panel panel{};    // That it was held against.
  insight::wiring::Report report{};  // Of length 0 where nothing is stored.
};

// A meter's newest samples, as long back from the last one as `length`, in pieces.
class WiringLook {
 public:
  // The store and the home outlive it. Nothing before `since` is looked at.
  WiringLook(Store&, const Home&, std::string device, std::chrono::minutes length,
             measurement::Timestamp since = {});

  // Reads some minutes or, once all are read, a piece of their examination. Nothing: it is to be
  // called again.
  std::expected<std::optional<WiringExamination>, StoreError> step();

 private:
  std::expected<void, StoreError> begin();

  Store* store_;
  const Home* home_;
  std::chrono::minutes length_;
  measurement::Timestamp since_;
  WiringExamination found_;
  std::optional<insight::wiring::Recorder> recorder_;
  std::optional<insight::wiring::Examining> examining_;
  measurement::Timestamp next_{}, end_{};
};

std::expected<WiringExamination, StoreError> examine_wiring(Store&, const Home&,
                                                            const std::string& device,
                                                            std::chrono::minutes length);

// What the doctor says of the last two hours of each meter, looked at anew where somebody asks and
// the last look is old.
class DoctorDesk {
 public:
  static constexpr std::chrono::minutes good_for{5};

  DoctorDesk(Store& store, const Home& home) : store_(store), home_(home) {}

  // Those of the panel that were examined, in its order.
  const std::vector<WiringExamination>& ask(measurement::Timestamp now);
  bool is_looking() const { return !waiting_.empty(); }

  // The wiring was changed: what was sampled before says nothing of it.
  void begin_anew(measurement::Timestamp now);
  measurement::Timestamp since() const { return since_; }  // 1970: it never was.

  // A piece of a look that was asked for. True: nothing is left of it.
  std::expected<bool, StoreError> step(measurement::Timestamp now);

 private:
  Store& store_;
  const Home& home_;
  std::deque<WiringLook> waiting_;
  std::vector<WiringExamination> coming_, found_;
  std::optional<measurement::Timestamp> looked_;
  measurement::Timestamp since_{};
};

// A circuit or clamp of which nothing can be said, and why.
struct NotSeen {
  std::string circuit;  // Its id; empty: the clamp is on none.
  std::string where, why;
};

// Of a meter, the clamps that carry too little.
std::vector<NotSeen> not_seen(const WiringExamination&);
// Circuits without a clamp.
std::vector<NotSeen> without_clamp(const Home&, measurement::Timestamp);

// Ids of the circuits with these clamps.
std::vector<std::string> circuits_of(const insight::wiring::Panel&,
                                     const std::vector<std::size_t>& channels);

}  // namespace hub
