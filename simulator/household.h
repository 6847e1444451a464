// A simulated home: appliances, the people who use them and the weather, on a virtual clock, with
// the truth of what runs. docs/household.md describes both houses.

#pragma once

#include <chrono>
#include <complex>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include "measurement/units.h"
#include "simulator/blueprint.h"
#include "simulator/faults.h"
#include "simulator/furnish.h"
#include "simulator/mains.h"
#include "simulator/people.h"
#include "simulator/scene.h"
#include "simulator/weather.h"

namespace simulator {

// A contact that has come loose: so many ohms more than there were.
struct LooseContact {
  enum class Place : std::uint8_t { leg, neutral, branch };

  Place place = Place::leg;
  int leg = 1;               // From 1; of a leg.
  std::string circuit = {};  // Its id; of a branch. One that the house has not is without effect.
  double ohm = 0.1;
  measurement::Timestamp begin{};
  std::chrono::milliseconds ramp{};  // Until it is so many; 0: all at once.

  double ohm_at(measurement::Timestamp now) const { return Onset{begin, ramp, ohm}.at(now); }
};

inline constexpr double open_ohm = 1e6;  // No contact at all.

struct HouseholdOptions {
  House house = House::us;
  std::uint64_t seed = 1;
  measurement::Timestamp begin{};
  // How often the voltage changes and the thermostats look. 10 s makes old history in a fraction of
  // the time.
  std::chrono::milliseconds step = std::chrono::seconds(1);
  std::vector<Fault> faults;  // Those of what the house has not are without effect.
  std::vector<LooseContact> loose_contacts;
};

struct ApplianceTruth {
  std::string_view name, word, circuit, state;
  measurement::Watts active_power{};  // Now; negative is produced.
  double energy_mwh = 0;              // Since the begin; negative is produced.
};

struct ApplianceEvent {
  std::string_view appliance, state;
  measurement::Timestamp begin{};
};

// The same options give the same world, however advance() is called: it lives on its own times,
// which are whole milliseconds. Power is constant between them. The strings of truth and events
// live as long as the program.
class Household final : public Scene {
 public:
  explicit Household(const HouseholdOptions&);

  const std::vector<Channel>& channels() const override { return channels_; }
  measurement::Hertz line_frequency() const override {
    return {static_cast<float>(plan_.frequency)};
  }

  // `now` is not before the begin. About 1 µs of work for each step.
  Moment advance(measurement::Timestamp now, std::span<ChipInput> chips) override;

  // Of every appliance, also those on breakers without a clamp, at a time from the latest advance
  // until its moment's end.
  std::vector<ApplianceTruth> truth(measurement::Timestamp now) const;

  // Told whenever an appliance changes its state, from within advance().
  void on_event(std::function<void(const ApplianceEvent&)> tell) { tell_ = std::move(tell); }

  // What a plug at the end of a circuit's wiring would see, per leg. The house must have the
  // circuit.
  measurement::Volts socket_voltage(std::string_view circuit) const;

  measurement::Celsius outdoor() const;  // At the latest advance, to within a step.

 private:
  // An appliance and how it hangs in the house.
  struct Placed {
    Furnishing furnishing;
    std::size_t circuit = 0;
    measurement::Timestamp surges_until{};
    double active_power_w = 0;
    double energy_mwh = 0;
  };

  // Of the wiring behind one breaker.
  struct Branch {
    std::complex<double> va;  // P - jQ at the nominal voltage of all that hangs there.
    double kept = 1;          // Voltage at the sockets per voltage at the panel.
  };

  // What flows in one conductor.
  struct Flow {
    double fundamental_w = 0, harmonic_w = 0, reactive_var = 0, harmonic_va = 0;

    void add(const Flow&, double share);
    ChannelLoad load(double volts) const;
  };

  void step_to(measurement::Timestamp);
  void begin_day(measurement::Timestamp);
  void feel(measurement::Timestamp);
  bool wake(Placed&, measurement::Timestamp& wakes, measurement::Timestamp now);
  void settle(measurement::Timestamp);
  void supply(measurement::Timestamp);
  void load_branches(measurement::Timestamp);
  Service service(measurement::Timestamp) const;
  double mean_voltage(const BlueprintCircuit&) const;
  Flow flow(const Placed&, measurement::Timestamp) const;
  measurement::Timestamp next() const;

  HouseholdOptions options_;
  const Blueprint& plan_;
  Weather weather_;
  Grid grid_;
  std::vector<Placed> appliances_;
  std::vector<measurement::Timestamp> wakes_;  // Of each appliance: apart, as it is searched often.
  std::vector<Channel> channels_;

  Day today_;
  measurement::Timestamp midnight_{};  // Of today, in UTC.
  Surroundings around_;
  measurement::Timestamp next_day_{}, next_weather_{}, next_step_{};
  measurement::Timestamp surge_ends_ = measurement::Timestamp::max();  // The first of all.
  measurement::Timestamp settled_{};                                   // Powers hold since then.

  PerLeg volts_{};  // Of each leg, at the panel.
  std::vector<Branch> branches_;
  std::vector<Flow> legs_;      // What the grid brings.
  std::vector<Flow> circuits_;  // All of a circuit's legs together.
  std::function<void(const ApplianceEvent&)> tell_;
};

}  // namespace simulator
