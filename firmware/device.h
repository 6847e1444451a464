// The whole meter.

#pragma once

#include <array>
#include <cstdint>
#include <span>
#include <string_view>

#include "firmware/atm90e32.h"
#include "firmware/coarse.h"
#include "firmware/flash_log.h"
#include "firmware/outbox.h"
#include "firmware/sampler.h"
#include "firmware/service.h"
#include "firmware/storage.h"
#include "firmware/transport.h"
#include "measurement/report.h"
#include "measurement/report_codec.h"

namespace firmware {

struct DeviceOptions {
  std::string_view name;   // Of the meter at the hub; must outlive the device.
  std::uint64_t boot = 0;  // 64 random bits.
  std::chrono::milliseconds period{1000};
  EdgeRule edges{};
};

// Chips, storage, window and transport must outlive the device. Allocates nothing. One task owns
// it.
class Device {
 public:
  Device(const DeviceOptions&, std::span<Atm90e32> chips, Storage&,
         std::span<measurement::Sample> window, Transport&);

  // What the hub does not confirm within `write_every` goes to `log`, which must outlive the device
  // and share its window; the storage then needs room for twice as long, and no power cut to
  // outlive. Without a log all is kept in the storage.
  void keep_in(FlashLog& log, measurement::Uptime every = write_every) {
    log_ = &log;
    write_every_ = every;
  }
  static constexpr measurement::Uptime write_every{10'000};

  // The hub is told what `thinning`, which must outlive the device, makes of the samples, and not
  // the samples.
  void thin(Thinning& thinning) { thinning_ = &thinning; }

  // Requests of the hub go to `service`, which must outlive the device; without one they are not
  // answered.
  void serve(Service& service) { service_ = &service; }

  // To be called at least four times a second, and four times in the period of an edge rule's
  // sweeps.
  void step(measurement::Uptime now) {
    sample(now);
    exchange(now);
  }

  // The two halves, for a world whose mains run on another clock than its links.
  // chips -> sampler -> outbox. Returns the sample that was taken, for other radios, until the next
  // call; null: none was due. Edges are kept only while the hub was heard within `write_every`: the
  // room for an outage is that of the samples.
  const measurement::Sample* sample(measurement::Uptime now);
  void keep(const measurement::Sample&);   // What sample() does with it.
  void exchange(measurement::Uptime now);  // outbox -> report -> transport, and what the hub says

  // Samples taken before the time of day was known are sent without it.
  void know_time(measurement::Timestamp booted_at) { header_.booted_at = booted_at; }

  const Outbox& outbox() const { return outbox_; }
  bool hub_has_answered() const { return hub_has_answered_; }  // Since the start.
  std::uint64_t lost() const { return outbox_.lost() + (log_ ? log_->lost() : 0); }
  const Sampler& sampler() const { return sampler_; }
  std::uint64_t reports_sent() const { return reports_sent_; }

 private:
  void hear(measurement::Uptime now);
  void save(measurement::Uptime now);
  void serve(measurement::Uptime now);
  std::size_t send(const measurement::Report&);

  measurement::ReportHeader header_, edges_;
  Sampler sampler_;
  Outbox outbox_;
  Transport& transport_;
  FlashLog* log_ = nullptr;
  measurement::Uptime write_every_ = write_every;
  Thinning* thinning_ = nullptr;
  Service* service_ = nullptr;
  unsigned connections_ = 0;
  std::size_t most_ =
      measurement::max_samples_per_report;  // Samples that fitted one report lately.
  measurement::Uptime progress_{};          // When the hub was last heard or told.
  measurement::Uptime heard_{};             // When the hub last confirmed something.
  measurement::Uptime saved_{};  // When the hub last confirmed something, or the log took over.
  std::uint64_t reports_sent_ = 0;
  bool hub_has_answered_ = false;
  bool keeps_edges_ = true;
  std::array<std::uint8_t, measurement::max_report_bytes> buffer_;
};

}  // namespace firmware
