// Lenz's meter inside an ESPHome node: our driver, sampler and outbox, the node's SPI, MQTT client
// and entities.

#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "esphome/components/mqtt/mqtt_client.h"
#include "esphome/components/sensor/sensor.h"
#include "esphome/components/spi/spi.h"
#include "esphome/core/component.h"
#include "esphome/core/preferences.h"
#include "firmware/device.h"
#include "firmware/mail_box.h"
#include "firmware/service.h"
#include "firmware/time_base.h"

namespace esphome::lenz {

// One metering chip on the node's SPI bus, and the entities that show what it meters.
class Chip final : public Component,
                   public spi::SPIDevice<spi::BIT_ORDER_MSB_FIRST, spi::CLOCK_POLARITY_HIGH,
                                         spi::CLOCK_PHASE_TRAILING, spi::DATA_RATE_1MHZ>,
                   public firmware::SpiBus {
 public:
  void setup() override { this->spi_setup(); }
  float get_setup_priority() const override { return setup_priority::BUS - 1.0f; }
  void exchange(std::span<std::uint8_t> bytes) override;

  void set_line_frequency(int hertz) { config_.line_frequency = hertz; }
  void set_channel(std::size_t phase, const firmware::ChannelConfig& channel) {
    config_.channels[phase] = channel;
  }
  void set_update_interval(std::uint32_t interval_ms) { interval_ms_ = interval_ms; }
  // `phase` is 0 for what the chip has once.
  void add_sensor(measurement::Quantity quantity, std::size_t phase, sensor::Sensor* entity) {
    shown_.push_back({quantity, phase, entity});
  }

  firmware::ChipConfig& config() { return config_; }
  // Shows what the sample says of chip number `chip` once the entities' interval is over.
  void show(const measurement::Sample&, std::size_t chip);

 private:
  struct Shown {
    measurement::Quantity quantity;
    std::size_t phase;
    sensor::Sensor* entity;
  };

  firmware::ChipConfig config_;
  std::vector<Shown> shown_;
  std::uint32_t interval_ms_ = 10'000;
  measurement::Uptime shown_at_{};
};

// The node's MQTT client as a transport.
class Link final : public firmware::Transport {
 public:
  void begin(mqtt::MQTTClientComponent*, const std::string& home, const std::string& device);
  void watch();  // To be called in each loop.

  bool is_up() const override { return up_; }
  unsigned connections() const override { return connections_; }
  bool send(firmware::Post, std::span<const std::uint8_t> bytes) override;
  std::optional<Received> receive(std::span<std::uint8_t> buffer) override {
    return mail_.take(buffer);
  }

 private:
  mqtt::MQTTClientComponent* client_ = nullptr;
  std::string prefix_;
  bool up_ = false;
  unsigned connections_ = 0;
  firmware::MailBox<8, 1024> mail_;
};

// The outbox's bytes in the node's memory: a restart forgets them.
class Memory final : public firmware::Storage {
 public:
  void resize(std::size_t size) { bytes_.resize(size); }
  std::size_t size() const override { return bytes_.size(); }
  bool read(std::size_t offset, std::span<std::uint8_t> bytes) override;
  bool write(std::size_t offset, std::span<const std::uint8_t> bytes) override;

 private:
  std::vector<std::uint8_t> bytes_;
};

// The meter itself allocates nothing after setup().
class Meter final : public Component, public firmware::BoardControl {
 public:
  void set_mqtt(mqtt::MQTTClientComponent* client) { client_ = client; }
  void set_home(const std::string& home) { home_ = home; }
  void set_device(const std::string& device) { device_name_ = device; }
  void set_outbox(std::size_t bytes) { memory_.resize(bytes); }
  void set_version(const std::string& version) { version_ = version; }
  void add_chip(Chip* chip) { chips_.push_back(chip); }

  void setup() override;
  void loop() override;
  void dump_config() override;
  float get_setup_priority() const override { return setup_priority::AFTER_CONNECTION; }

 private:
  // A calibration that came from the hub counts as long as the YAML says what it said then.
  struct Kept {
    firmware::ChannelConfig from_yaml, words;
  };

  bool keep(std::size_t channel, const firmware::ChannelConfig&) override;
  bool identify() override { return false; }
  bool restart() override;
  void tell(measurement::Diagnostics&) const override;

  ESPPreferenceObject preference(std::size_t channel) const;
  void recall();
  measurement::Uptime uptime();
  void know_time(measurement::Uptime now);

  mqtt::MQTTClientComponent* client_ = nullptr;
  std::string home_, device_name_, version_;
  std::vector<Chip*> chips_;
  std::vector<firmware::ChannelConfig> from_yaml_;  // By channel.
  Memory memory_;
  Link link_;
  std::vector<firmware::Atm90e32> drivers_;
  std::vector<measurement::Sample> window_;
  std::optional<firmware::MeterService> service_;
  std::optional<firmware::Device> device_;
  std::uint32_t last_millis_ = 0;
  measurement::Uptime uptime_{};
  firmware::TimeBase time_base_;
  std::uint64_t shown_ = 0;  // Samples.
};

}  // namespace esphome::lenz
