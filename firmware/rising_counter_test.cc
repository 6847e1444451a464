#include "firmware/rising_counter.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <array>

namespace firmware {
namespace {

// A cut lets only so many bytes of the next write through.
class CutStorage final : public Storage {
 public:
  std::size_t size() const override { return bytes.size(); }
  bool read(std::size_t offset, std::span<std::uint8_t> into) override {
    if (is_dead) return false;
    std::copy_n(bytes.begin() + static_cast<std::ptrdiff_t>(offset), into.size(), into.begin());
    return true;
  }
  bool write(std::size_t offset, std::span<const std::uint8_t> from) override {
    ++writes;
    const auto count = std::min(let_through, from.size());
    std::copy_n(from.begin(), count, bytes.begin() + static_cast<std::ptrdiff_t>(offset));
    return !is_dead && count == from.size();
  }

  std::array<std::uint8_t, RisingCounter::storage_bytes> bytes = [] {
    std::array<std::uint8_t, RisingCounter::storage_bytes> erased;
    erased.fill(0xFF);
    return erased;
  }();
  std::size_t let_through = 100;
  std::size_t writes = 0;
  bool is_dead = false;
};

TEST(RisingCounter, NumbersAreNotGivenTwiceOverRestarts) {
  CutStorage storage;
  std::uint32_t last = 0;
  for (int restart = 0; restart < 20; ++restart) {
    RisingCounter counter(storage);
    for (int i = 0; i < 3; ++i) {
      const auto number = counter.next();
      ASSERT_TRUE(number);
      EXPECT_TRUE(*number > last || (restart == 0 && i == 0));
      last = *number;
    }
  }
  EXPECT_EQ(storage.writes, 20u);  // One a restart.
}

TEST(RisingCounter, APowerCutAtAnyByteOfAWriteGivesNoNumberTwice) {
  for (std::size_t cut = 0; cut < 8; ++cut) {
    CutStorage storage;
    std::uint32_t last = 0;
    for (int restart = 0; restart < 4; ++restart) {
      storage.let_through = restart % 2 == 1 ? cut : 100;
      RisingCounter counter(storage);
      const auto number = counter.next();
      ASSERT_EQ(number.has_value(), restart % 2 == 0) << cut;
      if (!number) continue;
      EXPECT_TRUE(*number > last || restart == 0) << cut;
      last = *number;
    }
  }
}

TEST(RisingCounter, ARunCostsOneWrite) {
  CutStorage storage;
  RisingCounter counter(storage);
  for (std::uint32_t i = 0; i <= RisingCounter::run; ++i) ASSERT_EQ(counter.next(), i);
  EXPECT_EQ(storage.writes, 2u);
}

TEST(RisingCounter, AStorageThatFailsOrIsUsedUpGivesNoNumber) {
  CutStorage dead;
  dead.is_dead = true;
  EXPECT_FALSE(RisingCounter(dead).next());

  CutStorage full;
  full.bytes = {0xFF, 0xFF, 0xFE, 0xFF, 0x00, 0x00, 0x01, 0x00};  // All but one run.
  RisingCounter last_run(full);
  EXPECT_EQ(last_run.next(), 0xFFFEFFFFu);
  EXPECT_FALSE(RisingCounter(full).next());
}

}  // namespace
}  // namespace firmware
