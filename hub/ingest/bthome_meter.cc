#include "hub/ingest/bthome_meter.h"

#include <fmt/format.h>

#include <array>
#include <charconv>
#include <fstream>
#include <stdexcept>
#include <utility>

#include "hub/ingest/esphome_ingest.h"
#include "hub/toml_file.h"

namespace hub {

using measurement::Quantity;
using measurement::Timestamp;
using namespace std::chrono_literals;
namespace fs = std::filesystem;

namespace {

constexpr auto keep_counter_every = 10s;

std::uint8_t hexadecimal(std::string_view two) {
  std::uint8_t byte = 0;
  std::from_chars(two.data(), two.data() + two.size(), byte, 16);
  return byte;
}

std::optional<OpensslAes> cipher_of(const std::string& key) {
  if (key.empty()) return std::nullopt;
  std::array<std::uint8_t, 16> bytes;
  for (std::size_t i = 0; i < bytes.size(); ++i) {
    bytes[i] = hexadecimal(std::string_view(key).substr(2 * i, 2));
  }
  return std::optional<OpensslAes>(std::in_place, bytes);
}

std::optional<std::uint32_t> counter_in(const fs::path& path) {
  std::ifstream file(path);
  if (!file.is_open()) return std::nullopt;
  std::uint32_t counter = 0;
  if (file >> counter) return counter;
  throw std::runtime_error(fmt::format("{} is damaged: delete it.", path.string()));
}

EsphomeNode node_of(const std::string& device) {
  return {.device = device,
          .channels = measurement::channels_per_chip,
          .entities = {{"voltage", Quantity::voltage, 0, 1},
                       {"current", Quantity::current, 0, 1},
                       {"power", Quantity::active_power, 0, 1},
                       {"energy", Quantity::imported, 0, 1}}};
}

EsphomeMemory memory_of(EsphomeFile& file, Store& store, const std::string& device) {
  // Of a damaged file, energy since the last sample is not known; counting goes on.
  auto memory = continued(file.load().value_or(EsphomeMemory{}), store, device);
  if (memory) return std::move(*memory);
  throw std::runtime_error(
      fmt::format("The samples of {} cannot be read: {}.", device, sentence(memory.error())));
}

}  // namespace

measurement::BluetoothAddress bluetooth_address(std::string_view text) {
  measurement::BluetoothAddress address;
  for (std::size_t i = 0; i < address.size(); ++i) address[i] = hexadecimal(text.substr(3 * i, 2));
  return address;
}

BthomeMeter::BthomeMeter(const BluetoothMeter& meter, Hub& hub, Store& store,
                         const fs::path& folder, std::function<std::uint64_t()> draw)
    : device_(meter.device),
      address_(bluetooth_address(meter.address)),
      folder_(folder),
      cipher_(cipher_of(meter.key)),
      counter_(counter_in(counter_file())),
      file_(folder / (meter.device + ".json")),
      meter_(node_of(device_), memory_of(file_, store, device_), std::move(draw)),
      hub_(hub) {
  hub_.admit(device_);
}

std::optional<std::string> BthomeMeter::hear(std::span<const std::uint8_t> service_data,
                                             Timestamp now) {
  const auto heard =
      measurement::decode_bthome(service_data, cipher_ ? &*cipher_ : nullptr, address_);
  if (!heard) {
    return fmt::format("{} is not understood over Bluetooth: {}.", device_,
                       measurement::sentence(heard.error()));
  }
  if (heard->counter) {
    if (heard->counter == counter_) return std::nullopt;
    if (auto trouble = refuse_repeated(*heard->counter, now)) return trouble;
  }
  const auto& reading = heard->reading;
  if (reading.packet && std::exchange(packet_, reading.packet) == reading.packet) {
    return std::nullopt;
  }
  const auto say = [&](const char* what, const auto& value) {
    if (value) meter_.hear(what, static_cast<double>(value->value), false, now);
  };
  say("voltage", reading.voltage);
  say("current", reading.current);
  say("power", reading.power);
  if (reading.energy) {
    meter_.hear("energy", static_cast<double>(reading.energy->value) / 1000, false, now);
  }
  return tick(now);
}

std::optional<std::string> BthomeMeter::refuse_repeated(std::uint32_t counter, Timestamp now) {
  if (counter_ && counter < *counter_) {
    return fmt::format(
        "An old advert of {} was heard again: somebody repeats it, or the device was reset; if it "
        "was, delete {} and start the hub again.",
        device_, counter_file().string());
  }
  if (now - counter_kept_at_ >= keep_counter_every || now < counter_kept_at_) {
    try {
      replace_file(counter_file(), fmt::format("{}\n", counter), 0644);
    } catch (const std::runtime_error& why) {
      return why.what();
    }
    counter_kept_at_ = now;
  }
  counter_ = counter;
  return std::nullopt;
}

std::optional<std::string> BthomeMeter::tick(Timestamp now) {
  return deliver(meter_, file_, hub_, now);
}

}  // namespace hub
