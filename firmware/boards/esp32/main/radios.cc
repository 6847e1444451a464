#include "radios.h"

namespace firmware::esp32_board {

const char* Radios::begin(std::uint64_t boot, const Network& network, KeyValues& lasting,
                          improv::Host& host) {
  const char* lorawan = begin_lorawan(boot);
  const char* cellular = begin_cellular(network);
  const char* bluetooth = begin_bluetooth(boot, lasting, host);
  return lorawan ? lorawan : cellular ? cellular : bluetooth;
}

// ---- Bluetooth ---------------------------------------------------------------------------------

#if CONFIG_LENZ_BLUETOOTH

// Who knows no network is given one; the mains are told only where that was asked for.
const char* Radios::begin_bluetooth(std::uint64_t boot, KeyValues& lasting, improv::Host& host) {
  const auto& wanted = settings_.radios.bluetooth;
  if (!wanted && settings_.has_network()) return nullptr;
  bluetooth_ = std::make_unique<Bluetooth>(
      Bluetooth::Options{.name = settings_.device.view(),
                         .boot = boot,
                         .mains = wanted ? wanted->mains : 0,
                         .bind_key = wanted ? wanted->bind_key : std::nullopt,
                         .provisioned = settings_.has_network()},
      lasting, host);
  if (bluetooth_->begin()) return nullptr;
  bluetooth_.reset();
  return "Bluetooth cannot be used: start the meter anew.";
}

void Radios::open_window(measurement::Uptime now) {
  if (bluetooth_) bluetooth_->meter().open_window(now);
}

void Radios::joined(bool connected) {
  if (bluetooth_) bluetooth_->meter().joined(connected);
}

#else

const char* Radios::begin_bluetooth(std::uint64_t, KeyValues&, improv::Host&) { return nullptr; }
void Radios::open_window(measurement::Uptime) {}
void Radios::joined(bool) {}

#endif

// ---- LoRaWAN -----------------------------------------------------------------------------------

#if CONFIG_LENZ_LORAWAN

Radios::Lorawan::Lorawan(const RadioSettings::Lorawan& settings, std::uint64_t boot)
    : modem(uart, settings.link),
      summaries({.boot = boot, .mains = settings.mains}),
      uplink(modem, summaries) {}

const char* Radios::begin_lorawan(std::uint64_t boot) {
  if (!settings_.radios.lorawan) return nullptr;
  lorawan_ = std::make_unique<Lorawan>(*settings_.radios.lorawan, boot);
  if (lorawan_->uart.begin(*settings_.assembly.modem)) return nullptr;
  lorawan_.reset();
  return "The modem's pins are taken: give the board anew.";
}

std::optional<measurement::Timestamp> Radios::booted_at() const {
  return lorawan_ ? lorawan_->modem.booted_at() : std::nullopt;
}

#else

const char* Radios::begin_lorawan(std::uint64_t) { return nullptr; }
std::optional<measurement::Timestamp> Radios::booted_at() const { return std::nullopt; }

#endif

// ---- Cellular ----------------------------------------------------------------------------------

#if CONFIG_LENZ_CELLULAR

Radios::Cellular::Cellular(const RadioSettings::Cellular& settings, MqttLink& hub,
                           const Network& network)
    : modem(hub, network), meter(hub, modem, settings.bytes_a_month) {}

const char* Radios::begin_cellular(const Network& network) {
  const auto& wanted = settings_.radios.cellular;
  if (!wanted || !settings_.has_hub()) return nullptr;
  cellular_ = std::make_unique<Cellular>(*wanted, hub_, network);
  if (cellular_->modem.begin(*settings_.assembly.modem, wanted->access_point.c_str())) {
    return nullptr;
  }
  return "The modem cannot be used: give the board and its pins anew.";
}

bool Radios::costs_by_the_byte() const { return settings_.radios.cellular && settings_.has_hub(); }

Coarse* Radios::coarse() { return cellular_ ? &cellular_->meter.coarse() : nullptr; }

measurement::Uptime Radios::write_every() const {
  return cellular_ ? CellularMeter::write_every : Device::write_every;
}

#else

const char* Radios::begin_cellular(const Network&) { return nullptr; }
bool Radios::costs_by_the_byte() const { return false; }
Coarse* Radios::coarse() { return nullptr; }
measurement::Uptime Radios::write_every() const { return Device::write_every; }

#endif

// ---- All of them -------------------------------------------------------------------------------

bool Radios::are_built(improv::Radio radio) {
  switch (radio) {
#if CONFIG_LENZ_BLUETOOTH
    case improv::Radio::bluetooth:
      return true;
#endif
#if CONFIG_LENZ_LORAWAN
    case improv::Radio::lorawan:
      return true;
#endif
#if CONFIG_LENZ_CELLULAR
    case improv::Radio::cellular:
      return true;
#endif
    default:
      return false;
  }
}

Transport& Radios::link() {
  Transport* link = &hub_;
#if CONFIG_LENZ_CELLULAR
  if (cellular_) link = &cellular_->meter.link();
#endif
#if CONFIG_LENZ_BLUETOOTH
  if (bluetooth_ && settings_.radios.bluetooth) {
    return both_.emplace(*link, bluetooth_->meter().transport());
  }
#endif
  return *link;
}

bool Radios::reach() const {
#if CONFIG_LENZ_LORAWAN
  if (lorawan_ && lorawan_->modem.is_joined()) return true;
#endif
#if CONFIG_LENZ_CELLULAR
  if (cellular_ && cellular_->meter.link().reaches_hub()) return true;
#endif
  return false;
}

void Radios::step([[maybe_unused]] measurement::Uptime now) {
#if CONFIG_LENZ_BLUETOOTH
  if (bluetooth_) bluetooth_->step(now);
#endif
#if CONFIG_LENZ_LORAWAN
  if (lorawan_) lorawan_->uplink.step(now);
#endif
#if CONFIG_LENZ_CELLULAR
  if (cellular_) cellular_->meter.step(now);
#endif
}

void Radios::add([[maybe_unused]] const measurement::Sample& sample) {
#if CONFIG_LENZ_BLUETOOTH
  if (bluetooth_) bluetooth_->meter().add(sample);
#endif
#if CONFIG_LENZ_LORAWAN
  if (lorawan_) lorawan_->summaries.add(sample);
#endif
}

void Radios::know_time([[maybe_unused]] measurement::Timestamp booted_at) {
#if CONFIG_LENZ_BLUETOOTH
  if (bluetooth_) bluetooth_->meter().know_time(booted_at);
#endif
#if CONFIG_LENZ_LORAWAN
  if (lorawan_) lorawan_->summaries.know_time(booted_at);
#endif
}

}  // namespace firmware::esp32_board
