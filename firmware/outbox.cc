#include "firmware/outbox.h"

#include <algorithm>
#include <cstring>

#include "firmware/checksum.h"

namespace firmware {

using measurement::ReportHeader;
using measurement::Sample;
using measurement::StoredRange;

namespace {

constexpr std::uint16_t magic = 0x4F4C;  // "LO"
constexpr std::uint8_t not_stored = 0xFF;
constexpr std::uint8_t is_settled = 0x0F;
constexpr std::uint8_t is_stored = 0x00;  // Flash can clear bits without erasing.
constexpr std::size_t flag_offset = 5;
constexpr std::size_t alignment = 16;

constexpr std::size_t aligned(std::size_t size) {
  return (size + alignment - 1) / alignment * alignment;
}

bool holds(const StoredRange& range, std::uint64_t boot, std::uint8_t stream,
           std::uint64_t number) {
  return range.boot == boot && static_cast<std::uint8_t>(range.stream) == stream &&
         range.begin <= number && number < range.end;
}

}  // namespace

struct Outbox::Head {
  std::uint16_t magic_word = magic;
  std::uint16_t length = 0;  // Of the report that follows.
  std::uint8_t stream = 0;
  std::uint8_t flag = not_stored;
  std::uint16_t spare = 0;
  std::uint32_t checksum = 0;
  std::uint32_t sequence = 0;
  std::uint64_t boot = 0;
  std::uint64_t number = 0;

  std::size_t size() const { return aligned(head_size + length); }

  // Over all but the flag, which changes, and the checksum itself.
  std::uint32_t checksum_with(std::span<const std::uint8_t> payload) const {
    Head plain = *this;
    plain.flag = 0;
    plain.checksum = 0;
    std::array<std::uint8_t, head_size> bytes;
    std::memcpy(bytes.data(), &plain, head_size);
    return crc32(crc32(0, bytes), payload);
  }
};

Outbox::Outbox(Storage& storage, std::span<Sample> window) : storage_(storage), window_(window) {
  static_assert(sizeof(Head) == head_size, "BUG: the head of a record has its own size");
  recover();
}

bool Outbox::add(const ReportHeader& header, const Sample& sample) {
  const auto payload = std::span(record_).subspan(head_size);
  const auto used = measurement::encode({header, {&sample, 1}}, payload);
  Head head{.length = static_cast<std::uint16_t>(used.value_or(0)),
            .stream = static_cast<std::uint8_t>(header.stream),
            .sequence = head_.sequence,
            .boot = header.boot,
            .number = sample.number};
  if (!used || head.size() > storage_.size() / 2) {
    ++lost_;
    return false;
  }
  head.checksum = head.checksum_with(payload.first(*used));
  std::memcpy(record_.data(), &head, head_size);

  const bool all_stored = empty();
  const bool all_sent = sending_.sequence == head_.sequence;
  const Place place{make_room(head.size()), head_.sequence};
  if (!storage_.write(place.offset, std::span(record_).first(head_size + *used))) {
    ++lost_;
    return false;
  }
  if (tail_.sequence == place.sequence) tail_ = place;
  if (all_stored || unstored_.sequence == place.sequence) unstored_ = place;
  if (all_sent || sending_.sequence == place.sequence) sending_ = place;
  head_ = {place.offset + head.size(), place.sequence + 1};
  return true;
}

// Where `size` bytes may be written: at the head, or at the begin when they do not fit behind it.
std::size_t Outbox::make_room(std::size_t size) {
  std::size_t offset = head_.offset;
  if (offset + size > storage_.size()) {
    while (tail_.sequence != head_.sequence && tail_.offset >= offset) drop_oldest();
    offset = 0;
  }
  while (tail_.sequence != head_.sequence && tail_.offset >= offset &&
         tail_.offset < offset + size) {
    drop_oldest();
  }
  return offset;
}

void Outbox::drop_oldest() {
  const auto head = head_at(tail_.offset);
  if (!head || head->flag == not_stored) ++lost_;
  const Place next = after(tail_);
  if (unstored_.sequence == tail_.sequence) unstored_ = next;
  if (sending_.sequence == tail_.sequence) sending_ = next;
  tail_ = next;
}

std::optional<Outbox::Head> Outbox::head_at(std::size_t offset) {
  if (offset + head_size > storage_.size()) return std::nullopt;
  std::array<std::uint8_t, head_size> bytes;
  if (!storage_.read(offset, bytes)) return std::nullopt;
  Head head;
  std::memcpy(&head, bytes.data(), head_size);
  if (head.magic_word != magic || head_size + head.length > max_record ||
      offset + head.size() > storage_.size()) {
    return std::nullopt;
  }
  return head;
}

// With its payload, which is left in record_.
std::optional<Outbox::Head> Outbox::sound_head_at(std::size_t offset) {
  const auto head = head_at(offset);
  if (!head) return std::nullopt;
  const auto payload = std::span(record_).first(head->length);
  if (!storage_.read(offset + head_size, payload)) return std::nullopt;
  if (head->checksum_with(payload) != head->checksum) return std::nullopt;
  return head;
}

Outbox::Place Outbox::after(Place place) {
  const std::uint32_t next = place.sequence + 1;
  if (next == head_.sequence) return head_;
  const auto head = head_at(place.offset);
  const std::size_t behind = place.offset + (head ? head->size() : 0);
  const auto follower = head ? head_at(behind) : std::nullopt;
  return {follower && follower->sequence == next ? behind : 0, next};
}

// The ring's own order tells old from new: seen from behind the newest record, sequences rise one
// by one up to it. Where they jump, older laps shine through.
void Outbox::recover() {
  std::optional<Place> newest;
  for (std::size_t offset = 0; offset + head_size <= storage_.size();) {
    const auto head = sound_head_at(offset);
    if (head && (!newest || head->sequence - newest->sequence < 0x80000000u)) {
      newest = Place{offset, head->sequence};
    }
    offset += head ? head->size() : alignment;
  }
  if (!newest) return;

  head_ = {newest->offset + head_at(newest->offset)->size(), newest->sequence + 1};
  tail_ = *newest;
  std::optional<std::uint32_t> last;
  std::size_t offset = head_.offset;
  for (std::size_t left = storage_.size() / alignment; left > 0;) {
    if (offset + head_size > storage_.size()) offset = 0;
    const auto head = sound_head_at(offset);
    if (head && (!last || head->sequence != *last + 1)) tail_ = {offset, head->sequence};
    if (head) last = head->sequence;
    if (head && head->sequence == newest->sequence) break;
    const std::size_t step = head ? head->size() : alignment;
    offset += step;
    left -= std::min(left, step / alignment);
  }
  unstored_ = tail_;
  stored({});
  send_again();
}

std::optional<ReportHeader> Outbox::load(Place place, Sample& into) {
  const auto head = sound_head_at(place.offset);
  if (!head || head->sequence != place.sequence) return std::nullopt;
  const auto decoded = measurement::decode(std::span(record_).first(head->length), {&into, 1});
  if (!decoded) return std::nullopt;
  auto header = decoded->header;
  header.device = {};
  return header;
}

std::optional<measurement::Report> Outbox::next(std::size_t most) {
  if (sending_.sequence - unstored_.sequence >= max_under_way) return std::nullopt;
  most = std::min(most, window_.size());
  std::optional<ReportHeader> first;
  std::size_t count = 0;
  for (Place place = sending_; count < most && place.sequence != head_.sequence;
       place = after(place)) {
    const auto head = head_at(place.offset);
    const bool wanted = head && head->flag == not_stored;
    const auto header = wanted ? load(place, window_[count]) : std::nullopt;
    if (!header && !first) {  // Stored already, or damaged on the way: not to be sent.
      if (wanted) mark(place, is_stored), ++lost_;
      sending_ = after(place);
      continue;
    }
    const bool continues =
        header && first && header->boot == first->boot && header->stream == first->stream &&
        header->chips == first->chips && header->booted_at == first->booted_at &&
        header->period == first->period && window_[count].number == window_[count - 1].number + 1;
    if (first && !continues) break;
    first = first ? first : header;
    ++count;
  }
  if (!first) return std::nullopt;
  return measurement::Report{*first, window_.first(count)};
}

void Outbox::sent(std::size_t count) {
  for (; count > 0; --count) sending_ = after(sending_);
  if (sending_.sequence - furthest_ < 0x80000000u) furthest_ = sending_.sequence;
}

void Outbox::settle(std::size_t count) {
  for (; count > 0; --count) {
    mark(sending_, is_settled);
    sending_ = after(sending_);
  }
  pass_stored();
}

// Moves unstored_ to the oldest record that the hub does not have.
void Outbox::pass_stored() {
  while (unstored_.sequence != head_.sequence) {
    const auto head = head_at(unstored_.offset);
    if (head && head->flag == not_stored) break;
    unstored_ = after(unstored_);
  }
}

void Outbox::mark(Place place, std::uint8_t flag) {
  storage_.write(place.offset + flag_offset, {&flag, 1});
}

void Outbox::stored(const measurement::DecodedAnswer& answer) {
  const auto ranges = std::span(answer.ranges).first(answer.count);
  const bool complete = answer.count < measurement::max_stored_ranges;
  // A boot known in one piece from its begin hides nothing. Otherwise records that were stored once
  // may be missing now, and all of the ring is looked at.
  const auto whole = [&](const StoredRange& range) {
    return range.begin == 0 && std::ranges::count_if(ranges, [&](const StoredRange& other) {
                                 return other.boot == range.boot && other.stream == range.stream;
                               }) == 1;
  };
  const bool look_everywhere = answer.asking_again || !std::ranges::all_of(ranges, whole);

  const auto end = look_everywhere ? head_.sequence : furthest_;
  for (Place place = look_everywhere ? tail_ : unstored_;
       place.sequence != head_.sequence && end - place.sequence - 1 < 0x80000000u;
       place = after(place)) {
    const auto head = head_at(place.offset);
    if (!head) continue;
    const bool has = std::ranges::any_of(ranges, [&](const StoredRange& range) {
      return holds(range, head->boot, head->stream, head->number);
    });
    const bool speaks_of =
        answer.asking_again || std::ranges::any_of(ranges, [&](const auto& r) {
          return r.boot == head->boot && static_cast<std::uint8_t>(r.stream) == head->stream;
        });
    if (has && head->flag == not_stored) mark(place, is_stored);
    if (!has && head->flag == is_stored && look_everywhere && complete && speaks_of) {
      mark(place, not_stored);
    }
  }

  if (look_everywhere) unstored_ = tail_;
  pass_stored();
  const bool overtaken = unstored_.sequence - sending_.sequence < 0x80000000u;
  if (overtaken || look_everywhere) send_again();
}

void Outbox::send_again(std::uint64_t boot, measurement::Stream stream, std::uint64_t number) {
  for (Place place = tail_; place.sequence != head_.sequence; place = after(place)) {
    const auto head = head_at(place.offset);
    const bool asked = head && head->boot == boot &&
                       head->stream == static_cast<std::uint8_t>(stream) && head->number >= number;
    if (!asked) continue;
    if (head->flag == is_stored) mark(place, not_stored);
    if (place.sequence - unstored_.sequence >= 0x80000000u) unstored_ = place;
  }
  send_again();
}

float Outbox::fill() const {
  if (empty()) return 0;
  const auto taken = unstored_.offset < head_.offset
                         ? head_.offset - unstored_.offset
                         : storage_.size() - unstored_.offset + head_.offset;
  return static_cast<float>(taken) / static_cast<float>(storage_.size());
}

}  // namespace firmware
