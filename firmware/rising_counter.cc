#include "firmware/rising_counter.h"

#include <array>
#include <limits>
#include <span>

namespace firmware {
namespace {

// A number, lowest byte first, and its complement: what a power cut left half written is neither.
// Two of them take turns.
using Record = std::array<std::uint8_t, RisingCounter::storage_bytes / 2>;

Record record_of(std::uint32_t number) {
  Record record;
  for (std::size_t i = 0; i < 4; ++i) {
    record[i] = static_cast<std::uint8_t>(number >> 8 * i);
    record[i + 4] = static_cast<std::uint8_t>(~record[i]);
  }
  return record;
}

std::optional<std::uint32_t> number_of(const Record& record) {
  std::uint32_t number = 0;
  for (std::size_t i = 0; i < 4; ++i) number |= std::uint32_t{record[i]} << 8 * i;
  return record == record_of(number) ? std::optional(number) : std::nullopt;
}

}  // namespace

std::optional<std::uint32_t> RisingCounter::next() {
  if (!is_recovered_ && !recover()) return std::nullopt;
  if (next_ == end_ && !reserve()) return std::nullopt;
  return next_++;
}

bool RisingCounter::recover() {
  for (std::size_t place = 0; place < 2; ++place) {
    Record record;
    if (!storage_.read(place * record.size(), record)) return false;
    const auto number = number_of(record);
    if (!number || *number < end_) continue;
    end_ = *number;
    place_ = 1 - place;
  }
  next_ = end_;
  is_recovered_ = true;
  return true;
}

bool RisingCounter::reserve() {
  if (end_ > std::numeric_limits<std::uint32_t>::max() - run) return false;
  const auto record = record_of(end_ + run);
  if (!storage_.write(place_ * record.size(), record)) return false;
  end_ += run;
  place_ = 1 - place_;
  return true;
}

}  // namespace firmware
