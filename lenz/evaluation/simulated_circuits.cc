#include "lenz/evaluation/simulated_circuits.h"

#include <algorithm>
#include <array>
#include <chrono>
#include <cmath>
#include <numbers>
#include <vector>

#include "simulator/chance.h"

namespace lenz::evaluation {
namespace {

using insight::ApplianceKind;
using measurement::Timestamp;
using std::chrono::milliseconds;

constexpr int days = 4;
constexpr double day_s = 86400, hour_s = 3600, minute_s = 60;

// What one breaker carries, summed up by intervals of its meter.
class Circuit {
 public:
  explicit Circuit(std::uint64_t seed) : chance(seed) {
    constexpr std::array intervals = {1, 1, 2, 3, 3, 6, 10, 60};
    interval_s_ = intervals[static_cast<std::size_t>(chance.between(0, intervals.size()))];
    energy_ws_.assign(static_cast<std::size_t>(days * day_s / interval_s_), 0);
  }

  simulator::Chance chance;

  // `surge`: share of the power that is added at the begin and gone within some minutes.
  void draw(double begin_s, double length_s, double watts, double surge = 0) {
    const double end_s = std::min(begin_s + length_s, days * day_s);
    for (double at = std::max(begin_s, 0.0); at < end_s;) {
      const auto bin = static_cast<std::size_t>(at / interval_s_);
      if (bin >= energy_ws_.size()) return;
      const double next = std::min(end_s, (static_cast<double>(bin) + 1) * interval_s_);
      const double more = surge > 0 ? surge * std::exp((begin_s - at) / 90) : 0;
      energy_ws_[bin] += watts * (1 + more) * (next - at);
      at = std::max(next, at + 1e-6);
    }
  }

  // On and off, never twice the same. Returns the end.
  double cycle(double begin_s, double length_s, double watts, double on_s, double off_s,
               double surge = 0) {
    double at = begin_s;
    while (at < begin_s + length_s) {
      const double on = on_s * chance.between(0.8, 1.2);
      draw(at, on, watts, surge);
      at += on + off_s * chance.between(0.8, 1.2);
    }
    return at;
  }

  // Calls use(begin) `per_day` times a day in the mean, within hours of the day.
  template <class Use>
  void each_use(double per_day, double from_h, double to_h, Use use) {
    for (int day = 0; day < days; ++day) {
      for (double left = per_day; left > 0; left -= 1) {
        if (!chance.happens(std::min(left, 1.0))) continue;
        use(day * day_s + chance.between(from_h, to_h) * hour_s);
      }
    }
  }

  void always(double watts) { draw(0, days * day_s, watts); }

  void report(const std::function<void(const insight::Reading&)>& take) {
    const double noise = chance.between(0.001, 0.01), noise_w = chance.between(0.1, 1);
    const double resolution_w = chance.happens(0.5) ? 1 : 0.1;
    const auto voltage_seed = static_cast<std::uint64_t>(chance.between(0, 1e9));
    for (std::size_t bin = 0; bin < energy_ws_.size(); ++bin) {
      const Timestamp time{
          milliseconds(std::llround(static_cast<double>(bin) * interval_s_ * 1000))};
      const double volts = 1 + 0.01 * simulator::wander(voltage_seed, time, std::chrono::hours(1));
      double watts = energy_ws_[bin] / interval_s_ * volts * volts;
      if (watts > 0.5) watts += chance.normal(0, noise * watts + noise_w);
      watts = std::max(0.0, std::round(watts / resolution_w) * resolution_w);
      take({.time = time, .active_power = {static_cast<float>(watts)}});
    }
  }

 private:
  double interval_s_ = 1;
  std::vector<double> energy_ws_;
};

double minutes(Circuit& on, double from, double to) {
  return on.chance.between(from, to) * minute_s;
}

void bake(Circuit& on, double begin_s, double watts) {
  const double preheat = minutes(on, 5, 14), length = minutes(on, 15, 70);
  const double period = on.chance.between(60, 240), duty = on.chance.between(0.2, 0.5);
  on.draw(begin_s, preheat, watts);
  on.draw(begin_s, preheat + length, on.chance.between(15, 80));  // Light and fan.
  on.cycle(begin_s + preheat + period * (1 - duty), length, watts, period * duty,
           period * (1 - duty));
}

void oven(Circuit& on) {
  const double watts = on.chance.between(1800, 4200);
  on.always(on.chance.between(0, 8));
  on.each_use(on.chance.between(0.5, 1.5), 11, 20, [&](double at) { bake(on, at, watts); });
}

void boil(Circuit& on, double begin_s, double watts) {
  const double full = minutes(on, 2, 10);
  const double period = on.chance.between(8, 45), duty = on.chance.between(0.15, 0.7);
  on.draw(begin_s, full, watts);
  on.cycle(begin_s + full + period * (1 - duty), minutes(on, 3, 30), watts, period * duty,
           period * (1 - duty));
}

void cooktop(Circuit& on) {
  const std::array sizes = {on.chance.between(1000, 1500), on.chance.between(1500, 2600)};
  on.always(on.chance.happens(0.5) ? on.chance.between(0, 6) : 0);
  on.each_use(on.chance.between(0.8, 3), 7, 20, [&](double at) {
    boil(on, at, sizes[on.chance.happens(0.5) ? 1 : 0]);
    if (on.chance.happens(0.4)) boil(on, at + minutes(on, 0, 8), sizes[0]);
  });
  if (!on.chance.happens(0.3)) return;  // A range: the oven is below.
  const double watts = on.chance.between(1800, 3500);
  on.each_use(0.4, 15, 19, [&](double at) { bake(on, at, watts); });
}

double dry(Circuit& on, double begin_s, double heater_w) {
  const double drum_w = on.chance.between(180, 350), length = minutes(on, 25, 60);
  on.draw(begin_s, length + minutes(on, 3, 8), drum_w, 0.5);
  const double steady = minutes(on, 8, 22);
  on.draw(begin_s, std::min(steady, length), heater_w);
  if (steady < length) {
    on.cycle(begin_s + steady + minutes(on, 0.5, 2), length - steady, heater_w,
             minutes(on, 0.7, 3.5), minutes(on, 0.6, 3));
  }
  return begin_s + length;
}

void tumble_dryer(Circuit& on) {
  const double heater_w = on.chance.between(1800, 5600);
  on.always(on.chance.happens(0.5) ? on.chance.between(0, 4) : 0);
  on.each_use(on.chance.between(0.5, 1.2), 9, 21, [&](double at) { dry(on, at, heater_w); });
}

// Water comes hot from the tank, or is heated.
double wash(Circuit& on, double begin_s, double motor_w, double heater_w, bool is_top_loader) {
  double at = begin_s + minutes(on, 2, 5);
  on.draw(begin_s, at - begin_s, on.chance.between(5, 20));
  const auto agitate = [&](double length) {
    at = is_top_loader ? (on.draw(at, length, motor_w, 0.3), at + length)
                       : on.cycle(at, length, motor_w * 0.4, on.chance.between(6, 16),
                                  on.chance.between(3, 10));
  };
  if (heater_w > 0) {
    const double heat = minutes(on, 7, 20);
    on.draw(at, heat, heater_w);
    agitate(heat);
  }
  agitate(minutes(on, 6, 25));
  const int rinses = on.chance.happens(0.5) ? 1 : 2;
  for (int i = 0; i < rinses; ++i) {
    on.draw(at, minutes(on, 1, 3), on.chance.between(20, 80));
    on.draw(at + minutes(on, 1, 3), minutes(on, 1, 3), motor_w * on.chance.between(0.5, 1));
    at += minutes(on, 5, 9);
    agitate(minutes(on, 2, 6));
  }
  for (int i = 1; i <= 4; ++i, at += 25) on.draw(at, 25, motor_w * (0.5 + 0.15 * i));
  const double spin = minutes(on, 3, 8);
  on.draw(at, spin, motor_w * on.chance.between(0.6, 1.1));
  return at + spin;
}

void washing_machine(Circuit& on) {
  const double motor_w = on.chance.between(250, 700);
  const double heater_w = on.chance.happens(0.3) ? on.chance.between(800, 2100) : 0;
  const bool is_top_loader = heater_w == 0 && on.chance.happens(0.5);
  on.always(on.chance.happens(0.6) ? on.chance.between(0, 5) : 0);
  on.each_use(on.chance.between(0.5, 1.3), 8, 20,
              [&](double at) { wash(on, at, motor_w, heater_w, is_top_loader); });
}

void washer_dryer(Circuit& on) {
  const double motor_w = on.chance.between(250, 700);
  const bool is_one_machine = on.chance.happens(0.3);
  const bool is_gas = !is_one_machine && on.chance.happens(0.4);
  const double heater_w = is_gas ? 0 : on.chance.between(1800, is_one_machine ? 2300 : 5600);
  const double washing_w = is_one_machine ? heater_w : 0;
  on.always(on.chance.happens(0.6) ? on.chance.between(0, 6) : 0);
  on.each_use(on.chance.between(0.5, 1.3), 8, 18, [&](double at) {
    const double washed = wash(on, at, motor_w, washing_w, !is_one_machine);
    if (!on.chance.happens(0.85)) return;
    const double from = washed + (is_one_machine ? minute_s : minutes(on, 2, 60));
    dry(on, from, heater_w);
    if (is_gas) on.draw(from, 40, 400);  // The igniter.
  });
}

void lighting(Circuit& on) {
  const int groups = 1 + static_cast<int>(on.chance.between(0, 6));
  on.always(on.chance.happens(0.4) ? on.chance.between(0, 8) : 0);
  for (int group = 0; group < groups; ++group) {
    const std::array lamps = {on.chance.between(6, 12), on.chance.between(11, 26),
                              on.chance.between(35, 100)};
    const double lamp_w = lamps[static_cast<std::size_t>(on.chance.between(0, lamps.size()))];
    const double group_w = lamp_w * std::floor(on.chance.between(1, 7));
    const bool is_dimmed = on.chance.happens(0.25);
    const double longest_h = on.chance.between(0.3, 5);
    const auto light = [&](double at) {
      const double u = on.chance.uniform();
      on.draw(at, std::max(20.0, u * u * longest_h * hour_s),
              group_w * (is_dimmed ? on.chance.between(0.3, 1) : 1), lamp_w > 30 ? 0.03 : -0.05);
    };
    on.each_use(on.chance.between(0, 1.5), 5.5, 9, light);
    on.each_use(on.chance.between(0.5, 4), 16.5, 23.5, light);
    on.each_use(on.chance.between(0, 1.5), 9, 17, light);
  }
}

void dishwasher(Circuit& on) {
  const double motor_w = on.chance.between(50, 220), heater_w = on.chance.between(500, 1300);
  const bool dries = on.chance.happens(0.5);
  on.always(on.chance.happens(0.5) ? on.chance.between(0, 4) : 0);
  on.each_use(on.chance.between(0.5, 1.2), 8, 22, [&](double begin) {
    double at = begin;
    const int washes = 2 + static_cast<int>(on.chance.between(0, 3));
    for (int i = 0; i < washes; ++i) {
      on.draw(at, minutes(on, 1, 2), on.chance.between(5, 15));  // It fills.
      at += 90;
      const double length = minutes(on, 6, 25);
      on.draw(at, length, motor_w, 0.2);
      if (i == 0 || i + 1 == washes || on.chance.happens(0.3)) {
        const double heat = std::min(length - 60, minutes(on, 6, 22));
        on.draw(at + 60, heat, heater_w);
      }
      at += length;
      on.draw(at, 60, on.chance.between(20, 50));  // It drains.
      at += 75;
    }
    if (dries) on.cycle(at, minutes(on, 15, 35), 0.7 * heater_w, 240, on.chance.between(20, 240));
  });
}

void garbage_disposal(Circuit& on) {
  const double watts = on.chance.between(250, 750);
  on.each_use(on.chance.between(1, 5), 7, 22,
              [&](double at) { on.draw(at, on.chance.between(3, 50), watts, 0.8); });
}

void microwave(Circuit& on) {
  const double watts = on.chance.between(1000, 1800), light_w = on.chance.between(20, 70);
  on.always(on.chance.between(1, 5));
  on.each_use(on.chance.between(2, 8), 6, 22, [&](double at) {
    const double length = on.chance.between(20, 320);
    on.draw(at, length + on.chance.between(0, 30), light_w);
    if (on.chance.happens(0.75)) {
      on.draw(at, length, watts);
    } else {
      on.cycle(at, 2 * length, watts, on.chance.between(8, 20), on.chance.between(8, 20));
    }
  });
}

void chill(Circuit& on, bool has_door_light) {
  const double watts = on.chance.between(60, 200), defrost_w = on.chance.between(300, 650);
  const double on_s = minutes(on, 10, 50), duty = on.chance.between(0.25, 0.65);
  const double defrost_every = on.chance.between(10, 26) * hour_s;
  on.always(on.chance.between(0, 6));
  double next_defrost = on.chance.between(0, defrost_every);
  for (double at = on.chance.between(0, on_s); at < days * day_s;) {
    if (at > next_defrost) {
      const double length = minutes(on, 8, 28);
      on.draw(at, length, defrost_w);
      at += length + minutes(on, 3, 10);
      next_defrost = at + defrost_every;
    }
    const double night = std::cos(2 * std::numbers::pi * at / day_s);
    const double run = on_s * on.chance.between(0.85, 1.15) * (1 - 0.15 * night);
    on.draw(at, run, watts, 0.25);
    at += run + on_s * (1 - duty) / duty * on.chance.between(0.85, 1.15);
  }
  if (!has_door_light) return;
  const double light_w = on.chance.between(5, 60);
  on.each_use(on.chance.between(5, 35), 6, 23,
              [&](double at) { on.draw(at, on.chance.between(4, 40), light_w); });
}

void furnace(Circuit& on) {
  const double blower_w = on.chance.between(150, 750), inducer_w = on.chance.between(40, 130);
  const double igniter_w = on.chance.between(250, 500), per_hour = on.chance.between(0.3, 5);
  const double burn_s = minutes(on, 4, 14);
  const bool is_warm_by_day = on.chance.happens(0.5);
  on.always(on.chance.between(3, 12));
  for (double at = 0; at < days * day_s;) {
    const double hour = std::fmod(at / hour_s, 24);
    const double length = burn_s * on.chance.between(0.7, 1.4);
    on.draw(at, length + 40, inducer_w, 0.3);
    on.draw(at + 15, 30, igniter_w);
    on.draw(at + 75, length + on.chance.between(20, 60), blower_w, 0.2);
    const double rest = hour_s / per_hour * (is_warm_by_day && hour > 10 && hour < 17 ? 3 : 1);
    at += length + 150 + rest * on.chance.between(0.7, 1.3);
  }
}

// A compressor outside, by a thermostat; more by day or more by night.
void condition(Circuit& on, double watts, double crankcase_w, bool is_by_day) {
  const double per_hour = on.chance.between(1, 5), most = on.chance.between(0.15, 0.8);
  const double least = on.chance.happens(0.5) ? 0 : on.chance.between(0.02, 0.2);
  on.always(on.chance.between(0, 10) + crankcase_w);
  for (double at = 0; at < days * day_s;) {
    const double sun = std::cos(2 * std::numbers::pi * (at / day_s - 0.65));
    const double share =
        std::clamp(least + (most - least) * (is_by_day ? sun : 0.6 - 0.4 * sun), 0.0, 0.95);
    const double period = hour_s / per_hour * on.chance.between(0.7, 1.3);
    if (share > 0.04) {
      on.draw(at, std::max(150.0, period * share), watts * (1 + 0.08 * sun), 0.06);
    }
    at += std::max(period, period * share + 180);
  }
}

void air_conditioner(Circuit& on) {
  const bool is_central = on.chance.happens(0.65);
  const double watts = is_central ? on.chance.between(1400, 4500) : on.chance.between(400, 1400);
  const double crankcase_w = is_central && on.chance.happens(0.4) ? on.chance.between(20, 60) : 0.0;
  condition(on, watts, crankcase_w, true);
}

void heat_pump(Circuit& on) {
  const double full_w = on.chance.between(900, 4500);
  if (on.chance.happens(0.5)) {
    condition(on, full_w, on.chance.between(0, 60), false);
    return;
  }
  on.always(on.chance.between(8, 40));  // It knows many speeds.
  double share = on.chance.between(0.3, 0.8);
  for (double at = 0; at < days * day_s; at += 120) {
    share = std::clamp(share + on.chance.normal(0, 0.03), 0.0, 1.0);
    if (share > 0.15) on.draw(at, 120, full_w * share);
  }
}

void electric_heater(Circuit& on) {
  const double watts = on.chance.between(400, 3000);
  const double period = on.chance.happens(0.3) ? on.chance.between(15, 60) : minutes(on, 4, 30);
  const double duty = on.chance.between(0.1, 0.75);
  on.always(on.chance.happens(0.5) ? on.chance.between(0, 4) : 0);
  on.each_use(on.chance.between(1, 3), 0, 22, [&](double at) {
    on.draw(at, minutes(on, 3, 15), watts);
    on.cycle(at + minutes(on, 5, 15), minutes(on, 20, 400), watts, period * duty,
             period * (1 - duty));
  });
}

void water_heater(Circuit& on) {
  const double watts = on.chance.between(1200, 5500);
  const double reheat_s = minutes(on, 2, 9), every = on.chance.between(6, 16) * hour_s;
  on.cycle(on.chance.between(0, every), days * day_s, watts, reheat_s, every);
  const auto use = [&](double at) { on.draw(at, minutes(on, 4, 32) * 3000 / watts, watts); };
  on.each_use(on.chance.between(1, 3), 5.5, 9, use);
  on.each_use(on.chance.between(0.5, 3), 17, 23, use);
}

void ev_charger(Circuit& on) {
  constexpr std::array sizes = {1400.0, 1900.0, 3300.0, 3800.0, 5700.0, 7200.0, 9600.0, 11'500.0};
  const double watts = sizes[static_cast<std::size_t>(on.chance.between(0, sizes.size()))] *
                       on.chance.between(0.94, 1.03);
  on.always(on.chance.between(0, 7));
  on.each_use(on.chance.between(0.6, 1), 17, 24, [&](double begin) {
    double at = begin;
    for (int i = 1; i <= 5; ++i, at += 3) on.draw(at, 3, watts * i / 6);
    const double length = on.chance.between(4, 30) * hour_s * 1000 / watts;
    on.draw(at, length, watts);
    at += length;
    const double step = minutes(on, 0.5, 4);  // The battery is nearly full.
    for (double share = 0.95; share > 0.15; share -= 0.08, at += step) {
      on.draw(at, step, watts * share);
    }
  });
}

void pump(Circuit& on) {
  const double watts = on.chance.between(300, 1900);
  const double kind = on.chance.uniform();
  if (kind < 0.4) {  // Of a well.
    const double length = on.chance.between(20, 120);
    on.each_use(on.chance.between(6, 30), 5.5, 23,
                [&](double at) { on.draw(at, length * on.chance.between(0.8, 1.3), watts, 0.4); });
  } else if (kind < 0.75) {  // Of a sump.
    on.cycle(0, days * day_s, watts, on.chance.between(6, 40), minutes(on, 4, 240), 0.4);
  } else {  // Of a pool.
    on.each_use(1, 7, 12,
                [&](double at) { on.draw(at, on.chance.between(4, 10) * hour_s, watts, 0.1); });
  }
}

struct CircuitRow {
  ApplianceKind kind;
  void (*simulate)(Circuit&);
};
constexpr std::array circuits = {
    CircuitRow{ApplianceKind::fridge, [](Circuit& on) { chill(on, true); }},
    CircuitRow{ApplianceKind::freezer, [](Circuit& on) { chill(on, false); }},
    CircuitRow{ApplianceKind::dishwasher, dishwasher},
    CircuitRow{ApplianceKind::washing_machine, washing_machine},
    CircuitRow{ApplianceKind::washer_dryer, washer_dryer},
    CircuitRow{ApplianceKind::tumble_dryer, tumble_dryer},
    CircuitRow{ApplianceKind::microwave, microwave},
    CircuitRow{ApplianceKind::oven, oven},
    CircuitRow{ApplianceKind::cooktop, cooktop},
    CircuitRow{ApplianceKind::lighting, lighting},
    CircuitRow{ApplianceKind::electric_heater, electric_heater},
    CircuitRow{ApplianceKind::air_conditioner, air_conditioner},
    CircuitRow{ApplianceKind::heat_pump, heat_pump},
    CircuitRow{ApplianceKind::furnace, furnace},
    CircuitRow{ApplianceKind::water_heater, water_heater},
    CircuitRow{ApplianceKind::ev_charger, ev_charger},
    CircuitRow{ApplianceKind::pump, pump},
    CircuitRow{ApplianceKind::garbage_disposal, garbage_disposal},
};
constexpr auto kinds = [] {
  std::array<ApplianceKind, circuits.size()> all{};
  for (std::size_t i = 0; i < all.size(); ++i) all[i] = circuits[i].kind;
  return all;
}();

}  // namespace

std::span<const ApplianceKind> simulated_circuit_kinds() { return kinds; }

void simulate_circuit(ApplianceKind kind, std::uint64_t seed,
                      const std::function<void(const insight::Reading&)>& take) {
  Circuit on(simulator::mix(seed, insight::row(kind).word));
  std::ranges::find(circuits, kind, &CircuitRow::kind)->simulate(on);
  on.report(take);
}

}  // namespace lenz::evaluation
