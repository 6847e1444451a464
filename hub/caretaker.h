// Watches over the condition of a home's equipment: a watch for each asset, fed from the store, and
// the book of what they find.
//
//   panel, analyst ──> assets ── samples of the store ──> watches ──> FindingBook
//
// An asset is what a circuit of its own feeds; of the wiring only the present is looked at. All
// that was stored is looked at, the past in steps of ten seconds; after much that came late, by
// watches that begin anew. What people answered to a finding, its watch is told.

#pragma once

#include <chrono>
#include <cstdint>
#include <expected>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "hub/analyst.h"
#include "hub/finding_book.h"
#include "hub/home.h"
#include "hub/rain_gauge.h"
#include "hub/smart_plug.h"
#include "hub/store/store.h"
#include "hub/thermometer.h"
#include "hub/wiring_care.h"
#include "insight/health/cycle_days.h"

namespace hub {

class Caretaker {
 public:
  struct Surroundings {
    std::function<std::chrono::minutes(measurement::Timestamp)> utc_offset;  // Of the home's zone.
    // Who knows what hangs where, besides the panel's own words. Null: nobody.
    Analyst* analyst = nullptr;
  };

  static constexpr std::chrono::days studied{400};  // So far back it looks.

  // All outlive it.
  Caretaker(FindingBook&, Store&, const Home&, Surroundings);
  ~Caretaker();  // Keeps what was learnt.

  // What a plug says of the voltage at the end of its circuit.
  void hear(const SmartPlug&, measurement::Timestamp now, measurement::Volts);
  // What a thermometer says now.
  void hear(const Thermometer&, measurement::Timestamp now, measurement::Celsius);
  // What a rain gauge says now, in its unit.
  void hear(const RainGauge&, measurement::Timestamp now, double rain);

  // A short piece of work. True: nothing is left for now.
  std::expected<bool, StoreError> step(measurement::Timestamp now);

 private:
  struct Watched;
  struct Wanted;

  std::vector<Wanted> wanted(measurement::Timestamp now);
  void begin_assets(measurement::Timestamp now);
  std::expected<void, StoreError> look_for_late_samples(measurement::Timestamp now);
  std::expected<void, StoreError> look_at_past(Watched&, measurement::Timestamp end);
  std::expected<void, StoreError> look_at_present(measurement::Timestamp now);
  void hear_answers(Watched&);
  void hear_of_outages(measurement::Timestamp now);
  void look_for_known_loads(measurement::Timestamp now);
  void tell(FindingBook::Writing&, Watched&, measurement::Timestamp now);
  std::expected<void, StoreError> save(measurement::Timestamp now, bool remembers);

  FindingBook& book_;
  Store& store_;
  const Home& home_;
  Surroundings around_;
  const Panel* panel_ = nullptr;
  std::vector<std::unique_ptr<Watched>> assets_;  // In the order of the panel.
  struct Warmth {
    measurement::Timestamp time{};
    float celsius = insight::detail::not_measured;
  };
  insight::Surroundings surroundings(const Circuit&, measurement::Timestamp) const;

  std::map<std::string, Warmth, std::less<>> rooms_;      // By circuit; outdoors without one.
  std::map<std::string, FallenRain, std::less<>> rains_;  // By circuit of a sump pump.
  std::optional<WiringCare> wiring_;
  measurement::Timestamp wiring_until_{};
  measurement::Timestamp looked_for_assets_{}, looked_for_loads_{}, told_{}, remembered_{};
  measurement::Timestamp outage_end_{};  // Of the latest that the watches were told of.
  std::uint64_t heard_ = 0;              // The book's revision, as far as answers were heard.
  std::uint64_t revision_ = 0;           // Of the store's changes.
  bool knows_changes_ = false;           // Those of before the start have been passed over.
  measurement::Timestamp changes_at_{}, late_at_{};
  std::size_t late_minutes_ = 0;
};

}  // namespace hub
