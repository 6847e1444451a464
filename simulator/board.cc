#include "simulator/board.h"

#include <algorithm>
#include <array>
#include <cassert>
#include <cmath>
#include <numbers>
#include <random>

namespace simulator {

using measurement::Amperes;
using measurement::channels_per_chip;
using measurement::Timestamp;

namespace {

constexpr double rated_pin_volts = 0.72;
constexpr double greatest_register_amperes = 65.5;

constexpr CurrentTransformer transformer(std::string_view name, double primary, double secondary) {
  const double ratio = primary / secondary;
  return {name, ratio, rated_pin_volts / burden_ohm * ratio};
}

constexpr std::array transformers = {
    transformer("SCT-006", 20, 0.025),
    transformer("SCT-013-000", 100, 0.050),
    transformer("SCT-016", 120, 0.040),
    transformer("SCT-024", 200, 0.050),
};

std::uint16_t gain_word(double counts_wanted, double pin_volts) {
  return static_cast<std::uint16_t>(
      std::lround(32768 * counts_wanted / (pin_volts * counts_per_pin_volt)));
}

}  // namespace

const CurrentTransformer& clamp_for(Amperes greatest) {
  const auto fits = [&](const auto& clamp) { return clamp.greatest >= greatest.value; };
  const auto found = std::ranges::find_if(transformers, fits);
  return found == transformers.end() ? transformers.back() : *found;
}

firmware::ChannelConfig calibrated(const FrontEnd& front, std::size_t phase, int line_frequency,
                                   Amperes greatest) {
  const auto& clamp = front.clamps[phase];
  firmware::ChannelConfig config;
  config.multiplier = static_cast<std::uint8_t>(
      std::max(1.0, std::ceil(greatest.value / greatest_register_amperes)));
  config.voltage_gain = gain_word(100, front.volts_per_volt);
  config.current_gain = gain_word(1000.0 / config.multiplier, clamp.volts_per_ampere);
  config.phase_delay =
      static_cast<std::int16_t>(std::lround(clamp.phase_lead / 360 * 2'048'000 / line_frequency));
  return config;
}

Board::Board(Scene& scene, const BoardOptions& options) : scene_(scene), inputs_(scene.chips()) {
  std::mt19937_64 random(options.seed);
  const auto uniform = [&] { return static_cast<double>(random() >> 11) * 0x1p-53; };
  const auto& channels = scene.channels();
  for (std::size_t i = 0; i < scene.chips(); ++i) {
    FrontEnd front;
    firmware::ChipConfig config;
    config.line_frequency = static_cast<int>(std::lround(scene.line_frequency().value));
    config.nominal_voltage = measurement::Volts{config.line_frequency == 60 ? 120.f : 230.f};
    for (std::size_t phase = 0; phase < channels_per_chip; ++phase) {
      const auto channel = i * channels_per_chip + phase;
      const auto greatest = channel < channels.size() ? channels[channel].greatest : Amperes{};
      const auto& clamp = clamp_for(greatest);
      front.clamps[phase].volts_per_ampere = burden_ohm / clamp.ratio;
      config.channels[phase] = calibrated(front, phase, config.line_frequency,
                                          Amperes{static_cast<float>(clamp.greatest)});
    }
    if (options.gain_spread > 0 || options.lead_spread > 0) {
      const auto off = [&](double spread) { return (2 * uniform() - 1) * spread; };
      front.volts_per_volt *= 1 + off(options.gain_spread);
      for (auto& clamp : front.clamps) {
        clamp.volts_per_ampere *= 1 + off(options.gain_spread);
        clamp.phase_lead = off(options.lead_spread);
      }
    }
    auto chip = options.chip;
    chip.seed = random();
    chip.window_offset = uniform();
    chip.clock_error_ppm += (2 * uniform() - 1) * options.clock_spread_ppm;
    configs_.push_back(config);
    chips_.push_back(std::make_unique<Atm90e32Chip>(front, chip));
    buses_.push_back(std::make_unique<FaultyBus>(*chips_.back(), options.faults, random()));
  }
}

bool Board::advance(Timestamp now) {
  if (!at_) {
    at_ = now;
    enter(now);
  }
  assert(now >= *at_ && "BUG: the board's time never goes back");
  while (true) {
    const auto until = std::min(now, moment_.until);
    if (moment_.powered) {
      for (auto& chip : chips_) chip->advance(until - *at_);
    }
    at_ = until;
    if (until < moment_.until) return moment_.powered;
    enter(until);
  }
}

void Board::enter(Timestamp now) {
  const bool was_powered = moment_.powered;
  moment_ = scene_.advance(now, inputs_);
  assert(moment_.until > now && "BUG: a scene's moment must last");
  for (std::size_t i = 0; i < chips_.size(); ++i) {
    if (moment_.powered && !was_powered) chips_[i]->brown_out();
    chips_[i]->apply(inputs_[i]);
  }
}

std::uint64_t Board::frames() const {
  std::uint64_t sum = 0;
  for (const auto& bus : buses_) sum += bus->frames();
  return sum;
}

std::uint64_t Board::flips() const {
  std::uint64_t sum = 0;
  for (const auto& bus : buses_) sum += bus->flips();
  return sum;
}

}  // namespace simulator
