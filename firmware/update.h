// New firmware over the air: a signed manifest, an image into the slot that does not run, a look at
// what was written, and a self-test before the old one is given up.
//
// Which slot boots, and the return to the old one where the new does not start or does not call
// itself sound before the next restart, is the bootloader's part (ESP-IDF's, with rollback).

#pragma once

#include <cstddef>
#include <cstdint>
#include <expected>
#include <span>
#include <string_view>

#include "firmware/sha256.h"
#include "measurement/manifest.h"
#include "measurement/request.h"
#include "measurement/units.h"

namespace firmware {

using measurement::Manifest;
using measurement::max_manifest;
using measurement::read_manifest;
using measurement::Version;
using measurement::version_of;

using UpdateError = measurement::Reply::Outcome;  // From no_manifest on.

// ECDSA over P-256 and SHA-256, as openssl has it, with the key that was built in.
class SignatureCheck {
 public:
  virtual bool is_genuine(std::span<const std::uint8_t> text,
                          std::span<const std::uint8_t> signature) = 0;

 protected:
  ~SignatureCheck() = default;
};

// The slot that does not run, and the bootloader's choice.
class Slots {
 public:
  static constexpr std::size_t sector = 4096;

  virtual std::size_t size() const = 0;  // Whole sectors.
  // Erases a sector. False: the flash failed.
  virtual bool erase(std::size_t offset) = 0;
  virtual bool write(std::size_t offset, std::span<const std::uint8_t>) = 0;
  virtual bool read(std::size_t offset, std::span<std::uint8_t>) = 0;
  // What was written boots next, on trial. False: it cannot be booted, and nothing changes.
  virtual bool choose() = 0;

  virtual bool is_on_trial() const = 0;  // What runs.
  virtual bool keep() = 0;               // What runs boots from now on.
  virtual void fall_back() = 0;          // Restarts with the one before.

 protected:
  ~Slots() = default;
};

struct Running {
  Version version;
  std::string_view chip;
};

// One update at a time. Slots and signature check must outlive it. Allocates nothing. No call takes
// longer than erasing a sector, some 50 ms, but finish(): that reads and hashes the image, 2 to 3 s
// on an ESP32.
class Update {
 public:
  Update(Slots& slots, SignatureCheck& key, const Running& running)
      : slots_(slots), key_(key), running_(running) {}

  // Takes a manifest, in place of one before.
  std::expected<void, UpdateError> begin(std::string_view manifest);
  // The image's bytes from `offset`. What does not go on where the last ended is passed over:
  // written() says from where to send.
  std::expected<void, UpdateError> write(std::uint64_t offset, std::span<const std::uint8_t>);
  // Reads the slot again; then a restart boots the new image.
  std::expected<void, UpdateError> finish();
  void abandon() { size_ = 0; }

  bool is_under_way() const { return size_ > 0; }
  std::size_t written() const { return written_; }
  bool is_on_trial() const { return slots_.is_on_trial(); }  // What runs.

 private:
  Slots& slots_;
  SignatureCheck& key_;
  Running running_;
  Digest digest_{};
  std::size_t size_ = 0;
  std::size_t written_ = 0, erased_ = 0;
};

// Whether an image that is on trial may stay: all of this at once, within `patience`.
struct Soundness {
  bool chips_answer = false;   // Every one.
  bool storage_works = false;  // The outbox can be read and written.
  bool hub_heard = false;      // It has acknowledged what was sent.
};

class Trial {
 public:
  enum class Verdict : std::uint8_t { none, running, kept, failed };

  explicit Trial(Slots& slots) : slots_(slots) {}

  // Keeps what runs or falls back; nothing where it is not on trial.
  Verdict step(measurement::Uptime now, const Soundness&);

  static constexpr measurement::Uptime patience{300'000};

 private:
  Slots& slots_;
};

}  // namespace firmware
