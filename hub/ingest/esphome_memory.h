// Where a node's energy counters stood, so that the hub's own restart counts nothing twice.

#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <expected>
#include <filesystem>
#include <optional>
#include <string>
#include <string_view>

#include "hub/store/store.h"
#include "measurement/sample.h"

namespace hub {

// What must outlive the hub, so that no energy counts twice. Kept before a sample that depends on
// it is confirmed.
struct EsphomeMemory {
  std::string mac;                     // The board's identity; empty: not known.
  std::uint64_t boot = 0;              // 0: none has begun.
  measurement::Timestamp booted_at{};  // The boot's first sample.
  std::uint64_t next = 0;              // Number of the boot's next sample.
  measurement::Timestamp last{};       // Time of the boot's last sample.

  // Where one of the node's energy counters stood when it last rose.
  struct Counter {
    std::string object_id;
    std::int64_t value = 0;  // mWh
    measurement::Timestamp rose_at{};

    friend bool operator==(const Counter&, const Counter&) = default;
  };
  // Imported, exported. A direction without a counter is integrated from power.
  template <class Value>
  using OfChannels = std::array<std::array<std::optional<Value>, 2>, measurement::max_channels>;
  OfChannels<std::int64_t> totals;  // mWh since the boot.
  OfChannels<Counter> counters;

  friend bool operator==(const EsphomeMemory&, const EsphomeMemory&) = default;
};

// The memory to go on with: it and the store may come from different backups. Where they tell of
// the same boot, the greater number and the greater totals count; else a new boot begins. A counter
// counts on only where the store cannot have more of it than this memory.
std::expected<EsphomeMemory, StoreError> continued(EsphomeMemory, Store&, std::string_view device);

// DATA/esphome/DEVICE.json, whole or not at all whenever the power fails:
//   {"version": 1, "mac": "aabbccddeeff", "boot": "0123456789abcdef", "booted_at_ms": 1, "next": 2,
//    "last_ms": 3, "channels": [{"imported_mwh": 4, "exported_mwh": 0, "counters":
//      [{"object_id": "ct1_kwh", "mwh": 5, "rose_at_ms": 6}, null]}, ...]}
std::string memory_text(const EsphomeMemory&);

// Absent: this is no such text.
std::optional<EsphomeMemory> memory_from(std::string_view text);

// The file of one node.
class EsphomeFile {
 public:
  explicit EsphomeFile(std::filesystem::path path) : path_(std::move(path)) {}

  // What it holds; nothing where there is none. Absent where it is damaged: the energy since the
  // last sample is then not known.
  std::optional<EsphomeMemory> load();

  // Writes it where that is needed: what the store keeps as well (numbers, integrated energy) is
  // taken from there. Throws std::runtime_error with one sentence.
  void keep(const EsphomeMemory&);

 private:
  std::filesystem::path path_;
  std::optional<EsphomeMemory> kept_;
};

}  // namespace hub
