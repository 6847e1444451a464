#include <array>

#include "lenz/evaluation/circuit.h"

namespace lenz::evaluation {
namespace {

using insight::ApplianceKind;

void brew_by_drip(Circuit& on, double begin_s, double watts) {
  const double brewing = on.minutes(3, 9);
  on.draw(begin_s, brewing, watts);
  const double pulse = on.chance.between(4, 25), every = on.chance.between(30, 150);
  on.cycle(begin_s + brewing + every, on.minutes(5, 90), watts, pulse, every);  // It keeps warm.
}

// Of pods, or of beans that it grinds.
void brew_by_pump(Circuit& on, double begin_s, double watts) {
  const double heat = on.chance.between(15, 90), pulse = on.chance.between(2, 8);
  const double every = on.chance.between(25, 150), stays = on.minutes(1, 60);
  on.draw(begin_s, heat, watts);
  on.draw(begin_s, stays, on.chance.between(1, 20));
  on.cycle(begin_s + heat + every, stays - heat, watts, pulse, every);
  const int cups = 1 + static_cast<int>(on.chance.between(0, 3));
  double at = begin_s + heat;
  for (int i = 0; i < cups; ++i, at += on.chance.between(40, 200)) {
    if (on.chance.happens(0.5)) on.draw(at, on.chance.between(4, 10), on.chance.between(80, 180));
    const double length = on.chance.between(15, 45);
    on.draw(at + 10, length, on.chance.between(30, 70));
    on.cycle(at + 10, length, watts, pulse, on.chance.between(2, 8));
  }
}

void coffee_maker(Circuit& on) {
  const double watts = on.chance.between(750, 1600);
  const bool drips = on.chance.happens(0.5);
  if (on.chance.happens(0.5)) on.always(on.chance.between(0, 5));
  on.each_use(on.chance.between(1, 6), 6, 18, [&](double at) {
    drips ? brew_by_drip(on, at, watts) : brew_by_pump(on, at, watts);
  });
}

void iron(Circuit& on) {
  const double watts = on.chance.between(1000, 2600);
  const double pulse = on.chance.between(5, 25), every = on.chance.between(20, 90);
  on.each_use(on.chance.between(0.4, 1), 8, 21, [&](double at) {
    const double heat = on.chance.between(50, 160);
    on.draw(at, heat, watts);
    on.cycle(at + heat + every, on.minutes(8, 60), watts, pulse, every);
  });
}

void hair_dryer(Circuit& on) {
  const double watts = on.chance.between(900, 2300);
  const std::array levels = {watts, watts * on.chance.between(0.4, 0.65),
                             on.chance.between(60, 200)};
  const double usual = on.chance.between(60, 300);
  on.each_use(on.chance.between(0.6, 2.5), 6, 22, [&](double begin) {
    double at = begin;
    const int parts = 1 + static_cast<int>(on.chance.between(0, 4));
    for (int i = 0; i < parts; ++i) {
      const double length = usual * on.chance.between(0.2, 1.5);
      on.draw(at, length, levels[on.chance.happens(0.65) ? 0 : on.chance.happens(0.7) ? 1 : 2]);
      at += length + (on.chance.happens(0.4) ? on.chance.between(3, 40) : 0);
    }
  });
}

void vacuum_cleaner(Circuit& on) {
  const double watts = on.chance.between(500, 2200);
  on.each_use(on.chance.between(0.4, 1), 8, 20, [&](double begin) {
    double at = begin;
    const int rooms = 1 + static_cast<int>(on.chance.between(0, 7));
    for (int i = 0; i < rooms; ++i) {
      const double end = at + on.chance.between(20, 400);
      on.draw(at, 1, watts * on.chance.between(0.2, 1));  // It speeds up.
      while (at < end) {                                  // On carpets and off them.
        const double length = on.chance.between(4, 30);
        on.draw(at, length, watts * on.chance.between(0.9, 1.0));
        at += length;
      }
      at += on.chance.between(5, 120);
    }
  });
}

void food_processor(Circuit& on) {
  const double watts = on.chance.between(80, 1000);
  on.each_use(on.chance.between(0.5, 2.5), 7, 21, [&](double begin) {
    double at = begin;
    const int bursts = 1 + static_cast<int>(on.chance.between(0, 6));
    for (int i = 0; i < bursts; ++i) {
      const double end = at + on.chance.between(2, 70);
      on.draw(at, 0.5, watts);
      for (; at < end; at += 2) on.draw(at, 2, watts * on.chance.between(0.5, 1));
      at += on.chance.between(2, 60);
    }
  });
}

void print_by_laser(Circuit& on) {
  const double fuser_w = on.chance.between(350, 1100), ready_w = on.chance.between(8, 40);
  const double every = on.chance.between(15, 90), motor_w = on.chance.between(40, 200);
  on.always(on.chance.between(1, 12));
  on.each_use(on.chance.between(1, 12), 8, 19, [&](double begin) {
    const double warm_up = on.chance.between(4, 40), pages = on.chance.between(5, 120);
    on.draw(begin, warm_up, fuser_w);
    on.draw(begin + warm_up, pages, motor_w);
    on.cycle(begin + warm_up, pages, fuser_w, on.chance.between(1, 3), on.chance.between(1, 6));
    const double stays = on.minutes(1, 30);
    on.draw(begin + warm_up + pages, stays, ready_w);
    on.cycle(begin + warm_up + pages + every, stays, fuser_w, on.chance.between(1, 4), every);
  });
}

void printer(Circuit& on) {
  if (on.chance.happens(0.7)) return print_by_laser(on);
  const double watts = on.chance.between(8, 35);  // By ink.
  on.always(on.chance.between(0.5, 6));
  on.each_use(on.chance.between(1, 6), 8, 20, [&](double begin) {
    const double length = on.chance.between(15, 240);
    for (double at = begin; at < begin + length; at += 3) {
      on.draw(at, 3, watts * on.chance.between(0.4, 1));
    }
  });
}

void fan(Circuit& on) {
  const double watts = on.chance.between(15, 90);
  on.each_use(on.chance.between(0.8, 3), 8, 23, [&](double at) {
    const double level = on.chance.happens(0.5) ? 1 : on.chance.between(0.5, 0.9);
    on.draw(at, on.chance.between(0.3, 7) * Circuit::hour_s, watts * level, 0.05);
  });
}

void electric_shower(Circuit& on) {
  const double watts = on.chance.between(7000, 10'800);
  on.each_use(on.chance.between(0.8, 4), 6, 22, [&](double at) {
    on.draw(at, on.minutes(2, 14), watts * (on.chance.happens(0.2) ? 0.5 : 1));
  });
}

void small_water_heater(Circuit& on) {
  const double watts = on.chance.between(300, 2200);
  const double reheat_s = on.minutes(0.7, 5), every = on.chance.between(0.3, 4) * Circuit::hour_s;
  on.always(on.chance.happens(0.5) ? on.chance.between(0, 3) : 0);
  on.cycle(on.chance.between(0, every), Circuit::days * Circuit::day_s, watts, reheat_s, every);
  on.each_use(on.chance.between(2, 12), 6, 22,
              [&](double at) { on.draw(at, on.minutes(1, 12), watts); });
}

// Of heating, of a solar collector, of a pond.
void circulate(Circuit& on) {
  const double watts = on.chance.between(8, 120);
  on.always(on.chance.happens(0.5) ? on.chance.between(0, 5) : 0);
  if (on.chance.happens(0.4)) {
    on.each_use(1, 6, 10, [&](double at) {
      on.draw(at, on.chance.between(5, 15) * Circuit::hour_s, watts, 0.05);
    });
    return;
  }
  const double length = on.minutes(2, 40), rest = on.minutes(5, 90);
  on.each_use(1, 5, 9, [&](double at) {
    on.cycle(at, on.chance.between(5, 16) * Circuit::hour_s, watts, length, rest, 0.2);
  });
}

constexpr std::array rows = {
    CircuitRow{ApplianceKind::coffee_maker, coffee_maker},
    CircuitRow{ApplianceKind::iron, iron},
    CircuitRow{ApplianceKind::hair_dryer, hair_dryer},
    CircuitRow{ApplianceKind::vacuum_cleaner, vacuum_cleaner},
    CircuitRow{ApplianceKind::food_processor, food_processor},
    CircuitRow{ApplianceKind::printer, printer},
    CircuitRow{ApplianceKind::fan, fan},
    CircuitRow{ApplianceKind::electric_shower, electric_shower},
    CircuitRow{ApplianceKind::water_heater, small_water_heater},
    CircuitRow{ApplianceKind::pump, circulate},
};

}  // namespace

std::span<const CircuitRow> plug_rows() { return rows; }

}  // namespace lenz::evaluation
