#include "firmware/service.h"

#include <algorithm>
#include <cmath>
#include <utility>

namespace firmware {

using measurement::channels_per_chip;
using measurement::Reply;
using measurement::Request;
using measurement::Uptime;
using Outcome = measurement::Reply::Outcome;

namespace {

bool is_sound(const ChannelConfig& words) {
  const auto& curve = words.curve;
  bool rises = true;
  for (std::size_t i = 1; i < curve.size(); ++i) {
    rises = rises && (curve[i].milliamperes == 0 ||
                      curve[i - 1].milliamperes - 1 < curve[i].milliamperes - 1);
  }
  return (words.pga == 1 || words.pga == 2 || words.pga == 4) && words.multiplier >= 1 &&
         words.voltage_gain > 0 && words.current_gain > 0 &&
         std::abs(words.phase_delay) <= measurement::greatest_phase_delay && rises &&
         std::ranges::all_of(curve, [](const measurement::CurvePoint& point) {
           return std::abs(point.gain_ppm) <= 200'000 &&
                  std::abs(point.lead_microradians) <= 100'000;
         });
}

}  // namespace

void MeterService::Sum::add(double value, int count) {
  const double before = value - mean;
  mean += before / count;
  squares += before * (value - mean);
}

measurement::Spread MeterService::Sum::spread(int count) const {
  const double variance = count > 1 ? squares / (count - 1) : 0;
  return {static_cast<float>(mean), static_cast<float>(std::sqrt(variance))};
}

void MeterService::take(std::span<const std::uint8_t> bytes, Uptime) {
  const auto request = measurement::decode_request(bytes);
  // A reply that nobody has taken would be lost with the next one: the hub asks again.
  if (!request || is_waiting_ || taken_) return;
  if (request->id == last_id_) {
    is_waiting_ = size_ > 0;  // Done already; its reply may have been lost.
    return;
  }
  if (!reading_) {
    taken_ = *request;
    std::ranges::copy(request->data, data_.begin());
    taken_->data = std::span(data_).first(request->data.size());
  } else if (reading_->request.id != request->id) {
    // Said, but not remembered: the same request may come again later.
    finish(*request, Outcome::busy);
    last_id_ = 0;
  }
}

void MeterService::step(Uptime now) {
  if (const auto request = std::exchange(taken_, std::nullopt)) begin(*request, now);
  if (reading_ && now >= reading_->next) read(now);
  if (leaves_ && !restart_at_) restart_at_ = now + time_to_leave;
  if (!restart_at_ || now < *restart_at_) return;
  leaves_ = false;
  restart_at_.reset();
  board_.restart();
}

void MeterService::begin(const Request& request, Uptime now) {
  const bool of_channel = request.kind == Request::Kind::read_raw ||
                          request.kind == Request::Kind::read_words ||
                          request.kind == Request::Kind::write_words;
  if (of_channel && measurement::chip_of(request.channel) >= chips_.size()) {
    finish(request, Outcome::no_such_channel);
    return;
  }
  switch (request.kind) {
    case Request::Kind::read_raw:
      if (request.windows == 0 || request.windows > measurement::max_raw_windows) {
        finish(request, Outcome::out_of_range);
        return;
      }
      reading_.emplace();
      reading_->request = request;
      reading_->next = now;
      return;
    case Request::Kind::read_words:
      finish(request, Outcome::done);
      return;
    case Request::Kind::write_words:
      finish(request, write_words(request, now));
      return;
    case Request::Kind::identify:
      finish(request, board_.identify() ? Outcome::done : Outcome::not_supported);
      return;
    case Request::Kind::restart:
      restart_when_sent_ = true;
      finish(request, Outcome::done);
      return;
    case Request::Kind::diagnostics: {
      Reply reply{.id = request.id, .kind = request.kind};
      put_diagnostics(reply.diagnostics, now);
      finish(reply);
      return;
    }
    case Request::Kind::send_again:
      from_ = From{request.stream, request.number};
      finish(request, Outcome::done);
      return;
    case Request::Kind::take_update:
    case Request::Kind::take_piece:
    case Request::Kind::start_update:
      finish(request, update(request));
      return;
  }
  finish(request, Outcome::unknown);
}

Outcome MeterService::update(const Request& request) {
  if (!update_) return Outcome::not_supported;
  const std::string_view text(reinterpret_cast<const char*>(request.data.data()),
                              request.data.size());
  const auto done = request.kind == Request::Kind::take_update ? update_->begin(text)
                    : request.kind == Request::Kind::take_piece
                        ? update_->write(request.number, request.data)
                        : update_->finish();
  if (!done) return done.error();
  restart_when_sent_ = request.kind == Request::Kind::start_update;
  return Outcome::done;
}

Outcome MeterService::write_words(const Request& request, Uptime now) {
  auto& chip = chips_[measurement::chip_of(request.channel)];
  const std::size_t phase = request.channel % channels_per_chip;
  if (!is_sound(request.wanted)) return Outcome::out_of_range;
  if (chip.config().channels[phase] != request.expected) return Outcome::words_differ;
  if (const auto changed = chip.change(phase, request.wanted, now); !changed) {
    return changed.error() == ChipError::garbled_read ? Outcome::not_written
                                                      : Outcome::chip_not_ready;
  }
  return board_.keep(request.channel, request.wanted) ? Outcome::done : Outcome::not_kept;
}

void MeterService::read(Uptime now) {
  auto& reading = *reading_;
  auto& chip = chips_[measurement::chip_of(reading.request.channel)];
  reading.next = now + between_readings;
  ++reading.tries;
  std::array<FineReading, channels_per_chip> values;
  std::array<float, channels_per_chip> peaks{};
  const auto hertz = chip.frequency();
  const auto celsius = chip.temperature();
  bool complete = hertz && celsius;
  for (std::size_t phase = 0; phase < channels_per_chip && complete; ++phase) {
    const auto fine = chip.fine_reading(phase);
    const auto peak = chip.peak_current(phase);
    complete = fine && peak;
    if (fine) values[phase] = *fine;
    if (peak) peaks[phase] = peak->value;
  }
  if (complete) {
    const int count = ++reading.count;
    if (count == 1) reading.begin = now;
    for (std::size_t phase = 0; phase < channels_per_chip; ++phase) {
      const auto& value = values[phase];
      auto& sums = reading.sums[phase];
      sums[0].add(value.voltage.value, count);
      sums[1].add(value.current.value, count);
      sums[2].add(value.active_power.value, count);
      sums[3].add(value.reactive_power.value, count);
      reading.peaks[phase] = std::max(reading.peaks[phase], peaks[phase]);
    }
    reading.hertz += hertz->value;
    reading.celsius += celsius->value;
  }
  if (reading.count == reading.request.windows || reading.tries >= 2 * reading.request.windows) {
    finish_reading(now);
  }
}

void MeterService::finish_reading(Uptime now) {
  const auto reading = *reading_;
  reading_.reset();
  if (reading.count == 0) {
    finish(reading.request, Outcome::chip_not_ready);
    return;
  }
  Reply reply{
      .id = reading.request.id, .kind = reading.request.kind, .channel = reading.request.channel};
  const int count = reading.count;
  reply.raw = {.windows = static_cast<std::uint16_t>(count),
               .begin = reading.begin,
               .end = now,
               .frequency = static_cast<float>(reading.hertz / count),
               .temperature = static_cast<float>(reading.celsius / count)};
  for (std::size_t phase = 0; phase < channels_per_chip; ++phase) {
    const auto& sums = reading.sums[phase];
    reply.raw.channels[phase] = {.voltage = sums[0].spread(count),
                                 .current = sums[1].spread(count),
                                 .active = sums[2].spread(count),
                                 .reactive = sums[3].spread(count),
                                 .peak_current = reading.peaks[phase]};
  }
  finish(reply);
}

void MeterService::put_diagnostics(measurement::Diagnostics& to, Uptime now) const {
  to.uptime = now;
  to.chips = static_cast<std::uint16_t>(chips_.size());
  for (std::size_t chip = 0; chip < chips_.size(); ++chip) {
    const auto& health = chips_[chip].health();
    to.resets += health.resets;
    to.garbled += health.garbled;
    to.doubtful += health.doubtful;
    if (health.error == ChipError::missing) {
      to.chips_missing = static_cast<std::uint16_t>(to.chips_missing | 1u << chip);
    }
  }
  to.on_trial = update_ && update_->is_on_trial();
  board_.tell(to);
}

void MeterService::finish(const Request& request, Outcome outcome) {
  Reply reply{
      .id = request.id, .kind = request.kind, .outcome = outcome, .channel = request.channel};
  if (update_) reply.written = static_cast<std::uint32_t>(update_->written());
  const auto chip = measurement::chip_of(request.channel);
  if (chip < chips_.size()) {
    reply.words = chips_[chip].config().channels[request.channel % channels_per_chip];
  }
  finish(reply);
}

void MeterService::finish(const Reply& reply) {
  last_id_ = reply.id;
  size_ = measurement::encode(reply, bytes_).value_or(0);
  is_waiting_ = size_ > 0;
}

void MeterService::sent(Uptime) {
  is_waiting_ = false;
  leaves_ = std::exchange(restart_when_sent_, false) || leaves_;
}

std::optional<Service::From> MeterService::send_again() {
  return std::exchange(from_, std::nullopt);
}

}  // namespace firmware
