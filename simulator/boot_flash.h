// A flash with two slots for images, and a bootloader that chooses between them as ESP-IDF's does
// with rollback (bootloader_utility.c and esp_ota_ops.c, release 5.3).

#pragma once

#include <cstddef>
#include <cstdint>
#include <limits>
#include <span>
#include <string_view>
#include <vector>

#include "firmware/update.h"

namespace simulator {

// What can be booted: an image of the meter for the ESP32, of anything, and the digest of all that.
std::vector<std::uint8_t> bootable_image(std::size_t size, std::uint32_t seed,
                                         std::string_view version = "1.0.0");

// Erasing a sector of 4 KiB makes its bits ones, programming only clears bits. The power can be cut
// after any number of steps: of a sector erased, of a byte programmed.
class BootFlash final : public firmware::Slots {
 public:
  // With `image` in the first slot, as from the factory.
  BootFlash(std::size_t slot_size, std::span<const std::uint8_t> image);

  // The bootloader chooses. Returns the slot, 0 or 1; -1: neither can be booted, or the power went.
  int boot();
  std::span<const std::uint8_t> running_image() const;

  // After so many further steps the power goes; `within` the next one, which is then half done.
  void cut_power_after(std::uint64_t steps, bool within = true) {
    steps_left_ = steps;
    within_ = within;
  }
  void restore_power() {
    steps_left_ = std::numeric_limits<std::uint64_t>::max();
    has_power_ = true;
  }
  bool has_power() const { return has_power_; }
  std::uint64_t steps() const { return steps_; }  // Done so far.

  std::size_t size() const override { return slot_size_; }
  bool erase(std::size_t offset) override;
  bool write(std::size_t offset, std::span<const std::uint8_t>) override;
  bool read(std::size_t offset, std::span<std::uint8_t>) override;
  bool choose() override;
  bool is_on_trial() const override;
  bool keep() override;
  void fall_back() override;

 private:
  enum class State : std::uint32_t {
    fresh = 0,
    on_trial = 1,
    valid = 2,
    invalid = 3,
    aborted = 4,
    undefined = 0xffffffff,
  };
  // One of the two records that say what boots; of 32 bytes.
  struct Choice {
    std::uint32_t sequence;
    State state;
    bool is_sound;  // Its checksum is right, and it was not given up.
  };

  Choice choice(int which) const;
  int active_choice() const;  // -1: none.
  bool put_choice(int which, std::uint32_t sequence, State);
  bool is_bootable(int slot) const;
  std::span<const std::uint8_t> slot_bytes(int slot) const;
  std::size_t slot_begin(int slot) const {
    return 2 * sector + static_cast<std::size_t>(slot) * slot_size_;
  }
  enum class Step : std::uint8_t { whole, half, none };
  Step step();
  bool erase_sectors(std::size_t begin, std::size_t end);
  bool program(std::size_t begin, std::span<const std::uint8_t>);

  std::size_t slot_size_;
  std::vector<std::uint8_t> bytes_;
  int running_ = -1;
  std::uint64_t steps_ = 0;
  std::uint64_t steps_left_ = std::numeric_limits<std::uint64_t>::max();
  bool within_ = true;
  bool has_power_ = true;
};

}  // namespace simulator
