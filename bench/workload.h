// The workload that all stores are compared on: homes of 30 circuits at one sample a second, the
// same for the same seed. Fourteen kinds of appliances with their noise; a clamp that measures less
// than 0.5 W reads exactly 0; current is that of P, Q and V but for 0.04 %, so it follows from them
// more closely here than that of loads with harmonics does.

#pragma once

#include <array>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <numbers>
#include <optional>
#include <vector>

#include "measurement/sample.h"

namespace bench {

// One circuit's second, in the steps of measurement/quantities.h.
struct Point {
  std::int32_t active_power = 0, reactive_power = 0, voltage = 0, current = 0;
};

class Workload {
 public:
  static constexpr std::size_t circuits = 30, legs = 3;
  static constexpr std::uint32_t usual_begin = 1'700'006'400;  // Seconds since 1970.

  explicit Workload(std::uint64_t seed = 42, std::size_t home = 0,
                    std::uint32_t begin = usual_begin)
      : second_(begin) {
    home_.state = seed * 1'000'003 + home * 7919 + 1;
    for (std::size_t c = 0; c < circuits; ++c) {
      auto& circuit = circuits_[c];
      auto& chance = circuit.chance;
      chance.state = seed * 999'983 + home * 104'729 + c * 15'485'863;
      chance.next();
      circuit.kind = kinds[c];
      circuit.base = 60 + 90 * chance.uniform();
      circuit.factor = factor_of(circuit.kind, chance);
      circuit.timer = static_cast<int>(1200 * chance.uniform());
      circuit.wander = circuit.kind == solar ? .8 : 0;
    }
  }

  std::uint32_t second() const { return second_; }  // Of what next() gives.

  std::array<Point, circuits> next() {
    std::array<std::int32_t, legs> voltage{};
    const double day = 2 * std::numbers::pi * (second_ % 86'400) / 86'400.0;
    for (std::size_t leg = 0; leg < legs; ++leg) {
      auto& slow = slow_voltage_[leg];
      slow = .998 * slow + .06 * home_.normal();
      voltage[leg] = steps(10 * (231 + 2.5 * std::sin(day + static_cast<double>(leg)) + slow +
                                 .06 * home_.normal()));
    }
    std::array<Point, circuits> points;
    for (std::size_t c = 0; c < circuits; ++c) {
      auto& point = points[c];
      point.voltage = voltage[c % legs];
      auto& circuit = circuits_[c];
      double power = watts(circuit);
      if (std::fabs(power) < .5) continue;
      const double noise = .05 + .0015 * std::fabs(power);
      power += noise * circuit.chance.normal();
      const double reactive =
          power * std::tan(std::acos(circuit.factor)) + .7 * noise * circuit.chance.normal();
      const double current = std::sqrt(power * power + reactive * reactive) /
                             (point.voltage / 10.0) * (1 + .0004 * circuit.chance.normal());
      point.active_power = steps(power * 10);
      point.reactive_power = steps(reactive * 10);
      point.current = steps(current * 1000);
    }
    ++second_;
    return points;
  }

 private:
  enum Kind : std::uint8_t {
    electronics,
    fridge,
    light,
    cooling,
    heater,
    oven,
    washer,
    charger,
    solar,
    microwave,
    unused,
    plug,
    router,
    pump
  };
  static constexpr std::array<Kind, circuits> kinds = {
      solar,       charger,     cooling,     cooling, heater, oven,  washer, washer,
      fridge,      fridge,      fridge,      light,   light,  light, light,  light,
      electronics, electronics, electronics, plug,    plug,   plug,  plug,   microwave,
      microwave,   pump,        router,      unused,  unused, unused};

  // SplitMix64, and Marsaglia's polar method.
  struct Chance {
    std::uint64_t state = 0;
    std::optional<double> spare;

    std::uint64_t next() {
      std::uint64_t z = (state += 0x9E3779B97F4A7C15ull);
      z = (z ^ z >> 30) * 0xBF58476D1CE4E5B9ull;
      z = (z ^ z >> 27) * 0x94D049BB133111EBull;
      return z ^ z >> 31;
    }
    double uniform() { return static_cast<double>(next() >> 11) * 0x1p-53; }
    double normal() {
      if (spare) {
        const double value = *spare;
        spare.reset();
        return value;
      }
      double u = 0, v = 0, q = 0;
      do {
        u = 2 * uniform() - 1;
        v = 2 * uniform() - 1;
        q = u * u + v * v;
      } while (q >= 1 || q == 0);
      const double scale = std::sqrt(-2 * std::log(q) / q);
      spare = v * scale;
      return u * scale;
    }
  };
  struct Circuit {
    Chance chance;
    Kind kind = unused;
    bool is_on = false;
    int timer = 0, phase = 0;  // Seconds left; seconds within.
    double level = 0, base = 0, wander = 0, factor = 1;
  };

  static std::int32_t steps(double value) { return static_cast<std::int32_t>(std::lrint(value)); }

  static double factor_of(Kind kind, Chance& chance) {
    if (kind == heater || kind == oven) return .999;
    if (kind == electronics || kind == plug || kind == router) return .62 + .2 * chance.uniform();
    return .85 + .12 * chance.uniform();
  }

  double watts(Circuit& c) {
    const auto uniform = [&] { return c.chance.uniform(); };
    const auto for_seconds = [&](double least, double more) {
      c.timer = static_cast<int>(least) + static_cast<int>(more * uniform());
    };
    const double hour = (second_ % 86'400) / 3600.0;
    const bool is_evening = hour > 17.5 && hour<23.3, is_day = hour> 6.5 && hour < 23.3;
    if (c.timer > 0) --c.timer;
    const bool is_over = c.timer == 0;
    switch (c.kind) {
      case electronics:
        c.wander = 0.995 * c.wander + 0.3 * c.chance.normal();
        if (is_over) {
          c.level = c.base * (0.8 + 0.6 * uniform());
          for_seconds(300, 3000);
        }
        return c.level + c.wander;
      case router:
        c.wander = 0.9 * c.wander + 0.08 * c.chance.normal();
        return c.base * 0.15 + c.wander;
      case fridge:
        if (is_over) {
          c.is_on = !c.is_on;
          c.phase = 0;
          c.is_on ? for_seconds(720, 500) : for_seconds(1500, 1200);
        }
        ++c.phase;
        if (!c.is_on) return 0;
        return c.phase == 1 ? 640 : c.base + 35 * std::exp(-c.phase / 180.0);
      case light:
        if (is_over) {
          c.is_on = uniform() < (is_evening ? 0.7 : is_day ? 0.15 : 0.03);
          for_seconds(120, 2400);
          c.level = 9.0 * (1 + static_cast<int>(6 * uniform()));
        }
        return c.is_on ? c.level : 0;
      case cooling:
        if (is_over) {
          c.is_on = uniform() < 0.45;
          for_seconds(600, 3000);
          c.level = 500 + 1500 * uniform();
        }
        if (!c.is_on) return 0;
        c.level = std::min(std::max(c.level + 4 * c.chance.normal(), 350.0), 2600.0);
        return c.level;
      case heater:
        if (is_over) {
          c.is_on = !c.is_on && uniform() < 0.6;
          c.is_on ? for_seconds(900, 1500) : for_seconds(7200, 14'400);
        }
        return c.is_on ? 4480 : 0;
      case oven:
        if (is_over) {
          c.is_on = !c.is_on && uniform() < (is_evening ? 0.5 : 0.03);
          c.timer = c.is_on ? 2700 : 3600;
          c.phase = 0;
        }
        if (!c.is_on) return 0;
        c.phase = (c.phase + 1) % 75;
        return c.phase < 32 ? 2350 : 28;
      case washer:
        if (is_over) {
          c.is_on = !c.is_on && uniform() < (is_day ? 0.15 : 0);
          c.timer = c.is_on ? 4200 : 7200;
          c.phase = 0;
          c.level = 0;
        }
        if (!c.is_on) return 0;
        if (c.phase-- <= 0) {
          const double which = uniform();
          c.phase = 2 + static_cast<int>(14 * uniform());
          c.level = which < .3 ? 6 : which < .6 ? 130 : which < .9 ? 330 : 1950;
          if (c.level > 1900) c.phase += 300;
        }
        return c.level;
      case charger: {
        const double since = hour - 0.5 - c.base / 100;
        return since > 0 && since < 4.2 ? 7180 : 0;
      }
      case solar: {
        const double sun = (hour - 6.0) / 13.0;
        if (sun <= 0 || sun >= 1) return 0;
        if (is_over) {
          c.level = uniform() < .3 ? .25 + .5 * uniform() : 1;
          for_seconds(60, 900);
        }
        c.wander += 0.03 * (c.level - c.wander) + 0.002 * c.chance.normal();
        return -5200 * std::pow(std::sin(std::numbers::pi * sun), 1.3) * c.wander;
      }
      case microwave:
        if (is_over) {
          c.is_on = !c.is_on && uniform() < (is_day ? 0.3 : 0.01);
          c.is_on ? for_seconds(40, 240) : for_seconds(1800, 3600);
        }
        return c.is_on ? 1480 : 2.4;
      case plug:
        if (is_over) {
          c.level = c.base * (uniform() < .4 ? .1 : .5 + 1.8 * uniform());
          for_seconds(60, 1800);
        }
        c.wander = 0.8 * c.wander + 1.5 * c.chance.normal();
        return c.level + (c.level > 20 ? c.wander : 0);
      case pump:
        if (is_over) {
          c.is_on = !c.is_on;
          c.timer = c.is_on ? 600 : 5400;
        }
        return c.is_on ? 410 : 0;
      case unused:
        return 0;
    }
    return 0;
  }

  Chance home_;
  std::array<double, legs> slow_voltage_{};
  std::array<Circuit, circuits> circuits_;
  std::uint32_t second_;
};

// A meter that has the workload's circuits: twelve chips, each with three circuits of one leg.
inline constexpr std::size_t workload_chips = 12;

constexpr std::size_t channel_of(std::size_t circuit) {
  constexpr std::size_t channels_a_leg =
      workload_chips / Workload::legs * measurement::channels_per_chip;
  return circuit % Workload::legs * channels_a_leg + circuit / Workload::legs;
}

inline measurement::Sample sample_of(const std::array<Point, Workload::circuits>& points) {
  using measurement::Quantity;
  measurement::Sample sample(workload_chips);
  for (std::size_t circuit = 0; circuit < points.size(); ++circuit) {
    const auto channel = channel_of(circuit);
    const auto& point = points[circuit];
    sample.put_steps(Quantity::active_power, channel, point.active_power);
    sample.put_steps(Quantity::reactive_power, channel, point.reactive_power);
    sample.put_steps(Quantity::voltage, measurement::chip_of(channel), point.voltage);
    sample.put_steps(Quantity::current, channel, point.current);
  }
  return sample;
}

}  // namespace bench
