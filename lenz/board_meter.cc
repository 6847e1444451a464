#include "lenz/board_meter.h"

#include <fmt/format.h>

#include <stdexcept>
#include <utility>

namespace lenz {
namespace {

using firmware::linux_board::SpidevBus;
using firmware::linux_board::SpidevOptions;
using measurement::channels_per_chip;

firmware::ChannelConfig channel_config(const hub::MeterChannel& channel, int pga) {
  firmware::ChannelConfig config;
  config.voltage_gain = static_cast<std::uint16_t>(channel.voltage_gain);
  config.current_gain = static_cast<std::uint16_t>(channel.current_gain);
  config.pga = static_cast<std::uint8_t>(pga);
  config.multiplier = static_cast<std::uint8_t>(channel.multiplier);
  config.voltage_offset = static_cast<std::int16_t>(channel.voltage_offset);
  config.current_offset = static_cast<std::int16_t>(channel.current_offset);
  config.active_offset = static_cast<std::int16_t>(channel.active_offset);
  config.reactive_offset = static_cast<std::int16_t>(channel.reactive_offset);
  return config;
}

SpidevOptions with_selects(SpidevOptions bus, const hub::Meter& meter) {
  if (bus.selects.empty()) {
    for (const auto& chip : meter.chips) bus.selects.push_back(static_cast<unsigned>(chip.cs_pin));
  }
  if (bus.selects.size() != meter.chips.size()) {
    throw std::runtime_error(fmt::format(
        "home.toml describes {1} chips of {0}, and the number of selects that were given is {2}: "
        "give one for each, in its order.",
        meter.id, meter.chips.size(), bus.selects.size()));
  }
  return bus;
}

std::vector<firmware::Atm90e32> chips_on(SpidevBus& bus, const hub::Meter& meter,
                                         firmware::Calibrations& calibrations) {
  std::vector<firmware::Atm90e32> chips;
  auto configs = chip_configs(meter);
  for (std::size_t i = 0; i < configs.size(); ++i) {
    for (std::size_t phase = 0; phase < channels_per_chip; ++phase) {
      const auto kept = calibrations.of(i * channels_per_chip + phase);
      if (kept) configs[i].channels[phase] = *kept;
    }
    chips.emplace_back(bus.chip(i), configs[i]);
  }
  return chips;
}

}  // namespace

std::vector<firmware::ChipConfig> chip_configs(const hub::Meter& meter) {
  std::vector<firmware::ChipConfig> configs;
  for (std::size_t chip = 0; chip < meter.chips.size(); ++chip) {
    firmware::ChipConfig config;
    config.line_frequency = meter.line_frequency_hz;
    config.nominal_voltage = {static_cast<float>(meter.nominal_voltage_v)};
    for (std::size_t phase = 0; phase < channels_per_chip; ++phase) {
      const auto& channel = meter.chips[chip].channels[phase];
      if (channel.reversed) {
        throw std::runtime_error(fmt::format(
            "Channel {} of {} is \"reversed\" in home.toml, which this meter does not turn: give "
            "it multiplier = -1 in the panel instead.",
            chip * channels_per_chip + phase, meter.id));
      }
      config.channels[phase] = channel_config(channel, meter.chips[chip].pga);
    }
    configs.push_back(config);
  }
  return configs;
}

BoardMeter::BoardMeter(const BoardMeterOptions& options, firmware::Storage& storage,
                       firmware::Transport& transport, firmware::KeyValues& kept,
                       firmware::linux_board::Kernel& kernel)
    : meter_(options.meter),
      calibrations_(kept),
      bus_(with_selects(options.bus, meter_), kernel),
      chips_(chips_on(bus_, meter_, calibrations_)),
      window_(measurement::max_samples_per_report),
      service_(chips_, *this),
      device_({.name = meter_.id, .boot = options.boot, .edges = firmware::usual_edges}, chips_,
              storage, window_, transport),
      said_(chips_.size(), firmware::ChipError::starting) {
  device_.serve(service_);
}

bool BoardMeter::keep(std::size_t channel, const firmware::ChannelConfig& words) {
  return calibrations_.keep(channel, words);
}

void BoardMeter::tell(measurement::Diagnostics& to) const {
  to.firmware = "lenz";
  to.held = device_.outbox().waiting();
  to.lost = device_.lost();
}

void BoardMeter::step(measurement::Uptime now, std::optional<measurement::Timestamp> booted_at) {
  if (booted_at) device_.know_time(*booted_at);
  device_.step(now);
}

std::vector<std::string> BoardMeter::news() {
  std::vector<std::string> sentences;
  for (std::size_t i = 0; i < chips_.size(); ++i) {
    const auto error = chips_[i].health().error;
    if (error == said_[i] || error == firmware::ChipError::starting) continue;
    said_[i] = error;
    sentences.push_back(fmt::format("Channels {} to {}: {}", i * channels_per_chip,
                                    (i + 1) * channels_per_chip - 1,
                                    error ? firmware::sentence(*error) : "The chip answers."));
  }
  return sentences;
}

}  // namespace lenz
