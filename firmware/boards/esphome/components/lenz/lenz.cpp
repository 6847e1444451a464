#include "lenz.h"

#include <sys/time.h>

#include <algorithm>
#include <cmath>
#include <utility>

#include "esphome/core/application.h"
#include "esphome/core/hal.h"
#include "esphome/core/helpers.h"
#include "esphome/core/log.h"

namespace esphome::lenz {

using measurement::Quantity;
using measurement::Uptime;

namespace {

constexpr const char* tag = "lenz";
constexpr std::size_t samples_at_once = 8;  // In a report.
constexpr std::uint32_t first_preference = 0x4c656e7a;
// Before this the clock was not set: 2024-01-01.
constexpr std::int64_t earliest_s = 1'704'067'200;

}  // namespace

// All drivers run in the node's one loop, so no other chip's frame can come between.
void Chip::exchange(std::span<std::uint8_t> bytes) {
  this->enable();
  this->transfer_array(bytes.data(), bytes.size());
  this->disable();
}

void Chip::show(const measurement::Sample& sample, std::size_t chip) {
  if (sample.uptime - shown_at_ < Uptime(interval_ms_)) return;
  shown_at_ = sample.uptime;
  for (const auto& shown : shown_) {
    const auto& row = measurement::row(shown.quantity);
    const auto index = row.scope == measurement::Scope::chip
                           ? chip
                           : chip * measurement::channels_per_chip + shown.phase;
    const auto steps = sample.steps(shown.quantity, index);
    // What is read in turn is in few samples; the entity keeps what it had.
    if (!steps && row.kind == measurement::Kind::slow) continue;
    shown.entity->publish_state(
        steps ? static_cast<float>(static_cast<double>(*steps) * row.resolution) : NAN);
  }
}

void Link::begin(mqtt::MQTTClientComponent* client, const std::string& home,
                 const std::string& device) {
  client_ = client;
  prefix_ = "lenz/" + home + "/" + device + "/";
  for (const auto& [name, mail] : {std::pair("stored", firmware::Mail::stored),
                                   std::pair("request", firmware::Mail::request)}) {
    client_->subscribe(
        prefix_ + name,
        [this, mail](const std::string&, const std::string& bytes) {
          mail_.put(mail, {reinterpret_cast<const std::uint8_t*>(bytes.data()), bytes.size()});
        },
        1);
  }
}

void Link::watch() {
  const bool up = client_->is_connected();
  if (up && !up_) ++connections_;
  up_ = up;
}

bool Link::send(firmware::Post post, std::span<const std::uint8_t> bytes) {
  return up_ &&
         client_->publish(prefix_ + (post == firmware::Post::report ? "report" : "reply"),
                          reinterpret_cast<const char*>(bytes.data()), bytes.size(), 1, false);
}

bool Memory::read(std::size_t offset, std::span<std::uint8_t> bytes) {
  std::copy_n(bytes_.begin() + static_cast<std::ptrdiff_t>(offset), bytes.size(), bytes.begin());
  return true;
}

bool Memory::write(std::size_t offset, std::span<const std::uint8_t> bytes) {
  std::copy(bytes.begin(), bytes.end(), bytes_.begin() + static_cast<std::ptrdiff_t>(offset));
  return true;
}

void Meter::setup() {
  recall();
  drivers_.reserve(chips_.size());
  for (auto* chip : chips_) drivers_.emplace_back(*chip, chip->config());
  window_.resize(samples_at_once);
  link_.begin(client_, home_, device_name_);
  const auto boot = std::uint64_t{random_uint32()} << 32 | random_uint32();
  device_.emplace(
      firmware::DeviceOptions{.name = device_name_, .boot = boot, .edges = firmware::usual_edges},
      std::span(drivers_), memory_, std::span(window_), link_);
  service_.emplace(std::span(drivers_), *this);
  device_->serve(*service_);
  last_millis_ = millis();
}

void Meter::loop() {
  const auto now = uptime();
  know_time(now);
  link_.watch();
  device_->step(now);
  const auto& sampler = device_->sampler();
  if (sampler.samples() == shown_) return;
  shown_ = sampler.samples();
  for (std::size_t chip = 0; chip < chips_.size(); ++chip) {
    chips_[chip]->show(sampler.latest(), chip);
  }
}

void Meter::dump_config() {
  ESP_LOGCONFIG(tag, "Lenz meter %s of %s: %u chips, %u bytes of outbox", device_name_.c_str(),
                home_.c_str(), static_cast<unsigned>(chips_.size()),
                static_cast<unsigned>(memory_.size()));
  for (std::size_t chip = 0; chip < drivers_.size(); ++chip) {
    if (const auto error = drivers_[chip].health().error) {
      ESP_LOGW(tag, "Chip %u: %s", static_cast<unsigned>(chip), firmware::sentence(*error));
    }
  }
}

bool Meter::keep(std::size_t channel, const firmware::ChannelConfig& words) {
  const Kept kept{from_yaml_[channel], words};
  return preference(channel).save(&kept);
}

bool Meter::restart() {
  App.safe_reboot();
  return true;
}

void Meter::tell(measurement::Diagnostics& diagnostics) const {
  diagnostics.firmware = version_;
  diagnostics.held = device_->outbox().waiting();
  diagnostics.lost = device_->outbox().lost();
}

ESPPreferenceObject Meter::preference(std::size_t channel) const {
  return global_preferences->make_preference<Kept>(first_preference +
                                                   static_cast<std::uint32_t>(channel));
}

void Meter::recall() {
  for (auto* chip : chips_) {
    for (auto& channel : chip->config().channels) {
      from_yaml_.push_back(channel);
      Kept kept;
      if (preference(from_yaml_.size() - 1).load(&kept) && kept.from_yaml == channel) {
        channel = kept.words;
      }
    }
  }
}

// millis() begins anew after 49 days.
Uptime Meter::uptime() {
  const auto now = millis();
  uptime_ += Uptime(now - last_millis_);
  last_millis_ = now;
  return uptime_;
}

void Meter::know_time(Uptime now) {
  timeval clock{};
  if (gettimeofday(&clock, nullptr) != 0 || clock.tv_sec < earliest_s) return;
  const std::chrono::milliseconds utc(std::int64_t{clock.tv_sec} * 1000 + clock.tv_usec / 1000);
  device_->know_time(time_base_.settle(measurement::Timestamp(utc - now)));
}

}  // namespace esphome::lenz
