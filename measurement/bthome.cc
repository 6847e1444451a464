#include "measurement/bthome.h"

#include <algorithm>
#include <cmath>
#include <limits>

namespace measurement {
namespace {

constexpr std::array<std::uint8_t, 3> flags = {0x02, 0x01, 0x06};  // Discoverable, no BR/EDR.
constexpr std::uint8_t service_data_16 = 0x16;
constexpr std::uint8_t version_2 = 2 << 5;
constexpr std::uint8_t version_bits = 7 << 5;
constexpr std::uint8_t encrypted_bit = 1;
constexpr std::uint8_t address_bit = 2;
constexpr std::size_t counter_bytes = 4;

enum Object : std::uint8_t {
  packet_id = 0x00,
  energy_24 = 0x0A,
  power_24 = 0x0B,
  voltage_milli = 0x0C,
  current_16 = 0x43,
  voltage_deci = 0x4A,
  energy_32 = 0x4D,
  text = 0x53,
  raw = 0x54,
  power_s32 = 0x5C,
  current_s16 = 0x5D,
};

// Bytes of each object's value, by its id; 0: not known, or its first byte tells (text and raw).
constexpr std::array<std::uint8_t, 0x65> value_bytes = {
    1, 1, 2, 2, 3, 3, 2, 2, 2, 1, 3, 3, 2, 2, 2, 1,  // 0x00
    1, 1, 2, 2, 2, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1,  // 0x10
    1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1,  // 0x20
    0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1, 0, 2, 2, 4, 2,  // 0x30
    2, 2, 3, 2, 2, 2, 1, 2, 2, 2, 2, 3, 4, 4, 4, 4,  // 0x40
    4, 2, 2, 0, 0, 4, 2, 1, 1, 1, 2, 4, 4, 2, 2, 2,  // 0x50
    1, 2, 4, 4, 1};                                  // 0x60

constexpr std::size_t all_objects = 4 + value_bytes[packet_id] + value_bytes[voltage_deci] +
                                    value_bytes[energy_32] + value_bytes[power_s32];
static_assert(flags.size() + 5 + all_objects + counter_bytes + sizeof(CcmTag) <= max_advert_bytes,
              "BUG: an encrypted advert does not fit");

CcmNonce nonce_of(const BluetoothAddress& sender, std::uint8_t device_information,
                  std::span<const std::uint8_t, counter_bytes> counter) {
  CcmNonce nonce;
  auto end = std::ranges::copy(sender, nonce.begin()).out;
  *end++ = bthome_uuid & 0xFF;
  *end++ = bthome_uuid >> 8;
  *end++ = device_information;
  std::ranges::copy(counter, end);
  return nonce;
}

class Writer {
 public:
  explicit Writer(std::span<std::uint8_t> into) : into_(into) {}

  void put(std::uint32_t value, std::size_t bytes) {
    for (; bytes > 0; --bytes, value >>= 8) into_[size_++] = static_cast<std::uint8_t>(value);
  }
  void object(Object id, std::optional<std::int64_t> value, std::int64_t least,
              std::int64_t greatest) {
    if (!value || *value < least || *value > greatest) return;
    put(id, 1);
    put(static_cast<std::uint32_t>(*value), value_bytes[id]);
  }

  std::size_t size() const { return size_; }
  std::span<std::uint8_t> from(std::size_t begin) const {
    return into_.subspan(begin, size_ - begin);
  }

 private:
  std::span<std::uint8_t> into_;
  std::size_t size_ = 0;
};

template <class Unit>
std::optional<std::int64_t> steps(std::optional<Unit> value, double resolution) {
  if (!value || !std::isfinite(value->value)) return std::nullopt;
  return std::llround(static_cast<double>(value->value) / resolution);
}

std::uint32_t unsigned_from(std::span<const std::uint8_t> bytes) {
  std::uint32_t value = 0;
  for (std::size_t i = bytes.size(); i > 0; --i) value = value << 8 | bytes[i - 1];
  return value;
}

template <class Unit>
void want(std::optional<Unit>& into, double steps, double resolution) {
  if (!into) into = Unit{static_cast<float>(steps * resolution)};
}

void take(std::uint8_t id, std::span<const std::uint8_t> bytes, BthomeReading& into) {
  const auto value = unsigned_from(bytes);
  switch (id) {
    case packet_id:
      if (!into.packet) into.packet = static_cast<std::uint8_t>(value);
      return;
    case energy_24:
    case energy_32:
      if (!into.energy) into.energy = MilliwattHours{std::int64_t{value} * 1000};
      return;
    case power_24:
      return want(into.power, value, 0.01);
    case power_s32:
      return want(into.power, static_cast<std::int32_t>(value), 0.01);
    case voltage_milli:
      return want(into.voltage, value, 0.001);
    case voltage_deci:
      return want(into.voltage, value, 0.1);
    case current_16:
      return want(into.current, value, 0.001);
    case current_s16:
      return want(into.current, static_cast<std::int16_t>(value), 0.001);
    default:
      return;
  }
}

std::expected<BthomeReading, BthomeError> read_objects(std::span<const std::uint8_t> bytes) {
  BthomeReading reading;
  while (!bytes.empty()) {
    const auto id = bytes[0];
    bytes = bytes.subspan(1);
    std::size_t size = id < value_bytes.size() ? value_bytes[id] : 0;
    if (id == text || id == raw) {
      if (bytes.empty()) return std::unexpected(BthomeError::malformed);
      size = bytes[0] + std::size_t{1};
    }
    if (size == 0) break;
    if (size > bytes.size()) return std::unexpected(BthomeError::malformed);
    take(id, bytes.first(size), reading);
    bytes = bytes.subspan(size);
  }
  return reading;
}

}  // namespace

const char* sentence(BthomeError why) {
  switch (why) {
    case BthomeError::malformed:
      return "it is no BTHome advert, or cut short";
    case BthomeError::other_version:
      return "its adverts are not of BTHome version 2: update its firmware";
    case BthomeError::encrypted:
      return "its adverts are encrypted: give its bind key in key_file";
    case BthomeError::not_encrypted:
      return "its adverts are not encrypted though it has a bind key: anybody may have sent them";
    case BthomeError::wrong_key:
      return "its adverts do not fit its bind key: look at key_file";
  }
  return "";
}

std::size_t encode_bthome(const BthomeReading& reading, const BthomeSeal* seal,
                          std::span<std::uint8_t, max_advert_bytes> advert) {
  const std::uint8_t information = version_2 | (seal ? encrypted_bit : 0);
  Writer writer(advert);
  for (const auto byte : flags) writer.put(byte, 1);
  const auto length_at = writer.size();
  writer.put(0, 1);
  writer.put(service_data_16, 1);
  writer.put(bthome_uuid, 2);
  writer.put(information, 1);

  const auto objects_at = writer.size();
  writer.object(packet_id, reading.packet, 0, 255);
  writer.object(voltage_deci, steps(reading.voltage, 0.1), 0, 65'535);
  const auto whole_wh = reading.energy ? std::optional(reading.energy->value / 1000) : std::nullopt;
  writer.object(energy_32, whole_wh, 0, std::numeric_limits<std::uint32_t>::max());
  writer.object(power_s32, steps(reading.power, 0.01), std::numeric_limits<std::int32_t>::min(),
                std::numeric_limits<std::int32_t>::max());

  if (seal) {
    std::array<std::uint8_t, counter_bytes> counter;
    Writer(counter).put(seal->counter, counter.size());
    const auto tag = measurement::seal(seal->cipher, nonce_of(seal->address, information, counter),
                                       writer.from(objects_at));
    writer.put(seal->counter, counter_bytes);
    for (const auto byte : tag) writer.put(byte, 1);
  }
  advert[length_at] = static_cast<std::uint8_t>(writer.size() - length_at - 1);
  return writer.size();
}

std::expected<DecodedBthome, BthomeError> decode_bthome(std::span<const std::uint8_t> service_data,
                                                        AesBlock* cipher, BluetoothAddress sender) {
  if (service_data.empty() || service_data.size() > 255) {
    return std::unexpected(BthomeError::malformed);
  }
  const auto information = service_data[0];
  if ((information & version_bits) != version_2) {
    return std::unexpected(BthomeError::other_version);
  }
  auto objects = service_data.subspan(1);
  if ((information & address_bit) != 0) {
    if (objects.size() < sender.size()) return std::unexpected(BthomeError::malformed);
    std::ranges::reverse_copy(objects.first(sender.size()), sender.begin());
    objects = objects.subspan(sender.size());
  }

  if ((information & encrypted_bit) == 0) {
    if (cipher) return std::unexpected(BthomeError::not_encrypted);
    const auto reading = read_objects(objects);
    if (!reading) return std::unexpected(reading.error());
    return DecodedBthome{*reading, std::nullopt};
  }

  if (!cipher) return std::unexpected(BthomeError::encrypted);
  if (objects.size() < counter_bytes + sizeof(CcmTag)) {
    return std::unexpected(BthomeError::malformed);
  }
  CcmTag tag;
  std::ranges::copy(objects.last(tag.size()), tag.begin());
  objects = objects.first(objects.size() - tag.size());
  const auto counter = objects.last<counter_bytes>();
  std::array<std::uint8_t, 255> buffer;
  const auto plain = std::span(buffer).first(objects.size() - counter_bytes);
  std::ranges::copy(objects.first(plain.size()), plain.begin());
  if (!open(*cipher, nonce_of(sender, information, counter), plain, tag)) {
    return std::unexpected(BthomeError::wrong_key);
  }
  const auto reading = read_objects(plain);
  if (!reading) return std::unexpected(reading.error());
  return DecodedBthome{*reading, unsigned_from(counter)};
}

}  // namespace measurement
