// An ESPHome node as a meter: what it says, one entity at a time, becomes samples. No sockets, no
// clock: who hears the node says when.
//
//   hear("ct1_watts", 812.5, ...) ──┐
//   hear("voltage_1", 231.2, ...) ──┼─ a round ──> next(): one Report of one sample
//   hear("ct1_kwh", 17.204, ...)  ──┘   counters and integrated power ──> its totals

#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <functional>
#include <map>
#include <optional>
#include <string>
#include <string_view>

#include "hub/ingest/esphome_entities.h"
#include "hub/ingest/esphome_memory.h"
#include "hub/partners.h"
#include "measurement/report.h"

namespace hub {

// Rounds. An ESPHome node sends each entity when its component measures, and each chip's component
// has its own beat: up to half a period (at most 5 s) lies between them. So a sample is a round: it
// has the time of its first state, and ends when all have spoken that spoke lately, when one speaks
// again, or after 0.6 periods, at most 6 s. Who did not speak in it is absent. Who speaks again
// within a quarter of a period is a repetition, which a broker may send, and ignored.
//
// Energy. Where the node counts, its counter's rises are added. A counter that falls is believed
// once its next value goes on from there (a single 0 between two values is a mistake): if what it
// shows can have flowed since it last rose, at up to 100 kW, it began anew and shows what has been
// gained since; else it was only set to another value and nothing is added. Where the node does not
// count, power is integrated, held from one sample to the next, never over more than 2.5 periods.
// Energy never falls within a boot; if the clock goes back, a new boot begins.
class EsphomeMeter {
 public:
  // `draw` gives 64 random bits, at each new boot.
  EsphomeMeter(EsphomeNode, EsphomeMemory, std::function<std::uint64_t()> draw);
  EsphomeMeter(const EsphomeMeter&) = delete;

  // The node says that it has an entity, and its unit. A sentence where the unit is none of what
  // the entity should measure: it is ignored from then on.
  std::optional<std::string> announce(std::string_view object_id, std::string_view unit);

  // A state of an entity; absent: it has none, or NaN. Retained: it was said before we came, so it
  // measures nothing of now, but a counter has stood there.
  void hear(std::string_view object_id, std::optional<double> value, bool is_retained,
            measurement::Timestamp now);

  // The node went away: the power it last said holds no longer.
  void fall_silent();

  // When to ask next() even if nothing was heard.
  std::optional<measurement::Timestamp> due() const;

  // A report of one finished sample; lives until the next call. To be called until it is empty.
  std::optional<measurement::Report> next(measurement::Timestamp now);

  // That sample could not be stored.
  void lose() { ++lost_; }

  const EsphomeNode& node() const { return node_; }
  const EsphomeMemory& memory() const { return memory_; }
  void set_mac(std::string mac) { memory_.mac = std::move(mac); }

 private:
  struct Entity {
    EsphomeMeaning meaning;
    bool is_misfit = false;
    std::optional<measurement::Timestamp> heard_at{};
    std::uint64_t round = 0;  // The last in which it spoke.
    bool is_awaited = false;  // In the round that is open.
  };
  struct Source {
    const Entity* entity = nullptr;
    std::optional<measurement::Timestamp> heard_at{};
  };
  // A counter's value that is not believed yet.
  struct Doubt {
    std::int64_t value = 0;
    measurement::Timestamp time{};
  };
  struct Round {
    measurement::Timestamp begin;
    measurement::Sample sample;
    std::array<std::optional<double>, measurement::max_channels> power;
    std::size_t awaited = 0;
    bool measures = false;  // Voltage, current or power has spoken.
  };
  struct Held {
    measurement::Timestamp time;
    double watts = 0;
  };
  template <class Value>
  using OfDirections = std::array<std::array<Value, 2>, measurement::max_channels>;

  Entity* entity_of(std::string_view object_id);
  Source& source_of(const EsphomeMeaning&);
  bool is_the_source(const Entity&, bool is_retained, measurement::Timestamp now);
  void open(measurement::Timestamp now);
  measurement::Timestamp end_of(const Round&) const;
  void close();
  void count(const Entity&, std::string_view object_id, std::int64_t value, bool is_retained,
             measurement::Timestamp now);
  void integrate(const Round&);
  void gain(std::size_t channel, std::size_t direction, double milliwatt_hours);
  void share(measurement::Quantity, measurement::Sample&);
  void begin_boot(measurement::Timestamp);
  measurement::Origin origin() const;

  EsphomeNode node_;
  EsphomeMemory memory_;
  std::function<std::uint64_t()> draw_;
  std::map<std::string, Entity, std::less<>> entities_;
  std::array<std::array<Source, measurement::max_channels>, measurement::measured_quantities>
      sources_;
  std::optional<measurement::Timestamp> began_at_;
  std::uint64_t rounds_ = 0;
  std::optional<Round> round_;
  std::array<std::optional<Held>, measurement::max_channels> held_;
  OfDirections<std::optional<Doubt>> doubts_;
  OfDirections<double> rest_{};           // Of a milliwatt-hour.
  OfDirections<std::int64_t> sampled_{};  // Totals of the last sample.
  OfDirections<int> silent_rounds_{};     // Of counters.
  std::deque<measurement::Sample> finished_;
  measurement::Sample given_;
  std::uint64_t lost_ = 0;
};

}  // namespace hub
