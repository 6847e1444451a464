#include "firmware/flash_log.h"

#include <algorithm>

namespace firmware {

using measurement::DecodedAnswer;
using measurement::Quantity;
using measurement::Report;
using measurement::ReportHeader;
using measurement::Sample;
using measurement::StoredRange;
using measurement::Stream;

namespace {

using Place = FlashRing::Place;

constexpr std::size_t large_partition = 4 << 20;
// Records are of this meter; a name takes room and is put in when they are sent.
constexpr std::string_view no_name = "-";

bool holds(std::span<const StoredRange> ranges, const RecordHead& head) {
  return std::ranges::any_of(ranges, [&](const StoredRange& range) {
    return range.boot == head.boot && static_cast<std::uint16_t>(range.stream) == head.stream &&
           range.begin <= head.first && head.first + head.count <= range.end;
  });
}

bool is_sample(const RecordHead& head) {
  return head.stream == static_cast<std::uint16_t>(Stream::samples);
}

}  // namespace

// What a coarse sample is made of.
struct FlashLog::Means {
  struct Sum {
    std::int64_t steps = 0;
    std::int32_t count = 0;
  };
  std::array<Sum, measurement::max_channels> powers{};

  // The mean so far, and the totals that `sample` has, into `into`.
  void add(const Sample& sample, Sample& into) {
    into.uptime = sample.uptime;
    for (std::size_t channel = 0; channel < sample.channels(); ++channel) {
      if (const auto power = sample.steps(Quantity::active_power, channel)) {
        auto& [steps, count] = powers[channel];
        steps += *power;
        ++count;
        const auto half = steps < 0 ? -count / 2 : count / 2;
        into.put_steps(Quantity::active_power, channel, (steps + half) / count);
      }
      for (const auto total : {Quantity::imported, Quantity::exported}) {
        if (const auto steps = sample.steps(total, channel)) into.put_steps(total, channel, steps);
      }
    }
  }
};

FlashLogOptions FlashLogOptions::of(std::size_t partition) {
  using namespace std::chrono_literals;
  const auto sectors = partition / Flash::sector;
  if (partition < large_partition) return {.fine_sectors = sectors / 2, .coarse_period = 60s};
  return {.fine_sectors = sectors / 4, .coarse_period = 10s};
}

FlashLog::FlashLog(Flash& flash, std::span<Sample> window, const FlashLogOptions& options)
    : inputs_(window.first(window.size() / 2)),
      thinned_(window.subspan(window.size() / 2, window.size() / 2)),
      coarse_period_(options.coarse_period),
      coarse_{.ring = FlashRing(flash, options.fine_sectors,
                                flash.size() / Flash::sector - options.fine_sectors)},
      fine_{.ring = FlashRing(flash, 0, options.fine_sectors)} {
  for (auto* lane : {&coarse_, &fine_}) {
    Place place = lane->ring.tail();
    for (auto head = lane->ring.find(place); head && lane->is_done(place, *head);
         head = lane->ring.find(place)) {
      place = lane->ring.after(place, *head);
    }
    lane->unstored = lane->sending = place;
  }
}

bool FlashLog::take(Outbox& outbox) {
  outbox.send_again();
  while (true) {
    make_room();  // Before the window has what is to be written.
    const auto report = outbox.next(inputs_.size());
    if (!report) return true;
    const auto count = append(fine_, *report);
    if (count == 0) return false;
    outbox.settle(count);
  }
}

// Returns how many of the report's samples were written.
std::size_t FlashLog::append(Lane& lane, const Report& report) {
  auto header = report.header;
  header.device = no_name;
  auto samples = report.samples;
  auto used = measurement::encode({header, samples}, payload_);
  while (!used && samples.size() > 1) {
    samples = samples.first(samples.size() / 2);
    used = measurement::encode({header, samples}, payload_);
  }
  if (!used) return 0;
  const Place kept = lane.ring.kept_from(*used);
  for (Place place = lane.ring.tail(); place < kept;) {
    const auto head = lane.ring.find(place);
    if (!head || place >= kept) break;
    if (!head->is_stored() && !head->is_thinned()) lost_ += head->count;
    place = lane.ring.after(place, *head);
  }
  for (auto* place : {&lane.unstored, &lane.sending}) *place = std::max(*place, kept);
  const RecordHead head{.boot = header.boot,
                        .first = samples[0].number,
                        .count = static_cast<std::uint16_t>(samples.size()),
                        .stream = static_cast<std::uint16_t>(header.stream)};
  return lane.ring.append(head, std::span(payload_).first(*used)) ? samples.size() : 0;
}

// ---- Thinning ----------------------------------------------------------------------------------

// So that the longest record erases nothing that would be missed.
void FlashLog::make_room() {
  const Place kept = fine_.ring.kept_from(FlashRing::longest_payload);
  while (waits_for_thinning(kept) && thin()) continue;
}

bool FlashLog::waits_for_thinning(Place end) {
  for (Place place = fine_.ring.tail(); place < end;) {
    const auto head = fine_.ring.find(place);
    if (!head || place >= end) return false;
    if (is_sample(*head) && !head->is_stored() && !head->is_thinned()) return true;
    place = fine_.ring.after(place, *head);
  }
  return false;
}

// Thins the oldest periods of one boot that are complete, as many as the window has places. False:
// nothing could be done.
bool FlashLog::thin() {
  auto& ring = fine_.ring;
  ReportHeader header;
  std::size_t count = 0;  // Of the periods begun.
  bool is_open = false;   // The last of them goes on.
  Means means;
  Place place = ring.tail();
  Place done = place;  // All before it is in periods that are over.
  const auto is_full = [&] { return count == thinned_.size() && !is_open; };
  while (!is_full()) {
    const auto head = ring.find(place);
    if (!head || (count > 0 && is_sample(*head) && head->boot != header.boot)) {
      if (head || count <= 1) is_open = false, done = place;  // No more of it will come.
      break;
    }
    const bool wanted = is_sample(*head) && !head->is_stored() && !head->is_thinned();
    const auto loaded = wanted ? load(fine_, place, *head) : std::nullopt;
    if (loaded) {
      const auto booted_at = loaded->booted_at ? loaded->booted_at : header.booted_at;
      header = *loaded;
      header.booted_at = booted_at;
    }
    for (const auto& sample : inputs_.first(loaded ? head->count : 0)) {
      const auto number = static_cast<std::uint64_t>(sample.uptime / coarse_period_);
      if (header.boot == thinned_boot_ && number < thinned_end_) continue;
      if (is_open && number != thinned_[count - 1].number) {
        is_open = false;
        done = place;
        if (is_full() || number != thinned_[count - 1].number + 1) break;
      }
      if (!is_open) {
        thinned_[count].clear(header.chips);
        thinned_[count++].number = number;
        means = {};
        is_open = true;
      }
      means.add(sample, thinned_[count - 1]);
    }
    if (count > 0 && !is_open) break;
    place = ring.after(place, *head);
  }

  const auto complete = thinned_.first(count - (is_open ? 1 : 0));
  header.stream = Stream::coarse;
  header.period = coarse_period_;
  for (auto left = complete; !left.empty();) {
    const auto written = append(coarse_, {header, left});
    if (written == 0) return false;
    left = left.subspan(written);
  }
  if (!complete.empty()) {
    thinned_boot_ = header.boot;
    thinned_end_ = complete.back().number + 1;
  }
  bool marked = false;
  for (place = ring.tail(); place < done;) {
    const auto head = ring.find(place);
    if (!head || place >= done) break;
    if (is_sample(*head) && !head->is_thinned()) ring.mark_thinned(place), marked = true;
    place = ring.after(place, *head);
  }
  return marked;
}

// ---- Sending -----------------------------------------------------------------------------------

// Into inputs_; nothing: it was torn, or the flash failed.
std::optional<ReportHeader> FlashLog::load(Lane& lane, Place place, const RecordHead& head) {
  if (!lane.ring.load(place, head, payload_)) return std::nullopt;
  const auto decoded = measurement::decode(std::span(payload_).first(head.length), inputs_);
  if (!decoded || decoded->count != head.count) return std::nullopt;
  auto header = decoded->header;
  header.device = no_name;
  return header;
}

std::optional<Report> FlashLog::next() {
  for (auto* lane : {&coarse_, &fine_}) {
    if (auto report = next(*lane)) {
      offered_ = lane;
      return report;
    }
  }
  return std::nullopt;
}

std::optional<Report> FlashLog::next(Lane& lane) {
  if (lane.flying >= max_under_way) return std::nullopt;
  while (true) {
    const bool repairs = lane.repair < lane.repair_end;
    Place& place = repairs ? lane.repair : lane.sending;
    const auto head = lane.ring.find(place);
    if (!head) return std::nullopt;
    if (repairs && place >= lane.repair_end) continue;
    if (!lane.is_done(place, *head)) {
      if (const auto header = load(lane, place, *head)) {
        return Report{*header, inputs_.first(head->count)};
      }
      lane.ring.mark_stored(place);  // It is lost, and nobody need look at it again.
      lost_ += head->count;
    }
    place = lane.ring.after(place, *head);
  }
}

void FlashLog::sent() {
  Place& place = offered_->repair < offered_->repair_end ? offered_->repair : offered_->sending;
  if (const auto head = offered_->ring.find(place)) place = offered_->ring.after(place, *head);
  ++offered_->flying;
}

void FlashLog::stored(const DecodedAnswer& answer) {
  stored(coarse_, answer);
  stored(fine_, answer);
}

void FlashLog::stored(Lane& lane, const DecodedAnswer& answer) {
  const auto ranges = std::span(answer.ranges).first(answer.count);
  // Of a hub that names all it has, nothing else is believed.
  const bool names_all = answer.asking_again && answer.count < measurement::max_stored_ranges;
  auto& ring = lane.ring;
  const Place end = answer.asking_again ? ring.head() : std::max(lane.sending, lane.repair_end);
  Place place = answer.asking_again ? ring.tail() : lane.unstored;
  std::optional<Place> hole;       // The first record that it does not have,
  std::optional<Place> overtaken;  // and the last one that it has in spite of it.
  std::uint32_t missing = 0;
  for (auto head = ring.find(place); head && place < end; head = ring.find(place)) {
    const bool held = holds(ranges, *head);
    if (held && !head->is_stored()) ring.mark_stored(place);
    if (held || head->is_thinned() || (!names_all && lane.is_done(place, *head))) {
      if (held && hole) overtaken = place;
    } else {
      ++missing;
      if (!hole) hole = place;
      if (head->is_stored()) lane.distrusted = ring.head();
    }
    place = ring.after(place, *head);
  }
  lane.unstored = hole ? *hole : place;
  lane.flying = missing;
  if (answer.asking_again) {
    lane.sending = lane.unstored;
    lane.repair = lane.repair_end = lane.flying = 0;
  }
  lane.sending = std::max(lane.sending, lane.unstored);
  if (overtaken && lane.repair >= lane.repair_end) {
    lane.repair = *hole;
    lane.repair_end = *overtaken;
  }
}

void FlashLog::send_again() {
  for (auto* lane : {&coarse_, &fine_}) {
    lane->sending = lane->unstored;
    lane->repair = lane->repair_end = lane->flying = 0;
  }
}

bool FlashLog::empty() {
  return std::ranges::none_of(std::array{&coarse_, &fine_}, [](Lane* lane) {
    Place place = lane->unstored;
    auto head = lane->ring.find(place);
    while (head && lane->is_done(place, *head)) {
      place = lane->ring.after(place, *head);
      head = lane->ring.find(place);
    }
    return head.has_value();
  });
}

}  // namespace firmware
