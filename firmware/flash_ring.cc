#include "firmware/flash_ring.h"

#include <algorithm>
#include <array>
#include <cassert>
#include <cstddef>
#include <cstring>

#include "firmware/checksum.h"

namespace firmware {
namespace {

struct SectorHead {
  static constexpr std::uint32_t magic = 0x31474C4C;  // "LLG1", 1 is the format's version.

  std::uint32_t magic_word = magic;
  std::uint32_t sector = 0;  // Of the log.
  std::uint32_t first = 0;   // Behind this header, of the first record that begins here.
  std::uint32_t checksum = 0;

  std::uint32_t right_checksum() const {
    std::array<std::uint8_t, 12> bytes;
    std::memcpy(bytes.data(), this, bytes.size());
    return crc32(0, bytes);
  }
};

template <class Plain>
std::array<std::uint8_t, sizeof(Plain)> bytes_of(const Plain& plain) {
  std::array<std::uint8_t, sizeof(Plain)> bytes;
  std::memcpy(bytes.data(), &plain, bytes.size());
  return bytes;
}

// Over all but the marks, which change, and the checksum itself.
std::uint32_t checksum_of_head(RecordHead head) {
  head.checksum = 0;
  head.stored = head.thinned = RecordHead::not_yet;
  return crc32(0, bytes_of(head));
}

}  // namespace

FlashRing::FlashRing(Flash& flash, std::size_t begin, std::size_t sectors)
    : flash_(flash), begin_(begin), sectors_(sectors) {
  static_assert(sizeof(SectorHead) == sector_head && sizeof(RecordHead) == 40 &&
                    offsetof(RecordHead, stored) == offsetof_stored &&
                    offsetof(RecordHead, thinned) == offsetof_thinned,
                "BUG: what is in flash has its own sizes");
  assert(sectors >= 3 && "BUG: a ring that is full must keep more than it erases");
  recover();
}

// The newest sector tells where the log stands; those before it hang together or are of an older
// life of the partition.
void FlashRing::recover() {
  std::optional<std::uint32_t> newest;
  for (std::uint32_t place = 0; place < sectors_; ++place) {
    SectorHead head;
    std::array<std::uint8_t, sector_head> bytes;
    if (!flash_.read((begin_ + place) * Flash::sector, bytes)) continue;
    std::memcpy(&head, bytes.data(), bytes.size());
    const bool is_ours = head.magic_word == SectorHead::magic &&
                         head.checksum == head.right_checksum() && head.sector % sectors_ == place;
    if (is_ours && (!newest || head.sector > *newest)) newest = head.sector;
  }
  if (!newest) return;

  opened_ = *newest + 1;
  std::uint32_t oldest = *newest;
  while (oldest > 0 && *newest - oldest + 1 < sectors_ && first_in(oldest - 1)) --oldest;
  tail_ = *first_in(oldest);

  // Behind the last sound record there is nothing, or what a power cut left.
  Place place = *first_in(*newest);
  while (sector_of(place) == *newest && !is_blank(place)) {
    RecordHead head;
    std::array<std::uint8_t, sizeof head> bytes;
    const bool reads = read(place, bytes);
    std::memcpy(&head, bytes.data(), bytes.size());
    place = reads && is_sound(place, head) ? place + size_of(head.length) : begin_of(opened_);
  }
  head_ = place;
}

bool FlashRing::is_blank(Place place) {
  std::array<std::uint8_t, 64> bytes;
  const Place end = begin_of(sector_of(place) + 1);
  while (place < end) {
    const auto piece = std::span(bytes).first(
        static_cast<std::size_t>(std::min<Place>(bytes.size(), end - place)));
    if (!read(place, piece) || std::ranges::any_of(piece, [](auto byte) { return byte != 0xFF; })) {
      return false;
    }
    place += piece.size();
  }
  return true;
}

bool FlashRing::is_sound(Place place, const RecordHead& head) {
  return head.magic_word == RecordHead::magic && head.length <= longest_payload &&
         sector_of(place + size_of(head.length) - 1) < opened_ &&
         checksum_of(place, head) == head.checksum;
}

std::optional<std::uint32_t> FlashRing::checksum_of(Place place, const RecordHead& head) {
  auto sum = checksum_of_head(head);
  std::array<std::uint8_t, 64> bytes;
  for (std::size_t done = 0; done < head.length; done += bytes.size()) {
    const auto piece = std::span(bytes).first(std::min(bytes.size(), head.length - done));
    if (!read(place + sizeof head + done, piece)) return std::nullopt;
    sum = crc32(sum, piece);
  }
  return sum;
}

// Nothing: the sector is not of this log.
std::optional<FlashRing::Place> FlashRing::first_in(std::uint32_t sector) {
  SectorHead head;
  std::array<std::uint8_t, sector_head> bytes;
  if (!flash_.read(offset_of(sector), bytes)) return std::nullopt;
  std::memcpy(&head, bytes.data(), bytes.size());
  if (head.magic_word != SectorHead::magic || head.sector != sector ||
      head.checksum != head.right_checksum()) {
    return std::nullopt;
  }
  return begin_of(sector) + head.first;
}

std::optional<RecordHead> FlashRing::find(Place& place) {
  place = std::max(place, tail_);
  while (place < head_) {
    // A record that was torn says nothing of where the next begins; its sector does.
    const auto first = first_in(sector_of(place));
    if (first && place < *first) place = *first;
    RecordHead head;
    std::array<std::uint8_t, sizeof head> bytes;
    if (first && place < head_ && read(place, bytes)) {
      std::memcpy(&head, bytes.data(), bytes.size());
      if (head.magic_word == RecordHead::magic && head.length <= longest_payload) return head;
    }
    place = begin_of(sector_of(place) + 1);
  }
  place = head_;
  return std::nullopt;
}

bool FlashRing::load(Place place, const RecordHead& head, std::span<std::uint8_t> payload) {
  payload = payload.first(head.length);
  return place + size_of(head.length) <= head_ && read(place + sizeof head, payload) &&
         crc32(checksum_of_head(head), payload) == head.checksum;
}

FlashRing::Place FlashRing::kept_from(std::size_t payload) {
  const auto last = sector_of(head_ + size_of(payload) - 1);
  if (last < sectors_ || sector_of(tail_) > last - sectors_) return tail_;
  Place place = begin_of(static_cast<std::uint32_t>(last - sectors_ + 1));
  find(place);
  return place;
}

bool FlashRing::append(RecordHead head, std::span<const std::uint8_t> payload) {
  assert(payload.size() <= longest_payload && "BUG: a record is no longer than a sector");
  head.length = static_cast<std::uint16_t>(payload.size());
  head.checksum = crc32(checksum_of_head(head), payload);
  const Place place = head_;
  const Place behind = place + size_of(payload.size());
  tail_ = kept_from(payload.size());
  // Whatever fails below, the sector is left.
  head_ = begin_of(sector_of(behind - 1) + 1);
  while (opened_ <= sector_of(behind - 1)) {
    const auto first =
        begin_of(opened_) > place ? static_cast<std::size_t>(behind - begin_of(opened_)) : 0;
    if (!open(opened_, first)) return false;
  }
  // Words are written whole; what is behind the last byte stays blank.
  const std::size_t whole = payload.size() / Flash::word * Flash::word;
  std::array<std::uint8_t, Flash::word> last;
  last.fill(0xFF);
  std::ranges::copy(payload.subspan(whole), last.begin());
  if (!program(place, bytes_of(head)) || !program(place + sizeof head, payload.first(whole)) ||
      (whole < payload.size() && !program(place + sizeof head + whole, last))) {
    return false;
  }
  head_ = behind;
  return true;
}

bool FlashRing::open(std::uint32_t sector, std::size_t first) {
  ++opened_;
  SectorHead head{.sector = sector, .first = static_cast<std::uint32_t>(first)};
  head.checksum = head.right_checksum();
  return flash_.erase(offset_of(sector)) && flash_.program(offset_of(sector), bytes_of(head));
}

bool FlashRing::read(Place place, std::span<std::uint8_t> bytes) {
  const auto here = static_cast<std::size_t>(
      std::min<Place>(bytes.size(), begin_of(sector_of(place) + 1) - place));
  return flash_.read(offset_of(place), bytes.first(here)) &&
         (here == bytes.size() || read(place + here, bytes.subspan(here)));
}

bool FlashRing::program(Place place, std::span<const std::uint8_t> bytes) {
  const auto here = static_cast<std::size_t>(
      std::min<Place>(bytes.size(), begin_of(sector_of(place) + 1) - place));
  return (here == 0 || flash_.program(offset_of(place), bytes.first(here))) &&
         (here == bytes.size() || program(place + here, bytes.subspan(here)));
}

void FlashRing::clear_word(Place place, std::size_t offset) {
  program(place + offset, std::array<std::uint8_t, Flash::word>{});
}

}  // namespace firmware
