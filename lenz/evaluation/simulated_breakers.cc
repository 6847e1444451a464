#include <algorithm>
#include <array>
#include <cmath>
#include <numbers>

#include "lenz/evaluation/circuit.h"

namespace lenz::evaluation {
namespace {

using insight::ApplianceKind;

void bake(Circuit& on, double begin_s, double watts) {
  const double preheat = on.minutes(5, 14), length = on.minutes(15, 70);
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
  const double full = on.minutes(2, 10);
  const double period = on.chance.between(8, 45), duty = on.chance.between(0.15, 0.7);
  on.draw(begin_s, full, watts);
  on.cycle(begin_s + full + period * (1 - duty), on.minutes(3, 30), watts, period * duty,
           period * (1 - duty));
}

void cooktop(Circuit& on) {
  const std::array sizes = {on.chance.between(1000, 1500), on.chance.between(1500, 2600)};
  on.always(on.chance.happens(0.5) ? on.chance.between(0, 6) : 0);
  on.each_use(on.chance.between(0.8, 3), 7, 20, [&](double at) {
    boil(on, at, sizes[on.chance.happens(0.5) ? 1 : 0]);
    if (on.chance.happens(0.4)) boil(on, at + on.minutes(0, 8), sizes[0]);
  });
  if (!on.chance.happens(0.3)) return;  // A range: the oven is below.
  const double watts = on.chance.between(1800, 3500);
  on.each_use(0.4, 15, 19, [&](double at) { bake(on, at, watts); });
}

double dry(Circuit& on, double begin_s, double heater_w) {
  const double drum_w = on.chance.between(180, 350), length = on.minutes(25, 60);
  on.draw(begin_s, length + on.minutes(3, 8), drum_w, 0.5);
  const double steady = on.minutes(8, 22);
  on.draw(begin_s, std::min(steady, length), heater_w);
  if (steady < length) {
    on.cycle(begin_s + steady + on.minutes(0.5, 2), length - steady, heater_w, on.minutes(0.7, 3.5),
             on.minutes(0.6, 3));
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
  double at = begin_s + on.minutes(2, 5);
  on.draw(begin_s, at - begin_s, on.chance.between(5, 20));
  const auto agitate = [&](double length) {
    at = is_top_loader ? (on.draw(at, length, motor_w, 0.3), at + length)
                       : on.cycle(at, length, motor_w * 0.4, on.chance.between(6, 16),
                                  on.chance.between(3, 10));
  };
  if (heater_w > 0) {
    const double heat = on.minutes(7, 20);
    on.draw(at, heat, heater_w);
    agitate(heat);
  }
  agitate(on.minutes(6, 25));
  const int rinses = on.chance.happens(0.5) ? 1 : 2;
  for (int i = 0; i < rinses; ++i) {
    on.draw(at, on.minutes(1, 3), on.chance.between(20, 80));
    on.draw(at + on.minutes(1, 3), on.minutes(1, 3), motor_w * on.chance.between(0.5, 1));
    at += on.minutes(5, 9);
    agitate(on.minutes(2, 6));
  }
  for (int i = 1; i <= 4; ++i, at += 25) on.draw(at, 25, motor_w * (0.5 + 0.15 * i));
  const double spin = on.minutes(3, 8);
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
    const double from = washed + (is_one_machine ? Circuit::minute_s : on.minutes(2, 60));
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
      on.draw(at, std::max(20.0, u * u * longest_h * Circuit::hour_s),
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
      on.draw(at, on.minutes(1, 2), on.chance.between(5, 15));  // It fills.
      at += 90;
      const double length = on.minutes(6, 25);
      on.draw(at, length, motor_w, 0.2);
      if (i == 0 || i + 1 == washes || on.chance.happens(0.3)) {
        const double heat = std::min(length - 60, on.minutes(6, 22));
        on.draw(at + 60, heat, heater_w);
      }
      at += length;
      on.draw(at, 60, on.chance.between(20, 50));  // It drains.
      at += 75;
    }
    if (dries) on.cycle(at, on.minutes(15, 35), 0.7 * heater_w, 240, on.chance.between(20, 240));
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
  const double on_s = on.minutes(10, 50), duty = on.chance.between(0.25, 0.65);
  const double defrost_every = on.chance.between(10, 26) * Circuit::hour_s;
  on.always(on.chance.between(0, 6));
  double next_defrost = on.chance.between(0, defrost_every);
  for (double at = on.chance.between(0, on_s); at < Circuit::days * Circuit::day_s;) {
    if (at > next_defrost) {
      const double length = on.minutes(8, 28);
      on.draw(at, length, defrost_w);
      at += length + on.minutes(3, 10);
      next_defrost = at + defrost_every;
    }
    const double night = std::cos(2 * std::numbers::pi * at / Circuit::day_s);
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
  const double burn_s = on.minutes(4, 14);
  const bool is_warm_by_day = on.chance.happens(0.5);
  on.always(on.chance.between(3, 12));
  for (double at = 0; at < Circuit::days * Circuit::day_s;) {
    const double hour = std::fmod(at / Circuit::hour_s, 24);
    const double length = burn_s * on.chance.between(0.7, 1.4);
    on.draw(at, length + 40, inducer_w, 0.3);
    on.draw(at + 15, 30, igniter_w);
    on.draw(at + 75, length + on.chance.between(20, 60), blower_w, 0.2);
    const double rest =
        Circuit::hour_s / per_hour * (is_warm_by_day && hour > 10 && hour < 17 ? 3 : 1);
    at += length + 150 + rest * on.chance.between(0.7, 1.3);
  }
}

// A compressor outside, by a thermostat; more by day or more by night.
void condition(Circuit& on, double watts, double crankcase_w, bool is_by_day) {
  const double per_hour = on.chance.between(1, 5), most = on.chance.between(0.15, 0.8);
  const double least = on.chance.happens(0.5) ? 0 : on.chance.between(0.02, 0.2);
  on.always(on.chance.between(0, 10) + crankcase_w);
  for (double at = 0; at < Circuit::days * Circuit::day_s;) {
    const double sun = std::cos(2 * std::numbers::pi * (at / Circuit::day_s - 0.65));
    const double share =
        std::clamp(least + (most - least) * (is_by_day ? sun : 0.6 - 0.4 * sun), 0.0, 0.95);
    const double period = Circuit::hour_s / per_hour * on.chance.between(0.7, 1.3);
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
  for (double at = 0; at < Circuit::days * Circuit::day_s; at += 120) {
    share = std::clamp(share + on.chance.normal(0, 0.03), 0.0, 1.0);
    if (share > 0.15) on.draw(at, 120, full_w * share);
  }
}

void electric_heater(Circuit& on) {
  const double watts = on.chance.between(400, 3000);
  const double period = on.chance.happens(0.3) ? on.chance.between(15, 60) : on.minutes(4, 30);
  const double duty = on.chance.between(0.1, 0.75);
  on.always(on.chance.happens(0.5) ? on.chance.between(0, 4) : 0);
  on.each_use(on.chance.between(1, 3), 0, 22, [&](double at) {
    on.draw(at, on.minutes(3, 15), watts);
    on.cycle(at + on.minutes(5, 15), on.minutes(20, 400), watts, period * duty,
             period * (1 - duty));
  });
}

void water_heater(Circuit& on) {
  const double watts = on.chance.between(1200, 5500);
  const double reheat_s = on.minutes(2, 9), every = on.chance.between(6, 16) * Circuit::hour_s;
  on.cycle(on.chance.between(0, every), Circuit::days * Circuit::day_s, watts, reheat_s, every);
  const auto use = [&](double at) { on.draw(at, on.minutes(4, 32) * 3000 / watts, watts); };
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
    const double length = on.chance.between(4, 30) * Circuit::hour_s * 1000 / watts;
    on.draw(at, length, watts);
    at += length;
    const double step = on.minutes(0.5, 4);  // The battery is nearly full.
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
    on.cycle(0, Circuit::days * Circuit::day_s, watts, on.chance.between(6, 40), on.minutes(4, 240),
             0.4);
  } else {  // Of a pool.
    on.each_use(1, 7, 12, [&](double at) {
      on.draw(at, on.chance.between(4, 10) * Circuit::hour_s, watts, 0.1);
    });
  }
}

constexpr std::array rows = {
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

}  // namespace

std::span<const CircuitRow> breaker_rows() { return rows; }

}  // namespace lenz::evaluation
