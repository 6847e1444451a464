#include "hub/ingest/esphome_meter.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <utility>

namespace hub {

using measurement::Kind;
using measurement::Quantity;
using measurement::Sample;
using measurement::Timestamp;
using namespace std::chrono_literals;

namespace {

constexpr std::array directions = {Quantity::imported, Quantity::exported};

// A counter that has been silent for so many samples is gone: power is integrated again.
constexpr int most_silent_rounds = 360;

// Between two calls of next() there are one or two.
constexpr std::size_t most_finished = 16;

std::size_t direction_of(Quantity total) { return total == Quantity::imported ? 0 : 1; }

// What a round without any other is worth a sample for.
bool is_primary(Quantity quantity) {
  return quantity == Quantity::voltage || quantity == Quantity::current ||
         quantity == Quantity::active_power;
}

std::size_t chips_of(const EsphomeNode& node) {
  return node.channels / measurement::channels_per_chip;
}

// What can have flowed through a clamp: 100 kW, and a coarse counter's step.
double most_gained(std::chrono::milliseconds time) {
  return 100e3 * static_cast<double>(std::max(time, 0ms).count()) / 3600 + 100e3;
}

}  // namespace

EsphomeMeter::EsphomeMeter(EsphomeNode node, EsphomeMemory memory,
                           std::function<std::uint64_t()> draw)
    : node_(std::move(node)), memory_(std::move(memory)), draw_(std::move(draw)) {
  for (std::size_t c = 0; c < measurement::max_channels; ++c) {
    for (std::size_t d = 0; d < directions.size(); ++d) {
      sampled_[c][d] = memory_.totals[c][d].value_or(0);
      auto& counter = memory_.counters[c][d];
      if (!counter) continue;
      const auto* entity = entity_of(counter->object_id);
      if (entity && entity->meaning.quantity == directions[d] && entity->meaning.index == c) {
        source_of(entity->meaning).entity = entity;
      } else {
        counter.reset();  // The owner has given the name another meaning.
      }
    }
  }
}

// ---- What is heard -----------------------------------------------------------------------------

EsphomeMeter::Entity* EsphomeMeter::entity_of(std::string_view object_id) {
  if (const auto found = entities_.find(object_id); found != entities_.end()) {
    return &found->second;
  }
  const auto meaning = meaning_of(object_id, node_);
  if (!meaning) return nullptr;
  return &entities_.emplace(object_id, Entity{.meaning = *meaning}).first->second;
}

EsphomeMeter::Source& EsphomeMeter::source_of(const EsphomeMeaning& meaning) {
  return sources_[static_cast<std::size_t>(meaning.quantity)][meaning.index];
}

std::optional<std::string> EsphomeMeter::announce(std::string_view object_id,
                                                  std::string_view unit) {
  auto* entity = entity_of(object_id);
  if (!entity || entity->meaning.is_scaled || unit.empty()) return std::nullopt;
  const auto factor = esphome_unit(entity->meaning.quantity, unit);
  entity->is_misfit = !factor;
  if (factor) {
    entity->meaning.factor = *factor;
    return std::nullopt;
  }
  const auto& row = measurement::row(entity->meaning.quantity);
  return fmt::format(
      "{} of {} is given in \"{}\", which is no unit of {}: it is ignored; name what it measures, "
      "and its factor, in partners.toml.",
      object_id, node_.device, unit.substr(0, 20), row.name);
}

// Two entities may measure the same: a renamed one and what a broker still has of the old one, or
// two counters. The one that counts is left for another only when that is to be preferred, or when
// it has fallen silent.
bool EsphomeMeter::is_the_source(const Entity& entity, bool is_retained, Timestamp now) {
  auto& source = source_of(entity.meaning);
  if (source.entity != &entity && source.entity) {
    const bool is_total = measurement::row(entity.meaning.quantity).kind == Kind::total;
    const auto patience = is_total ? 10 * node_.period : node_.period * 3 / 2;
    const bool is_silent = now - source.heard_at.value_or(*began_at_) > patience;
    if (is_retained || (entity.meaning.rank <= source.entity->meaning.rank && !is_silent)) {
      return false;
    }
  }
  source.entity = &entity;
  if (!is_retained) source.heard_at = now;
  return true;
}

void EsphomeMeter::hear(std::string_view object_id, std::optional<double> value, bool is_retained,
                        Timestamp now) {
  if (!began_at_) began_at_ = now;
  auto* entity = entity_of(object_id);
  if (!entity || entity->is_misfit) return;
  const auto& meaning = entity->meaning;
  const bool is_total = measurement::row(meaning.quantity).kind == Kind::total;
  if (value) *value *= meaning.factor;
  if (value && !is_plausible(meaning.quantity, *value)) value.reset();
  if (is_retained && (!is_total || !value)) return;
  if (!is_the_source(*entity, is_retained, now)) return;

  if (!is_retained) {
    const auto before = std::exchange(entity->heard_at, now);
    if (before && now >= *before && now - *before < node_.period / 4) {
      entity->heard_at = before;
      return;
    }
    if (round_ && entity->round == rounds_) close();
    if (round_ && (now < round_->begin || now >= end_of(*round_))) close();
    if (!round_) open(now);
    entity->round = rounds_;
  }
  if (is_total) {
    if (value) count(*entity, object_id, std::llround(*value * 1000), is_retained, now);
  } else {
    round_->measures = round_->measures || is_primary(meaning.quantity);
    if (value) {
      const auto steps = std::llround(*value / measurement::row(meaning.quantity).resolution);
      round_->sample.put_steps(meaning.quantity, meaning.index, steps);
      if (meaning.quantity == Quantity::active_power) round_->power[meaning.index] = value;
    }
  }
  if (std::exchange(entity->is_awaited, false) && --round_->awaited == 0) close();
}

void EsphomeMeter::fall_silent() {
  if (round_) close();
  held_ = {};
}

// ---- Rounds ------------------------------------------------------------------------------------

void EsphomeMeter::open(Timestamp now) {
  ++rounds_;
  round_ = Round{.begin = now, .sample = Sample(chips_of(node_)), .power = {}};
  for (auto& [object_id, entity] : entities_) {
    entity.is_awaited = entity.heard_at && *entity.heard_at != now &&
                        now - *entity.heard_at < 3 * node_.period && now > *entity.heard_at;
    if (entity.is_awaited) ++round_->awaited;
  }
}

std::optional<Timestamp> EsphomeMeter::due() const {
  if (!finished_.empty()) return memory_.last;
  if (!round_) return std::nullopt;
  return end_of(*round_);
}

Timestamp EsphomeMeter::end_of(const Round& round) const {
  return round.begin + std::min<std::chrono::milliseconds>(node_.period * 6 / 10, 6s);
}

std::optional<measurement::Report> EsphomeMeter::next(Timestamp now) {
  if (finished_.empty() && round_ && (now >= end_of(*round_) || now < round_->begin)) close();
  if (finished_.empty()) return std::nullopt;
  given_ = finished_.front();
  finished_.pop_front();
  return measurement::Report{{.device = node_.device,
                              .boot = memory_.boot,
                              .period = node_.period,
                              .chips = given_.chips(),
                              .booted_at = memory_.booted_at,
                              .lost = lost_,
                              .origin = origin()},
                             {&given_, 1}};
}

void EsphomeMeter::close() {
  const auto round = *std::exchange(round_, std::nullopt);
  if (!round.measures) return;
  integrate(round);
  if (memory_.boot == 0 || round.begin <= memory_.last) begin_boot(round.begin);

  auto sample = round.sample;
  share(Quantity::voltage, sample);
  share(Quantity::frequency, sample);
  sample.number = memory_.next++;
  sample.uptime = round.begin - memory_.booted_at;
  memory_.last = round.begin;
  for (std::size_t c = 0; c < sample.channels(); ++c) {
    for (std::size_t d = 0; d < directions.size(); ++d) {
      sample.put_steps(directions[d], c, memory_.totals[c][d]);
      sampled_[c][d] = memory_.totals[c][d].value_or(0);
    }
  }
  finished_.push_back(sample);
  if (finished_.size() > most_finished) {
    finished_.pop_front();
    ++lost_;
  }
}

// A board has one transformer, often wired to its first chip's entity only: that voltage and its
// frequency hold for the chips that have none of their own.
void EsphomeMeter::share(Quantity quantity, Sample& sample) {
  const auto& sources = sources_[static_cast<std::size_t>(quantity)];
  const auto has_own = [&](std::size_t chip) { return sources[chip].entity != nullptr; };
  std::size_t nearest = 0;
  while (nearest + 1 < sample.chips() && !has_own(nearest)) ++nearest;
  for (std::size_t chip = 0; chip < sample.chips(); ++chip) {
    if (has_own(chip)) {
      nearest = chip;
    } else {
      sample.put_steps(quantity, chip, sample.steps(quantity, nearest));
    }
  }
}

void EsphomeMeter::begin_boot(Timestamp time) {
  memory_.boot = draw_();
  memory_.booted_at = time;
  memory_.next = 0;
  finished_.clear();
  for (std::size_t c = 0; c < measurement::max_channels; ++c) {
    for (std::size_t d = 0; d < directions.size(); ++d) {
      if (auto& total = memory_.totals[c][d]) *total -= sampled_[c][d];
    }
  }
}

measurement::Origin EsphomeMeter::origin() const {
  measurement::Origin origin{.timed_on_arrival = true};
  for (std::size_t c = 0; c < measurement::max_channels; ++c) {
    for (std::size_t d = 0; d < directions.size(); ++d) {
      if (memory_.totals[c][d] && !memory_.counters[c][d]) origin.integrated |= 1ULL << c;
    }
  }
  return origin;
}

// ---- Energy ------------------------------------------------------------------------------------

void EsphomeMeter::gain(std::size_t channel, std::size_t direction, double milliwatt_hours) {
  auto& rest = rest_[channel][direction];
  rest += milliwatt_hours;
  const auto whole = std::floor(rest);
  rest -= whole;
  auto& total = memory_.totals[channel][direction];
  total = total.value_or(0) + static_cast<std::int64_t>(whole);
}

void EsphomeMeter::integrate(const Round& round) {
  for (std::size_t c = 0; c < node_.channels; ++c) {
    auto& held = held_[c];
    const auto time = held ? round.begin - held->time : 0ms;
    const bool holds = held && time > 0ms && time <= node_.period * 5 / 2;
    for (std::size_t d = 0; d < directions.size(); ++d) {
      auto& counter = memory_.counters[c][d];
      if (counter && ++silent_rounds_[c][d] > most_silent_rounds) counter.reset();
      if (counter || !(holds || round.power[c])) continue;
      const double watts = holds ? held->watts * (d == 0 ? 1 : -1) : 0;
      gain(c, d, std::max(watts, 0.0) * static_cast<double>(time.count()) / 3600);
    }
    held.reset();
    if (round.power[c]) held = Held{round.begin, *round.power[c]};
  }
}

void EsphomeMeter::count(const Entity& entity, std::string_view object_id, std::int64_t value,
                         bool is_retained, Timestamp now) {
  const auto channel = entity.meaning.index;
  const auto direction = direction_of(entity.meaning.quantity);
  auto& counter = memory_.counters[channel][direction];
  auto& doubt = doubts_[channel][direction];
  if (!is_retained) silent_rounds_[channel][direction] = 0;
  if (!counter || counter->object_id != object_id) {
    counter = {std::string(object_id), value, now};
    doubt.reset();
    gain(channel, direction, 0);
    return;
  }

  const auto rise = value - counter->value;
  const auto most = most_gained(now - counter->rose_at);
  if (rise >= 0 && static_cast<double>(rise) <= most) {
    if (!is_retained) doubt.reset();
    if (rise == 0) return;
    gain(channel, direction, static_cast<double>(rise));
    counter->value = value;
    counter->rose_at = now;
    return;
  }
  if (is_retained) return;
  const bool goes_on = doubt && value >= doubt->value && now - doubt->time >= node_.period / 2 &&
                       static_cast<double>(value - doubt->value) <= most_gained(now - doubt->time);
  if (!goes_on) {
    doubt = {value, now};
    return;
  }
  const bool began_anew = static_cast<double>(value) < 0.9 * static_cast<double>(counter->value) &&
                          static_cast<double>(value) <= most;
  if (began_anew) gain(channel, direction, static_cast<double>(value));
  counter->value = value;
  counter->rose_at = now;
  doubt.reset();
}

}  // namespace hub
