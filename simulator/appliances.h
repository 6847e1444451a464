// The appliances of a simulated house, each a small machine that is woken when it next has
// something to do. Between wakes its draw is constant.

#pragma once

#include <array>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <string_view>
#include <vector>

#include "measurement/units.h"
#include "simulator/chance.h"
#include "simulator/faults.h"

namespace simulator {

// How a load looks to the mains.
enum class Nature : std::uint8_t {
  heating,      // A resistor.
  motor,        // Induction motors of pumps and drums.
  compressor,   // The same with a hard start.
  inverter,     // Rectifiers with power factor correction, variable speed drives, chargers.
  electronics,  // Small power supplies.
  magnetron,    // A microwave oven's transformer.
  lamps,        // LED.
  generator,    // A solar inverter.
  stalled,      // A motor that stands.
};

struct NatureRow {
  Nature id;
  double exponent;        // Power follows the voltage to this power: 2 for a resistor.
  double reactive;        // Var per watt; positive is inductive.
  double harmonic_power;  // Share of the active power. Below 0: distorting loads send some back.
  double distortion;      // Harmonic current per fundamental current.
  double surge_power;     // In the first 300 ms: this many times the power...
  double surge_current;   // ...and this many times the reactive and harmonic current.
};

inline constexpr std::array natures = {
    NatureRow{Nature::heating, 2, 0, 0, 0.02, 1, 1},
    NatureRow{Nature::motor, 0, 0.75, 0.002, 0.10, 2.5, 5},
    NatureRow{Nature::compressor, 0, 0.62, 0.003, 0.08, 4, 9},
    NatureRow{Nature::inverter, 0, 0.06, 0.002, 0.08, 1, 1},
    NatureRow{Nature::electronics, 0, -0.20, -0.008, 0.90, 1, 4},
    NatureRow{Nature::magnetron, 1, 0.20, 0.010, 0.35, 1.5, 4},
    NatureRow{Nature::lamps, 0, -0.30, -0.006, 0.60, 1, 5},
    NatureRow{Nature::generator, 0, 0.03, 0.001, 0.04, 1, 1},
    NatureRow{Nature::stalled, 2, 1.1, 0.002, 0.10, 1, 1},
};

constexpr const NatureRow& row(Nature n) { return natures[static_cast<std::size_t>(n)]; }

namespace detail {
constexpr bool natures_are_in_order() {
  for (std::size_t i = 0; i < natures.size(); ++i) {
    if (static_cast<std::size_t>(natures[i].id) != i) return false;
  }
  return true;
}
static_assert(natures_are_in_order(), "BUG: natures must stand in the order of their numbers");
}  // namespace detail

struct Draw {
  std::string_view state = "off";
  double power_w = 0;  // At the nominal voltage; negative is produced.
  Nature nature = Nature::electronics;
  double reactive = 1;  // This many times the nature's.
};

// What an appliance feels.
struct Surroundings {
  double outdoor_c = 10;
  double radiation_w_per_m2 = 0;
  bool at_home = false;
  bool awake = false;
};

class Appliance {
 public:
  virtual ~Appliance() = default;

  // Brings the appliance to `now` and returns when it must be woken again, later than now.
  virtual measurement::Timestamp wake(measurement::Timestamp now, const Surroundings&) = 0;

  const Draw& draw() const { return draw_; }

  // Somebody will use it: start it, open its door, draw its water. Before the next wake.
  void use_at(measurement::Timestamp);
  measurement::Timestamp next_use() const;  // Timestamp::max(): none.

  // Something begins to be wrong with it. Without effect where it has no such part.
  void suffer(Defect defect, const Onset& onset) { defects_.add(defect, onset); }

 protected:
  double severity(Defect defect, measurement::Timestamp now) const {
    return defects_.severity(defect, now);
  }
  const Defects& defects() const { return defects_; }

  // True once for every use whose time has come.
  bool take_use(measurement::Timestamp now);

  Draw draw_;

 private:
  std::vector<measurement::Timestamp> uses_;  // Latest first.
  Defects defects_;
};

struct Phase {
  std::string_view state;
  double power_w = 0;
  Nature nature = Nature::heating;
  std::chrono::milliseconds length{};
  double motor_w = 0;  // Of the power of a heating phase.
};

// One run of a machine from start to end; never the same twice.
using Course = std::vector<Phase>;

Course kettle(Chance&, double power_w);
Course coffee_maker(Chance&);
Course microwave(Chance&);
Course oven(Chance&);
Course cooktop(Chance&);
Course dishwasher(Chance&);
Course washing_machine_cold_fill(Chance&);  // Hot water comes from the tank, as in the US.
Course washing_machine(Chance&);
Course tumble_dryer(Chance&);
Course television(Chance&);
Course computer(Chance&);
Course charger(Chance&, double full_w);  // Ramps in steps, up and down.

// The course as it goes on a machine with these defects.
Course afflict(Course, const Defects&, measurement::Timestamp now);

// A machine that is started and then runs its course. A use while it runs starts it again at the
// end.
class Programme final : public Appliance {
 public:
  Programme(std::function<Course(Chance&)> course, double standby_w, std::uint64_t seed);
  measurement::Timestamp wake(measurement::Timestamp now, const Surroundings&) override;

 private:
  std::function<Course(Chance&)> course_;
  Chance chance_;
  Draw standby_;
  Course running_;  // Empty: not running.
  std::size_t phase_ = 0;
  measurement::Timestamp phase_ends_{};
};

struct CabinetOptions {
  double compressor_w = 110;
  double set_c = 5;
  double band_k = 2;     // From switching on to switching off.
  double pull_k = 52;    // How far below the room it would come if the compressor never stopped.
  double inertia_h = 6;  // Time constant through the walls.
  double door_k = 0.35;  // One opening warms it so far.
  double defrost_w = 0;  // Heater; 0: it is defrosted by hand.
  std::chrono::milliseconds look = std::chrono::seconds(1);
};

// A fridge or freezer: a thermostat between two temperatures, in a room that follows the weather a
// little. Its share of time on is about (room - set) / pull. The defrost heater works for 18
// minutes after each 8 hours of compressor. A compressor that does not start draws the current of a
// motor that stands for 8 seconds, and tries again after two minutes.
class Cabinet final : public Appliance {
 public:
  Cabinet(const CabinetOptions&, std::uint64_t seed);
  measurement::Timestamp wake(measurement::Timestamp now, const Surroundings&) override;

  double inside_c() const { return inside_c_; }

 private:
  double pull_k(measurement::Timestamp, double passed_h);
  Draw compress(measurement::Timestamp);

  CabinetOptions options_;
  Chance chance_;
  double inside_c_;
  bool cools_ = false;
  double cooled_h_ = 0;  // Since the last defrost.
  double defrost_left_h_ = 0;
  double frost_ = 0;  // Of what two weeks without defrosting leave.
  measurement::Timestamp stalls_until_ = measurement::Timestamp::min();
  measurement::Timestamp tries_again_ = measurement::Timestamp::min();

  measurement::Timestamp last_ = measurement::Timestamp::min();
};

struct TankOptions {
  double heater_w = 4500;
  double litres = 190;
  double set_c = 55;
  double band_k = 5;
  double use_kwh = 1.2;  // A typical use takes so much heat.
  double loss_w = 60;    // When hot.
  std::chrono::milliseconds look = std::chrono::seconds(1);
};

// A storage water heater with one element.
class WaterTank final : public Appliance {
 public:
  WaterTank(const TankOptions&, std::uint64_t seed);
  measurement::Timestamp wake(measurement::Timestamp now, const Surroundings&) override;

 private:
  TankOptions options_;
  Chance chance_;
  double water_c_;
  bool heats_ = false;
  measurement::Timestamp last_ = measurement::Timestamp::min();
};

struct HeatPumpOptions {
  double heat_set_c = 20.5;
  double cool_set_c = 24.5;  // Above any room: it does not cool.
  double full_w = 3000;      // Electric, at full speed.
  double least_share = 1;    // Of full speed; 1: it only knows on and off.
  double loss_w_per_k = 180;
  double gains_w = 450;  // From people, sun and everything plugged in.
  double capacity_kwh_per_k = 1.8;
  double standby_w = 25;
  std::chrono::milliseconds look = std::chrono::seconds(1);
};

// Heats or cools a house of one temperature. Heat per power: 3.6 at 7 °C outdoors and 0.075 less
// per kelvin below, as field trials of air source machines find; cooling 3.8 at 25 °C, 0.07 less
// per kelvin above. Below 4 °C it defrosts for 5 minutes of each 80 minutes that it heats.
class HeatPump final : public Appliance {
 public:
  HeatPump(const HeatPumpOptions&, std::uint64_t seed);
  measurement::Timestamp wake(measurement::Timestamp now, const Surroundings&) override;

  double room_c() const { return room_c_; }

 private:
  enum class Mode : std::uint8_t { idle, heats, cools, defrosts };

  void choose_mode(double outdoor_c, double passed_h, double airflow_fault);
  double share() const;
  Draw running(double outdoor_c, measurement::Timestamp) const;

  HeatPumpOptions options_;
  double room_c_;
  Mode mode_ = Mode::idle;
  double in_mode_h_ = 1;
  double frosting_h_ = 0;
  measurement::Timestamp last_ = measurement::Timestamp::min();
};

// A well's pump and pressure tank: it starts when 40 litres are gone and brings 45 a minute. With
// less air in the tank it starts for less, again and again while the tap is open.
class WellPump final : public Appliance {
 public:
  WellPump(double power_w, std::uint64_t seed);
  measurement::Timestamp wake(measurement::Timestamp now, const Surroundings&) override;

 private:
  double power_w_;
  Chance chance_;
  double missing_l_ = 0;
  measurement::Timestamp rests_until_ = measurement::Timestamp::min();
  measurement::Timestamp last_ = measurement::Timestamp::min();
  measurement::Timestamp stops_ = measurement::Timestamp::min();
};

// Lamps in some rooms, when it is dark and people are up and at home.
class Lights final : public Appliance {
 public:
  Lights(int rooms, double room_w, std::uint64_t seed);
  measurement::Timestamp wake(measurement::Timestamp now, const Surroundings&) override;

 private:
  int rooms_;
  double room_w_;
  Chance chance_;
};

// What is never off: network, clocks, chargers. It wanders by a few percent.
class Background final : public Appliance {
 public:
  Background(double power_w, std::uint64_t seed);
  measurement::Timestamp wake(measurement::Timestamp now, const Surroundings&) override;

 private:
  double power_w_;
  Chance chance_;
};

// Panels that face the sky: 80 % of their peak power at 1,000 W/m2, and 1 W used at night.
class Solar final : public Appliance {
 public:
  explicit Solar(double peak_w) : peak_w_(peak_w) {}
  measurement::Timestamp wake(measurement::Timestamp now, const Surroundings&) override;

 private:
  double peak_w_;
};

}  // namespace simulator
