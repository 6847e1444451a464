#include "firmware/device.h"

#include <algorithm>

namespace firmware {

using measurement::Report;
using measurement::Uptime;

namespace {

// Without a word from the hub for so long, what is under way counts as dropped.
constexpr Uptime patience{5000};

}  // namespace

Device::Device(const DeviceOptions& options, std::span<Atm90e32> chips, Storage& storage,
               std::span<measurement::Sample> window, Transport& transport)
    : header_{.device = options.name,
              .boot = options.boot,
              .period = options.period,
              .chips = chips.size()},
      edges_(header_),
      sampler_(chips, options.period, options.edges),
      outbox_(storage, window),
      transport_(transport),
      connections_(transport.connections()) {
  edges_.stream = measurement::Stream::edges;
  edges_.period = options.edges.sweep_period;
}

const measurement::Sample* Device::sample(Uptime now) {
  const auto* sample = sampler_.step(now);
  if (sample) keep(*sample);
  if (const auto* edge = sampler_.edge(); edge && keeps_edges_) outbox_.add(edges_, *edge);
  if (service_) service_->step(now);  // It works at the chips, so on their clock.
  return sample;
}

void Device::keep(const measurement::Sample& sample) {
  auto header = header_;
  header.chips = sample.chips();
  const auto* kept = &sample;
  if (thinning_) {
    kept = thinning_->add(sample);
    header.stream = measurement::Stream::coarse;
    header.period = thinning_->period();
  }
  if (kept) outbox_.add(header, *kept);
}

void Device::exchange(Uptime now) {
  hear(now);
  keeps_edges_ = now - heard_ < write_every;
  serve(now);
  save(now);
  if (!transport_.is_up()) return;
  const bool under_way = outbox_.under_way() || (log_ && log_->under_way());
  if (connections_ != transport_.connections() || (under_way && now - progress_ >= patience)) {
    connections_ = transport_.connections();
    outbox_.send_again();
    if (log_) log_->send_again();
    progress_ = now;
  }
  // First the present, then the past.
  while (const auto report = outbox_.next(most_)) {
    const auto count = send(*report);
    if (count == 0) return;
    outbox_.sent(count);
    if (count == most_) most_ = std::min(most_ + 1, measurement::max_samples_per_report);
  }
  while (const auto report = log_ ? log_->next() : std::nullopt) {
    if (send(*report) == 0) return;
    log_->sent();
  }
}

void Device::hear(Uptime now) {
  while (const auto received = transport_.receive(buffer_)) {
    const auto bytes = std::span(buffer_).first(received->size);
    if (received->mail == Mail::request) {
      if (service_) service_->take(bytes, now);
      continue;
    }
    const auto answer = measurement::decode_answer(bytes);
    if (!answer) continue;  // Nothing was confirmed, so nothing is lost.
    outbox_.stored(*answer);
    if (log_) log_->stored(*answer);
    progress_ = saved_ = heard_ = now;
    hub_has_answered_ = true;
  }
}

void Device::serve(Uptime now) {
  if (!service_) return;
  if (const auto from = service_->send_again()) {
    outbox_.send_again(header_.boot, static_cast<measurement::Stream>(from->stream), from->number);
  }
  const auto reply = service_->reply();
  if (!reply.empty() && transport_.is_up() && transport_.send(Post::reply, reply)) {
    service_->sent(now);
  }
}

void Device::save(Uptime now) {
  if (!log_ || outbox_.empty()) return;
  const bool is_late = now - saved_ >= write_every_;
  if (!is_late && outbox_.fill() < 0.5f) return;
  log_->take(outbox_);
  saved_ = now;
}

// Returns how many of the report's samples the link took.
std::size_t Device::send(const Report& report) {
  auto header = report.header;
  header.device = header_.device;
  header.lost = lost();
  if (header.boot == header_.boot) header.booted_at = header_.booted_at;
  auto samples = report.samples;
  auto used = measurement::encode({header, samples}, buffer_);
  while (!used && samples.size() > 1) {
    samples = samples.first(samples.size() / 2);
    most_ = samples.size();
    used = measurement::encode({header, samples}, buffer_);
  }
  if (!used || !transport_.send(Post::report, std::span(buffer_).first(*used))) return 0;
  ++reports_sent_;
  return samples.size();
}

}  // namespace firmware
