#include "lenz/evaluation/method.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <stdexcept>

namespace lenz::evaluation {

void fill_rest(const Channel& channel, Powers& powers) {
  powers.rest = channel.active_power_w;
  for (auto& [kind, power] : powers.kinds) {
    for (std::size_t row = 0; row < power.size(); ++row) {
      if (std::isnan(powers.rest[row])) power[row] = powers.rest[row];
      powers.rest[row] -= power[row];
    }
  }
}

void require_conservation(const Channel& channel, const Powers& powers, const std::string& who) {
  constexpr double most_w = 0.1;
  const auto fail = [&](std::size_t row, double sum) {
    throw std::runtime_error(fmt::format(
        "{} does not conserve power: at row {} it explains {:.2f} W of {:.2f} W. The evaluation "
        "ends here.",
        who, row, sum, channel.active_power_w[row]));
  };
  for (std::size_t row = 0; row < channel.rows(); ++row) {
    auto sum = static_cast<double>(powers.rest.at(row));
    double size = std::abs(sum);
    for (const auto& [kind, power] : powers.kinds) {
      sum += static_cast<double>(power.at(row));
      size += std::abs(static_cast<double>(power[row]));
    }
    const auto measured = static_cast<double>(channel.active_power_w[row]);
    if (std::isnan(measured) != std::isnan(sum)) fail(row, sum);
    // Floats of some kW are 0.2 mW apart.
    if (std::abs(sum - measured) > most_w + 1e-6 * size) fail(row, sum);
  }
}

}  // namespace lenz::evaluation
