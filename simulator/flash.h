// Flash memory whose power may fail at any byte, and which counts its wear.

#pragma once

#include <cstdint>
#include <optional>
#include <random>
#include <vector>

#include "firmware/flash.h"

namespace simulator {

class SimulatedFlash final : public firmware::Flash {
 public:
  // New from the factory: erased.
  SimulatedFlash(std::size_t size, std::uint64_t seed) : bytes_(size, 0xFF), random_(seed) {
    erases_.resize(size / sector);
  }

  std::size_t size() const override { return bytes_.size(); }
  bool read(std::size_t offset, std::span<std::uint8_t> bytes) override;
  bool program(std::size_t offset, std::span<const std::uint8_t> bytes) override;
  bool erase(std::size_t offset) override;

  // The power fails while the byte after the next `bytes` is changed; an erase changes a whole
  // sector. Of that byte any bit may have changed, of a sector being erased any bit at all. From
  // then on everything fails until power_on().
  void cut_after(std::uint64_t bytes) { left_ = bytes; }
  bool is_off() const { return is_off_; }
  void power_on() {
    is_off_ = false;
    left_.reset();
  }
  void power_off() { is_off_ = true; }

  const std::vector<std::uint32_t>& erases() const { return erases_; }  // Of each sector.
  std::uint64_t changed() const { return changed_; }  // Bytes programmed or erased so far.

 private:
  bool goes_on(std::uint64_t bytes);  // Whether so many more can be changed.

  std::vector<std::uint8_t> bytes_;
  std::vector<std::uint32_t> erases_;
  std::mt19937_64 random_;
  std::optional<std::uint64_t> left_;
  std::uint64_t changed_ = 0;
  bool is_off_ = false;
};

}  // namespace simulator
