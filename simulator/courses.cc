// What machines do from start to end. The powers and lengths are those of common machines of the
// plug measurements of tracebase, ECO and UK-DALE; no measured series is used.

#include <algorithm>
#include <cmath>
#include <utility>

#include "simulator/appliances.h"

namespace simulator {
namespace {

using std::chrono::milliseconds;

milliseconds seconds(double s) { return milliseconds(std::llround(s * 1000)); }
milliseconds minutes(double m) { return seconds(60 * m); }

// A thermostat's on and off until the time is over.
void cycle(Course& course, Chance& chance, const Phase& on, const Phase& off, double total_min) {
  for (double left = total_min; left > 0;) {
    for (const auto* phase : {&on, &off}) {
      Phase next = *phase;
      const double spread = chance.between(0.85, 1.15);
      next.length = milliseconds(std::llround(static_cast<double>(phase->length.count()) * spread));
      course.push_back(next);
      left -= static_cast<double>(next.length.count()) / 60'000;
    }
  }
}

// Drum to and fro.
void tumble(Course& course, Chance& chance, std::string_view state, double total_min) {
  cycle(course, chance, {state, 110 * chance.between(0.9, 1.1), Nature::motor, seconds(12)},
        {state, 8, Nature::electronics, seconds(5)}, total_min);
}

Course wash(Chance& chance, double heater_w) {
  Course course{{"fill", 12, Nature::electronics, minutes(chance.between(1.5, 3))}};
  tumble(course, chance, "wash", 4);
  if (heater_w > 0) {
    course.push_back({"heat", heater_w, Nature::heating, minutes(chance.between(11, 16)), 60});
  }
  tumble(course, chance, "wash", chance.between(16, 24));
  for (int i = 0; i < 2; ++i) {
    course.push_back({"drain", 38, Nature::motor, minutes(1)});
    tumble(course, chance, "rinse", chance.between(4, 6));
  }
  course.push_back({"spin", 240, Nature::motor, minutes(1.5)});
  course.push_back({"spin", 420, Nature::motor, minutes(chance.between(4, 6))});
  return course;
}

void scale(milliseconds& length, double factor) {
  length = milliseconds(std::llround(static_cast<double>(length.count()) * factor));
}

// Heat that does not leave through the vent opens the thermostat every 100 seconds.
void choke(Course& course, double severity) {
  Course slow;
  for (auto phase : course) {
    if (phase.motor_w == 0 || phase.nature != Nature::heating) {
      slow.push_back(phase);
      continue;
    }
    auto left = phase.length;
    scale(left, (1 + severity) / (1 + severity / 2));
    while (left > milliseconds::zero()) {
      phase.length = std::min(left, seconds(100));
      left -= phase.length;
      slow.push_back(phase);
      scale(phase.length, severity / 2);
      if (phase.length == milliseconds::zero()) continue;
      slow.push_back({"tumble", phase.motor_w, Nature::motor, phase.length});
    }
  }
  course = std::move(slow);
}

// Machines wait for their temperature, twice as long at most.
void weaken(Phase& phase, double severity) {
  phase.power_w -= severity * (phase.power_w - phase.motor_w);
  scale(phase.length, std::min(2., 1 / (1 - severity)));
  if (severity == 1) phase.nature = Nature::motor;
}

}  // namespace

Course afflict(Course course, const Defects& defects, measurement::Timestamp now) {
  const auto severity = [&](Defect defect) { return defects.severity(defect, now); };
  const double heater = severity(Defect::heater), limescale = severity(Defect::limescale);
  const double drain = severity(Defect::drain), bearing = severity(Defect::bearing);
  const double less = std::min(severity(Defect::reduced_current), 0.9);
  for (auto& phase : course) {
    const bool heats = phase.nature == Nature::heating;
    const bool turns = phase.state == "spin" || phase.state == "tumble" || phase.state == "cool";
    if (bearing > 0 && (turns || phase.motor_w > 0)) {
      const double more_w = bearing * (turns ? phase.power_w : phase.motor_w);
      phase.power_w += more_w;
      if (!turns) phase.motor_w += more_w;
    }
    if (heats && heater > 0) weaken(phase, heater);
    if (heats && limescale > 0) scale(phase.length, 1 + limescale);
    if (phase.state == "drain" && drain > 0) scale(phase.length, 1 + drain);
    if (less > 0) phase.power_w *= 1 - less;
    if (less > 0 && phase.state == "charge") scale(phase.length, 1 / (1 - less));
  }
  if (const double vent = severity(Defect::vent); vent > 0) choke(course, vent);
  if (const double stuck = severity(Defect::thermostat); stuck > 0) {
    course.front().length = milliseconds(std::llround(stuck * 86'400'000));
  }
  return course;
}

Course kettle(Chance& chance, double power_w) {
  const double kwh = chance.between(0.045, 0.11);  // 0.4 to 1 litre from 15 °C.
  return {{"boil", power_w, Nature::heating, minutes(kwh * 60'000 / power_w)}};
}

Course coffee_maker(Chance& chance) {
  Course course{{"brew", 950, Nature::heating, minutes(chance.between(5, 8))}};
  cycle(course, chance, {"keep warm", 900, Nature::heating, seconds(9)},
        {"keep warm", 1, Nature::electronics, seconds(110)}, chance.between(10, 25));
  return course;
}

Course microwave(Chance& chance) {
  return {{"cook", 1350, Nature::magnetron, seconds(chance.between(60, 240))},
          {"light", 25, Nature::lamps, seconds(12)}};
}

Course oven(Chance& chance) {
  Course course{{"preheat", 2900, Nature::heating, minutes(chance.between(8, 11))}};
  cycle(course, chance, {"bake", 2900, Nature::heating, seconds(50)},
        {"bake", 45, Nature::motor, seconds(95)}, chance.between(25, 50));
  return course;
}

Course cooktop(Chance& chance) {
  const double ring_w = chance.happens(0.5) ? 1200 : 1800;
  Course course{{"boil", ring_w, Nature::heating, minutes(chance.between(4, 8))}};
  cycle(course, chance, {"simmer", ring_w, Nature::heating, seconds(8)},
        {"simmer", 0, Nature::heating, seconds(14)}, chance.between(8, 20));
  return course;
}

Course dishwasher(Chance& chance) {
  const double heater_w = 1150;
  Course course{{"prewash", 85, Nature::motor, minutes(chance.between(6, 9))},
                {"drain", 32, Nature::motor, minutes(1)},
                {"heat", heater_w + 75, Nature::heating, minutes(chance.between(18, 23)), 75},
                {"wash", 78, Nature::motor, minutes(chance.between(16, 24))},
                {"drain", 32, Nature::motor, minutes(1)},
                {"rinse", 80, Nature::motor, minutes(6)},
                {"drain", 32, Nature::motor, minutes(1)},
                {"heat", heater_w + 75, Nature::heating, minutes(chance.between(13, 17)), 75},
                {"drain", 32, Nature::motor, minutes(1)}};
  course.push_back({"dry", 5, Nature::electronics, minutes(25)});
  return course;
}

Course washing_machine_cold_fill(Chance& chance) { return wash(chance, 0); }
Course washing_machine(Chance& chance) { return wash(chance, 2050); }

Course tumble_dryer(Chance& chance) {
  const double drum_w = 240;
  const double heater_w = 2350;
  Course course{
      {"heat", drum_w + heater_w, Nature::heating, minutes(chance.between(12, 18)), drum_w}};
  cycle(course, chance, {"heat", drum_w + heater_w, Nature::heating, minutes(2.8), drum_w},
        {"tumble", drum_w, Nature::motor, seconds(25)}, chance.between(10, 18));
  cycle(course, chance, {"heat", drum_w + heater_w, Nature::heating, seconds(50), drum_w},
        {"tumble", drum_w, Nature::motor, seconds(70)}, chance.between(8, 14));
  course.push_back({"cool", drum_w, Nature::motor, minutes(5)});
  return course;
}

Course television(Chance& chance) {
  Course course;
  for (double left = chance.between(60, 180); left > 0;) {
    const double length = chance.between(2, 12);
    course.push_back({"on", chance.normal(105, 8), Nature::electronics, minutes(length)});
    left -= length;
  }
  return course;
}

Course computer(Chance& chance) {
  Course course;
  for (double left = chance.between(60, 240); left > 0;) {
    const double length = chance.between(0.5, 10);
    const double power = chance.happens(0.2) ? chance.between(110, 170) : chance.normal(68, 6);
    course.push_back({"on", power, Nature::electronics, minutes(length)});
    left -= length;
  }
  return course;
}

Course charger(Chance& chance, double full_w) {
  Course course;
  constexpr int steps = 8;
  for (int i = 1; i <= steps; ++i) {
    course.push_back({"ramp up", full_w * i / steps, Nature::inverter, seconds(2)});
  }
  const double kwh = chance.between(5, 14);
  course.push_back({"charge", full_w, Nature::inverter, minutes(kwh * 60'000 / full_w)});
  for (int i = steps - 1; i >= 2; --i) {
    course.push_back({"ramp down", full_w * i / steps, Nature::inverter, seconds(45)});
  }
  return course;
}

}  // namespace simulator
