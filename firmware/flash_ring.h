// Records in a ring of flash sectors, which outlive a power cut at any byte.

#pragma once

#include <cstdint>
#include <optional>
#include <span>

#include "firmware/flash.h"

namespace firmware {

// What stands before each record, 40 bytes. The two marks are set by clearing their words, and are
// outside the checksum.
struct RecordHead {
  static constexpr std::uint16_t magic = 0x524C;  // "LR"
  static constexpr std::uint32_t not_yet = 0xFFFFFFFF;

  std::uint16_t magic_word = magic;
  std::uint16_t length = 0;  // Of the payload that follows.
  std::uint32_t checksum = 0;
  std::uint64_t boot = 0;
  std::uint64_t first = 0;  // Number of the first of `count` samples.
  std::uint16_t count = 0;
  std::uint16_t stream = 0;
  std::uint32_t stored = not_yet;   // The hub has it.
  std::uint32_t thinned = not_yet;  // It is in the samples of a coarser ring.
  std::uint32_t spare = not_yet;

  bool is_stored() const { return stored != not_yet; }
  bool is_thinned() const { return thinned != not_yet; }
};

// A log of bytes through `sectors` sectors, each behind a header with the sector's place in the log
// and the place of the first record that begins in it; a record may run on into the next sector.
// What a power cut tore is the last record of its sector: writing goes on in the next one. When the
// ring is full its oldest sector is erased, with all records that begin there.
//
// The flash must outlive the ring. Allocates nothing.
class FlashRing {
 public:
  // Byte of the log, headers of sectors not counted: it rises for ever.
  using Place = std::uint64_t;

  static constexpr std::size_t sector_head = 16;
  static constexpr std::size_t room = Flash::sector - sector_head;  // For records, in a sector.
  static constexpr std::size_t longest_record = room;               // With its head.
  static constexpr std::size_t longest_payload = longest_record - sizeof(RecordHead);

  // Sectors `begin` to `begin + sectors` of the flash; at least 3. Finds what is in them.
  FlashRing(Flash& flash, std::size_t begin, std::size_t sectors);

  // The record at `place` or behind it, to which `place` is moved; nothing: there is none, and
  // `place` is head().
  std::optional<RecordHead> find(Place& place);
  // Where to look for the next one.
  static Place after(Place place, const RecordHead& head) {
    const Place end = place + size_of(head.length);
    return sector_of(end) == sector_of(place) ? end : begin_of(sector_of(place) + 1);
  }

  // Fills the begin of `payload`. False: the record was torn, or the flash failed.
  bool load(Place place, const RecordHead& head, std::span<std::uint8_t> payload);

  // False: the flash failed and the record is not kept.
  bool append(RecordHead head, std::span<const std::uint8_t> payload);

  // From where on records stay when one of `payload` bytes is appended: tail() when there is room.
  Place kept_from(std::size_t payload);

  void mark_stored(Place place) { clear_word(place, offsetof_stored); }
  void mark_thinned(Place place) { clear_word(place, offsetof_thinned); }

  Place tail() const { return tail_; }  // Oldest record.
  Place head() const { return head_; }  // Where the next goes.
  std::size_t sectors() const { return sectors_; }

 private:
  static constexpr std::size_t offsetof_stored = 28;
  static constexpr std::size_t offsetof_thinned = 32;

  static constexpr std::size_t size_of(std::size_t payload) {
    return (sizeof(RecordHead) + payload + Flash::word - 1) / Flash::word * Flash::word;
  }
  static std::uint32_t sector_of(Place place) { return static_cast<std::uint32_t>(place / room); }
  static Place begin_of(std::uint32_t sector) { return Place{sector} * room; }

  std::size_t offset_of(std::uint32_t sector) const {
    return (begin_ + sector % sectors_) * Flash::sector;
  }
  std::size_t offset_of(Place place) const {
    return offset_of(sector_of(place)) + sector_head + static_cast<std::size_t>(place % room);
  }
  std::optional<Place> first_in(std::uint32_t sector);
  bool open(std::uint32_t sector, std::size_t first);
  void recover();
  bool is_sound(Place place, const RecordHead& head);
  bool is_blank(Place place);
  bool read(Place place, std::span<std::uint8_t> bytes);
  bool program(Place place, std::span<const std::uint8_t> bytes);
  void clear_word(Place place, std::size_t offset);
  std::optional<std::uint32_t> checksum_of(Place place, const RecordHead& head);

  Flash& flash_;
  std::size_t begin_, sectors_;
  std::uint32_t opened_ = 0;  // Sectors of the log, from its begin, that were opened.
  Place tail_ = 0;
  Place head_ = 0;
};

}  // namespace firmware
