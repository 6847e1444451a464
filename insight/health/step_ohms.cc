#include "insight/health/step_ohms.h"

#include <algorithm>
#include <chrono>
#include <cmath>

namespace insight {
namespace {

using namespace std::chrono_literals;

constexpr auto longest_pause = 12s;
constexpr float quiet_amperes = 0.3F, quiet_share = 0.05F;
constexpr float most_reactive = 0.4F;  // Of the step: else the reactance says as much as the ohms.

// Unknowns of a fit: the legs' ohms, the neutral's ohms and, of three phases, its reactance.
constexpr std::size_t most_unknowns = max_legs + 2;
using Row = std::array<double, most_unknowns>;

struct Equation {
  Row x{};
  double volts = 0;  // The fall.
};

struct Fit {
  std::array<Ohm, most_unknowns> ohms{};
  double noise_volts = 0;
};

// Gauss-Jordan; the matrix is symmetric and has a ridge. Beside it: its inverse.
void invert(std::array<Row, most_unknowns>& a, std::size_t size) {
  std::array<Row, most_unknowns> inverse{};
  for (std::size_t i = 0; i < size; ++i) inverse[i][i] = 1;
  for (std::size_t i = 0; i < size; ++i) {
    const double pivot = a[i][i];
    for (std::size_t j = 0; j < size; ++j) a[i][j] /= pivot, inverse[i][j] /= pivot;
    for (std::size_t k = 0; k < size; ++k) {
      const double factor = a[k][i];
      if (k == i || factor == 0) continue;
      for (std::size_t j = 0; j < size; ++j) {
        a[k][j] -= factor * a[i][j], inverse[k][j] -= factor * inverse[i][j];
      }
    }
  }
  a = inverse;
}

double median(std::vector<double>& values) {
  const auto middle = values.begin() + static_cast<std::ptrdiff_t>(values.size() / 2);
  std::nth_element(values.begin(), middle, values.end());
  return *middle;
}

double rest(const Equation& equation, const Fit& fit, std::size_t unknowns) {
  double rest = equation.volts;
  for (std::size_t i = 0; i < unknowns; ++i) rest -= equation.x[i] * fit.ohms[i].value;
  return rest;
}

// Huber's estimate by weighted least squares, begun anew with each scale.
Fit fit(const std::vector<Equation>& equations, std::size_t unknowns) {
  constexpr int rounds = 8;
  constexpr double huber = 1.5, mad = 1.4826;
  constexpr double least_noise = 0.03;  // V: half of the resolution of a voltage is 0.05.
  constexpr double ridge = 1e-3;        // A²: far below one step.
  constexpr double shared_noise = 1.3;  // Of the variance: the legs have a part of it in common.
  Fit fit;
  if (equations.size() <= unknowns + 2) return fit;
  std::vector<double> size(equations.size());
  double noise = 1e9;
  for (int round = 0; round < rounds; ++round) {
    std::array<Row, most_unknowns> a{};
    Row b{};
    for (std::size_t i = 0; i < unknowns; ++i) a[i][i] = ridge;
    double weights = 0;
    for (const auto& equation : equations) {
      const double far = std::abs(rest(equation, fit, unknowns)) / (huber * noise);
      const double weight = far > 1 ? 1 / far : 1;
      weights += weight;
      for (std::size_t i = 0; i < unknowns; ++i) {
        for (std::size_t j = 0; j < unknowns; ++j) {
          a[i][j] += weight * equation.x[i] * equation.x[j];
        }
        b[i] += weight * equation.x[i] * equation.volts;
      }
    }
    invert(a, unknowns);
    for (std::size_t i = 0; i < unknowns; ++i) {
      fit.ohms[i].value = 0;
      for (std::size_t j = 0; j < unknowns; ++j) fit.ohms[i].value += a[i][j] * b[j];
    }
    for (std::size_t i = 0; i < equations.size(); ++i) {
      size[i] = std::abs(rest(equations[i], fit, unknowns));
    }
    const double spare = static_cast<double>(equations.size() - unknowns);
    noise = std::max(least_noise, mad * median(size)) *
            std::sqrt(static_cast<double>(equations.size()) / spare);
    for (std::size_t i = 0; i < unknowns; ++i) {
      fit.ohms[i].spread = noise * std::sqrt(shared_noise * a[i][i]);
    }
  }
  for (std::size_t i = 0; i < unknowns; ++i) {
    double squares = 0, fourths = 0;
    for (const auto& equation : equations) {
      const double square = equation.x[i] * equation.x[i];
      squares += square, fourths += square * square;
    }
    if (fourths > 0) fit.ohms[i].steps = squares * squares / fourths;
  }
  fit.noise_volts = noise;
  return fit;
}

bool is_close(const LegReading& one, const LegReading& other, std::size_t legs, float step) {
  const float near = std::max(quiet_amperes, quiet_share * step);
  for (std::size_t leg = 0; leg < legs; ++leg) {
    if (std::abs(one.amperes[leg] - other.amperes[leg]) > near) return false;
  }
  return true;
}

float mean(float a, float b) { return (a + b) / 2; }

constexpr double found_ohm = 0.05, sure_ohm = 0.01, sure_spreads = 5, warm_copper = 0.08;

}  // namespace

bool has_risen(const Ohm& before, const Ohm& now, double least_steps) {
  if (!before.is_known() || !now.is_known(least_steps)) return false;
  const double more = now.value - before.value - warm_copper * std::max(0., before.value);
  return more > found_ohm && more - sure_spreads * std::hypot(now.spread, before.spread) > sure_ohm;
}

bool has_not_risen(const Ohm& before, const Ohm& now, double least_steps) {
  if (!before.is_known() || !now.is_known(least_steps)) return false;
  const double spread = std::hypot(now.spread, before.spread);
  return now.value - before.value + sure_spreads * spread < found_ohm;
}

std::optional<VoltageStep> StepFinder::take(const LegReading& reading) {
  if (count_ > 0) {
    const auto pause = reading.time - last_[count_ - 1].time;
    if (pause > longest_pause || pause <= 0ms) count_ = 0;
  }
  if (count_ == last_.size()) {
    std::shift_left(last_.begin(), last_.end(), 1);
    --count_;
  }
  last_[count_++] = reading;
  if (count_ < last_.size()) return {};

  VoltageStep step{.time = last_[2].time};
  float greatest = 0, reactive = 0;
  for (std::size_t leg = 0; leg < max_legs; ++leg) {
    const auto change = [&](PerLeg LegReading::*of) {
      return mean((last_[3].*of)[leg], (last_[4].*of)[leg]) -
             mean((last_[0].*of)[leg], (last_[1].*of)[leg]);
    };
    step.amperes[leg] = leg < legs_ ? change(&LegReading::amperes) : detail::not_measured;
    step.volts[leg] = leg < legs_ ? change(&LegReading::volts) : detail::not_measured;
    if (leg >= legs_) continue;
    greatest = std::fmax(greatest, std::abs(step.amperes[leg]));
    reactive = std::fmax(reactive, std::abs(change(&LegReading::reactive_amperes)));
  }
  if (greatest < least_amperes_ || reactive > most_reactive * greatest) return {};
  if (!is_close(last_[0], last_[1], legs_, greatest) ||
      !is_close(last_[3], last_[4], legs_, greatest)) {
    return {};
  }
  last_[0] = last_[3], last_[1] = last_[4];
  count_ = 2;
  return step;
}

ConductorOhms fit_conductors(std::span<const VoltageStep> steps, std::size_t legs) {
  const std::size_t unknowns = legs == 3 ? 5 : legs == 2 ? 3 : 1;
  std::vector<Equation> equations;
  equations.reserve(steps.size() * legs);
  for (const auto& step : steps) {
    for (std::size_t leg = 0; leg < legs; ++leg) {
      const double own = step.amperes[leg];
      const double next = step.amperes[(leg + 1) % legs], last = step.amperes[(leg + 2) % legs];
      Equation equation{.volts = -step.volts[leg]};
      equation.x[leg] = own;
      if (legs == 2) equation.x[2] = own - next;
      if (legs == 3) {
        equation.x[3] = own - (next + last) / 2;
        equation.x[4] = (next - last) * std::sqrt(3.) / 2;
      }
      if (std::isnan(equation.volts + own + (legs > 1 ? next + last : 0))) continue;
      equations.push_back(equation);
    }
  }
  const auto found = fit(equations, unknowns);
  ConductorOhms ohms;
  ohms.noise_volts = found.noise_volts;
  for (std::size_t leg = 0; leg < legs; ++leg) ohms.legs[leg] = found.ohms[leg];
  if (legs > 1) ohms.neutral = found.ohms[legs];
  return ohms;
}

Ohm fit_loop(std::span<const VoltageStep> steps, std::size_t legs, std::size_t leg) {
  std::vector<Equation> equations;
  for (const auto& step : steps) {
    Equation equation{.volts = -step.volts[leg]};
    equation.x[0] = step.amperes[leg];
    for (std::size_t other = 1; other < legs; ++other) {
      const double amperes = step.amperes[(leg + other) % legs];
      equation.x[other] = std::isnan(amperes) ? 0 : amperes;
    }
    if (std::isnan(equation.volts + equation.x[0])) continue;
    equations.push_back(equation);
  }
  return fit(equations, legs).ohms[0];
}

}  // namespace insight
