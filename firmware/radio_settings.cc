#include "firmware/radio_settings.h"

#include <algorithm>

namespace firmware {

using improv::Radio;

namespace {

constexpr std::uint64_t least_bytes_a_month = 200'000;  // Of 42 channels at the least detail.
using improv::max_radio_settings;
constexpr std::array keys = {"bluetooth", "lorawan", "cellular"};

const char* key_of(Radio radio) { return keys[static_cast<std::size_t>(radio)]; }

// Numbers have their low byte first; keys and identities are as they are printed.
class Reader {
 public:
  explicit Reader(std::span<const std::uint8_t> bytes) : bytes_(bytes) {}

  std::uint64_t number(std::size_t size) {
    std::uint64_t value = 0;
    const auto bytes = take(size);
    for (std::size_t i = 0; i < bytes.size(); ++i) value |= std::uint64_t{bytes[i]} << 8 * i;
    return value;
  }
  template <std::size_t size>
  void copy(std::array<std::uint8_t, size>& into) {
    std::ranges::copy(take(size), into.begin());
  }
  std::span<const std::uint8_t> rest() const { return bytes_; }

 private:
  std::span<const std::uint8_t> take(std::size_t size) {
    const auto taken = bytes_.first(std::min(size, bytes_.size()));
    bytes_ = bytes_.subspan(taken.size());
    return taken;
  }
  std::span<const std::uint8_t> bytes_;
};

constexpr std::size_t key_size = 16;

// The same way back.
class Writer {
 public:
  explicit Writer(std::span<std::uint8_t> bytes) : bytes_(bytes) {}

  void number(std::uint64_t value, std::size_t size) {
    for (std::size_t i = 0; i < size; ++i) put(static_cast<std::uint8_t>(value >> 8 * i));
  }
  void copy(std::span<const std::uint8_t> from) {
    for (const auto byte : from) put(byte);
  }
  void withhold_key() { number(0, key_size); }
  std::size_t size() const { return size_; }

 private:
  void put(std::uint8_t byte) {
    if (size_ < bytes_.size()) bytes_[size_++] = byte;
  }
  std::span<std::uint8_t> bytes_;
  std::size_t size_ = 0;
};

constexpr std::size_t mains_size = 6,
                      lorawan_size = mains_size + 8 + 8 + key_size + 1 + 1 + 2 + 1 + 4;
constexpr const char* other_size = "These are not the bytes of this command.";

bool has_channels(std::uint64_t mains) { return mains >> measurement::max_channels == 0; }
bool is_zero(std::span<const std::uint8_t> bytes) {
  return std::ranges::all_of(bytes, [](std::uint8_t byte) { return byte == 0; });
}

const char* read_bluetooth(Reader reader, RadioSettings::Bluetooth& into) {
  into.mains = reader.number(mains_size);
  const auto rest = reader.rest().size();
  if (rest != 0 && rest != key_size) return other_size;
  if (rest != 0) reader.copy(into.bind_key.emplace());
  return has_channels(into.mains) ? nullptr : "A meter has 42 channels at most.";
}

const char* read_lorawan(Reader reader, RadioSettings::Lorawan& into) {
  if (reader.rest().size() != lorawan_size) return other_size;
  auto& link = into.link;
  into.mains = reader.number(mains_size);
  reader.copy(link.dev_eui);
  reader.copy(link.join_eui);
  reader.copy(link.app_key);
  const auto region = reader.number(1);
  const auto dwell = reader.number(1);
  link.sub_bands = static_cast<std::uint16_t>(reader.number(2));
  link.port = static_cast<std::uint8_t>(reader.number(1));
  const auto seconds = reader.number(4);
  if (!has_channels(into.mains)) return "A meter has 42 channels at most.";
  if (is_zero(link.dev_eui) || is_zero(link.app_key)) return "DevEUI and AppKey must be given.";
  if (region > static_cast<std::uint64_t>(LoraRegion::in865)) return "The region is not known.";
  if (dwell > 1) return other_size;
  if (link.port == 0 || link.port > 223) return "A port is 1 to 223.";
  if (seconds == 0 || seconds > 86'400) return "Of a day 1 to 86,400 s may be on the air.";
  link.region = static_cast<LoraRegion>(region);
  link.dwell_limited = dwell == 1;
  link.air_time_a_day = std::chrono::seconds(seconds);
  return nullptr;
}

// The name goes into a command of the modem, between quotes.
const char* read_cellular(Reader reader, RadioSettings::Cellular& into) {
  into.bytes_a_month = 1000 * reader.number(4);
  const auto name = reader.rest();
  const bool is_name = std::ranges::all_of(name, [](std::uint8_t c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-' ||
           c == '.' || c == '_';
  });
  if (into.bytes_a_month < least_bytes_a_month) return "Fewer than 200 kB a month are too few.";
  if (!is_name || name.empty()) return "An access point's name has letters, digits and . - _ only.";
  if (!into.access_point.set({reinterpret_cast<const char*>(name.data()), name.size()})) {
    return "The access point's name is too long.";
  }
  return nullptr;
}

template <class Read, class Settings>
const char* read_into(std::optional<Settings>& settings, std::span<const std::uint8_t> bytes,
                      Read read) {
  Settings wanted;
  const char* trouble = bytes.empty() ? nullptr : read(Reader(bytes), wanted);
  if (trouble) return trouble;
  settings.reset();
  if (!bytes.empty()) settings = wanted;
  return nullptr;
}

}  // namespace

void RadioSettings::load(KeyValues& kept, const Assembly& assembly) {
  for (const auto radio : {Radio::bluetooth, Radio::lorawan, Radio::cellular}) {
    std::array<std::uint8_t, 1 + max_radio_settings> bytes;
    const auto size = kept.get(key_of(radio), bytes);
    if (size && *size > 1) read(radio, std::span(bytes).first(*size).subspan(1), assembly);
  }
}

const char* RadioSettings::keep(KeyValues& kept, Radio radio, std::span<const std::uint8_t> said,
                                const Assembly& assembly) {
  auto wanted = *this;
  if (const char* trouble = wanted.read(radio, said, assembly)) return trouble;
  // Behind a byte, since a value is not empty.
  std::array<std::uint8_t, 1 + max_radio_settings> bytes{1};
  std::ranges::copy(said, bytes.begin() + 1);
  const bool takes_modem = radio != Radio::bluetooth && !said.empty();
  const auto other = radio == Radio::lorawan ? Radio::cellular : Radio::lorawan;
  const bool is_kept = (!takes_modem || kept.put(key_of(other), std::span(bytes).first(1))) &&
                       kept.put(key_of(radio), std::span(bytes).first(1 + said.size()));
  if (!is_kept) return "The settings could not be written.";
  *this = wanted;
  return nullptr;
}

std::size_t RadioSettings::tell(Radio radio, std::span<std::uint8_t> bytes) const {
  Writer writer(bytes);
  if (radio == Radio::bluetooth && bluetooth) {
    writer.number(bluetooth->mains, mains_size);
    if (bluetooth->bind_key) writer.withhold_key();
  }
  if (radio == Radio::lorawan && lorawan) {
    const auto& link = lorawan->link;
    writer.number(lorawan->mains, mains_size);
    writer.copy(link.dev_eui);
    writer.copy(link.join_eui);
    writer.withhold_key();
    writer.number(static_cast<std::uint64_t>(link.region), 1);
    writer.number(link.dwell_limited, 1);
    writer.number(link.sub_bands, 2);
    writer.number(link.port, 1);
    const auto seconds = std::chrono::floor<std::chrono::seconds>(link.air_time_a_day);
    writer.number(static_cast<std::uint64_t>(seconds.count()), 4);
  }
  if (radio == Radio::cellular && cellular) {
    const auto name = cellular->access_point.view();
    writer.number(cellular->bytes_a_month / 1000, 4);
    writer.copy({reinterpret_cast<const std::uint8_t*>(name.data()), name.size()});
  }
  return writer.size();
}

const char* RadioSettings::read(Radio radio, std::span<const std::uint8_t> bytes,
                                const Assembly& assembly) {
  if (bytes.size() > max_radio_settings) return other_size;
  if (radio == Radio::bluetooth) return read_into(bluetooth, bytes, read_bluetooth);
  if (!bytes.empty() && !assembly.modem) {
    return "The pins of the modem are not known: give the board with them first.";
  }
  const char* trouble = radio == Radio::lorawan ? read_into(lorawan, bytes, read_lorawan)
                                                : read_into(cellular, bytes, read_cellular);
  if (trouble || bytes.empty()) return trouble;
  if (radio == Radio::lorawan) {
    cellular.reset();
  } else {
    lorawan.reset();
  }
  return nullptr;
}

}  // namespace firmware
