#include "simulator/boot_flash.h"

#include <zlib.h>

#include <algorithm>
#include <array>
#include <cassert>
#include <random>

namespace simulator {
namespace {

using Bytes = std::span<const std::uint8_t>;

constexpr std::uint8_t magic = 0xE9;

std::uint32_t word_at(Bytes bytes, std::size_t at) {
  return std::uint32_t{bytes[at]} | std::uint32_t{bytes[at + 1]} << 8 |
         std::uint32_t{bytes[at + 2]} << 16 | std::uint32_t{bytes[at + 3]} << 24;
}

std::array<std::uint8_t, 4> bytes_of(std::uint32_t word) {
  std::array<std::uint8_t, 4> bytes;
  for (std::size_t i = 0; i < 4; ++i) bytes[i] = static_cast<std::uint8_t>(word >> 8 * i);
  return bytes;
}

std::uint32_t checksum(std::uint32_t sequence) {
  return static_cast<std::uint32_t>(crc32(0, bytes_of(sequence).data(), 4));
}

}  // namespace

std::vector<std::uint8_t> bootable_image(std::size_t size, std::uint32_t seed,
                                         std::string_view version) {
  std::mt19937 random(seed);
  std::vector<std::uint8_t> image(size - sizeof(firmware::Digest));
  for (auto& byte : image) byte = static_cast<std::uint8_t>(random());
  // As measurement::read_app_image() reads it.
  constexpr std::size_t description = 32;
  std::fill_n(image.begin(), description + 80, std::uint8_t{0});
  const auto put = [&](std::size_t at, std::string_view text) {
    std::ranges::copy(text, image.begin() + static_cast<std::ptrdiff_t>(at));
  };
  image[0] = magic;
  put(description, "\x32\x54\xCD\xAB");
  put(description + 16, version.substr(0, 31));
  put(description + 48, "lenz_meter");
  firmware::Sha256 sum;
  sum.add(image);
  const auto digest = sum.digest();
  image.insert(image.end(), digest.begin(), digest.end());
  return image;
}

BootFlash::BootFlash(std::size_t slot_size, Bytes image)
    : slot_size_(slot_size), bytes_(2 * sector + 2 * slot_size, 0xff) {
  assert(slot_size % sector == 0 && image.size() <= slot_size && "BUG: no such slot");
  program(slot_begin(0), image);
  steps_ = 0;
}

int BootFlash::boot() {
  running_ = -1;
  // Who was on trial and did not call itself sound is given up.
  for (const int which : {0, 1}) {
    const auto found = choice(which);
    if (found.is_sound && found.state == State::on_trial) {
      put_choice(which, found.sequence, State::aborted);
    }
  }
  const int active = active_choice();
  const int wanted = active < 0 ? 0 : static_cast<int>((choice(active).sequence - 1) % 2);
  if (active >= 0 && choice(active).state == State::fresh) {
    put_choice(active, choice(active).sequence, State::on_trial);
  }
  for (const int slot : {wanted, 1 - wanted}) {
    if (has_power_ && is_bootable(slot)) return running_ = slot;
  }
  return -1;
}

Bytes BootFlash::running_image() const { return slot_bytes(running_); }

bool BootFlash::erase(std::size_t offset) {
  const auto begin = slot_begin(1 - running_) + offset;
  return erase_sectors(begin, begin + sector);
}

bool BootFlash::write(std::size_t offset, Bytes bytes) {
  return program(slot_begin(1 - running_) + offset, bytes);
}

bool BootFlash::read(std::size_t offset, std::span<std::uint8_t> into) {
  std::ranges::copy(slot_bytes(1 - running_).subspan(offset, into.size()), into.begin());
  return has_power_;
}

bool BootFlash::choose() {
  const int slot = 1 - running_;
  if (!is_bootable(slot)) return false;
  const int active = active_choice();
  auto sequence = active < 0 ? 0 : choice(active).sequence;
  do ++sequence;
  while ((sequence - 1) % 2 != static_cast<std::uint32_t>(slot));
  return put_choice(active < 0 ? 0 : 1 - active, sequence, State::fresh);
}

bool BootFlash::is_on_trial() const {
  const int active = active_choice();
  return active >= 0 && choice(active).state == State::on_trial;
}

bool BootFlash::keep() {
  const int active = active_choice();
  return active >= 0 && put_choice(active, choice(active).sequence, State::valid);
}

void BootFlash::fall_back() {
  const int active = active_choice();
  if (active >= 0 && put_choice(active, choice(active).sequence, State::invalid)) boot();
}

// Sequence, 20 bytes of label, state, checksum of the sequence.
BootFlash::Choice BootFlash::choice(int which) const {
  const auto record = std::span(bytes_).subspan(static_cast<std::size_t>(which) * sector, 32);
  const auto sequence = word_at(record, 0);
  const auto state = static_cast<State>(word_at(record, 24));
  return {sequence, state,
          sequence != 0xffffffff && word_at(record, 28) == checksum(sequence) &&
              state != State::invalid && state != State::aborted};
}

int BootFlash::active_choice() const {
  const auto a = choice(0), b = choice(1);
  if (a.is_sound && b.is_sound) return a.sequence > b.sequence ? 0 : 1;
  return a.is_sound ? 0 : b.is_sound ? 1 : -1;
}

bool BootFlash::put_choice(int which, std::uint32_t sequence, State state) {
  std::array<std::uint8_t, 32> record;
  record.fill(0xff);
  std::ranges::copy(bytes_of(sequence), record.begin());
  std::ranges::copy(bytes_of(static_cast<std::uint32_t>(state)), record.begin() + 24);
  std::ranges::copy(bytes_of(checksum(sequence)), record.begin() + 28);
  const auto begin = static_cast<std::size_t>(which) * sector;
  return erase_sectors(begin, begin + sector) && program(begin, record);
}

// What is behind the image is not looked at: its size is where its digest fits.
bool BootFlash::is_bootable(int slot) const {
  const auto bytes = slot_bytes(slot);
  if (bytes[0] != magic) return false;
  const auto last =
      std::find_if(bytes.rbegin(), bytes.rend(), [](auto byte) { return byte != 0xff; });
  const auto written = static_cast<std::size_t>(bytes.rend() - last);
  // A digest may itself end in ones.
  for (auto size = written; size < std::min(written + 4, bytes.size() + 1); ++size) {
    if (size < 1 + sizeof(firmware::Digest)) continue;
    firmware::Sha256 sum;
    sum.add(bytes.first(size - sizeof(firmware::Digest)));
    const auto digest = sum.digest();
    if (std::ranges::equal(digest, bytes.subspan(size - digest.size(), digest.size()))) return true;
  }
  return false;
}

Bytes BootFlash::slot_bytes(int slot) const {
  return std::span(bytes_).subspan(slot_begin(slot), slot_size_);
}

BootFlash::Step BootFlash::step() {
  if (!has_power_) return Step::none;
  if (steps_left_ == 0) {
    has_power_ = false;
    return within_ ? Step::half : Step::none;
  }
  --steps_left_;
  ++steps_;
  return Step::whole;
}

bool BootFlash::erase_sectors(std::size_t begin, std::size_t end) {
  for (; begin < end; begin += sector) {
    const auto done = step();
    if (done == Step::none) return false;
    std::fill_n(bytes_.begin() + static_cast<std::ptrdiff_t>(begin),
                done == Step::whole ? sector : sector / 2, 0xff);
    if (done == Step::half) return false;
  }
  return true;
}

bool BootFlash::program(std::size_t begin, Bytes from) {
  for (std::size_t i = 0; i < from.size(); ++i) {
    const auto done = step();
    if (done == Step::none) return false;
    bytes_[begin + i] &= static_cast<std::uint8_t>(from[i] | (done == Step::half ? 0x55 : 0));
    if (done == Step::half) return false;
  }
  return true;
}

}  // namespace simulator
