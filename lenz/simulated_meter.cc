#include "lenz/simulated_meter.h"

#include <utility>

#include "measurement/manifest.h"

namespace lenz {

using measurement::Timestamp;
using measurement::Uptime;

struct SimulatedMeter::Images {
  explicit Images(firmware::SignatureCheck& trusted) : key(trusted) {}

  void boot() {
    flash.boot();
    const auto image = flash.running_image();
    const auto app =
        measurement::read_app_image({reinterpret_cast<const char*>(image.data()), image.size()});
    version = app ? app->version : "";
    update.emplace(
        flash, key,
        firmware::Running{firmware::version_of(version).value_or(firmware::Version{}), "esp32"});
  }

  firmware::SignatureCheck& key;
  simulator::BootFlash flash{0x180000, simulator::bootable_image(4096, 1, "1.0.0")};
  firmware::Trial trial{flash};
  std::string version;
  std::optional<firmware::Update> update;
};

SimulatedMeter::SimulatedMeter(simulator::Scene& scene, const SimulatedMeterOptions& options,
                               firmware::Storage& storage, firmware::Transport& transport)
    : options_(options),
      random_(options.seed),
      board_(scene, {.faults = {.answer = options.bit_flips, .address = options.address_flips},
                     .seed = options.seed,
                     .gain_spread = options.is_uncalibrated ? 0.05 : 0,
                     .lead_spread = options.is_uncalibrated ? 1.5 : 0}),
      window_(measurement::max_samples_per_report),
      storage_(storage),
      transport_(transport),
      images_(options.update_key ? std::make_unique<Images>(*options.update_key) : nullptr) {}

SimulatedMeter::~SimulatedMeter() = default;

void SimulatedMeter::sample(Timestamp now) {
  const bool powered = board_.advance(now);
  if (std::exchange(restarts_, false)) end();
  if (powered && !device_) start(now);
  if (device_) device_->sample(now - booted_at_);
  if (device_ && images_) {
    const firmware::Soundness soundness{
        .chips_answer = true, .storage_works = true, .hub_heard = device_->hub_has_answered()};
    restarts_ |=
        images_->trial.step(now - booted_at_, soundness) == firmware::Trial::Verdict::failed;
  }
  if (!powered) end();  // What flowed until the mains failed was still read.
}

void SimulatedMeter::exchange(Uptime steady) {
  if (device_) device_->exchange(steady);
}

void SimulatedMeter::start(Timestamp now) {
  chips_.clear();
  for (std::size_t chip = 0; chip < board_.chips(); ++chip) {
    auto config = board_.configs()[chip];
    for (std::size_t phase = 0; phase < measurement::channels_per_chip; ++phase) {
      const auto kept = kept_.find(chip * measurement::channels_per_chip + phase);
      if (kept != kept_.end()) config.channels[phase] = kept->second;
    }
    chips_.emplace_back(board_.bus(chip), config);
  }
  booted_at_ = now;
  device_.emplace(firmware::DeviceOptions{.name = options_.device,
                                          .boot = random_(),
                                          .period = options_.period,
                                          .edges = options_.edges},
                  chips_, storage_, window_, transport_);
  device_->know_time(now);
  if (options_.takes_requests) {
    service_.emplace(chips_, static_cast<firmware::BoardControl&>(*this));
    device_->serve(*service_);
    if (images_) {
      images_->boot();
      service_->take_updates(*images_->update);
    }
  }
  ++count_.starts;
}

void SimulatedMeter::end() {
  if (!device_) return;
  count_ = count();
  device_.reset();
}

bool SimulatedMeter::keep(std::size_t channel, const firmware::ChannelConfig& words) {
  kept_[channel] = words;
  return true;
}

bool SimulatedMeter::restart() {
  restarts_ = true;
  return true;
}

void SimulatedMeter::tell(measurement::Diagnostics& to) const {
  to.firmware = images_ ? std::string_view(images_->version) : "simulated";
  if (device_) to.lost = device_->outbox().lost();
}

SimulatedMeter::Count SimulatedMeter::count() const {
  auto count = count_;
  count.frames = board_.frames();
  count.flips = board_.flips();
  if (!device_) return count;
  count.samples += device_->sampler().samples();
  count.reports += device_->reports_sent();
  count.lost += device_->outbox().lost();
  for (std::size_t chip = 0; chip < chips_.size(); ++chip) {
    const auto& health = device_->sampler().health(chip);
    count.resets += health.resets;
    count.garbled += health.garbled;
    count.doubtful += health.doubtful;
  }
  return count;
}

}  // namespace lenz
