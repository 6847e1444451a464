// The BTHome adverts of one Bluetooth device, as a meter with one clamp.
//
//   advert ── key? ── counter rises? ──> EsphomeMeter: rounds and counters ──> its file, then the
//   hub

#pragma once

#include <cstdint>
#include <filesystem>
#include <functional>
#include <optional>
#include <span>
#include <string>

#include "hub/hub.h"
#include "hub/ingest/esphome_memory.h"
#include "hub/ingest/esphome_meter.h"
#include "hub/net/openssl_aes.h"
#include "hub/partners.h"
#include "hub/store/store.h"
#include "measurement/bthome.h"

namespace hub {

// "54:48:E6:8F:80:A5", as partners.toml has checked it.
measurement::BluetoothAddress bluetooth_address(std::string_view);

// Hub and store outlive it. One for each device, which it admits.
class BthomeMeter {
 public:
  // Goes on where `folder` and the store have it. Throws std::runtime_error with one sentence.
  BthomeMeter(const BluetoothMeter&, Hub&, Store&, const std::filesystem::path& folder,
              std::function<std::uint64_t()> draw);

  // A sentence where something is wrong. An advert that was heard before is passed over, and so is
  // one whose counter has fallen: whoever recorded it says it again. The counter is written down
  // every ten seconds: what was recorded in the ten before a crash may be heard once more.
  std::optional<std::string> hear(std::span<const std::uint8_t> service_data,
                                  measurement::Timestamp now);

  // To be called twice a second.
  std::optional<std::string> tick(measurement::Timestamp now);

 private:
  std::optional<std::string> refuse_repeated(std::uint32_t counter, measurement::Timestamp now);
  std::filesystem::path counter_file() const { return folder_ / (device_ + ".counter"); }

  const std::string device_;
  const measurement::BluetoothAddress address_;
  const std::filesystem::path folder_;
  std::optional<OpensslAes> cipher_;
  std::optional<std::uint32_t> counter_;  // Of the newest advert.
  measurement::Timestamp counter_kept_at_{};
  std::optional<std::uint8_t> packet_;
  EsphomeFile file_;
  EsphomeMeter meter_;
  Hub& hub_;
};

}  // namespace hub
