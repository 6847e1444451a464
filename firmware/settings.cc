#include "firmware/settings.h"

#include <algorithm>

#include "firmware/text.h"
#include "measurement/report.h"
#include "measurement/request_codec.h"

namespace firmware {
namespace {

std::span<const std::uint8_t> bytes_of(std::string_view text) {
  return {reinterpret_cast<const std::uint8_t*>(text.data()), text.size()};
}

template <std::size_t size>
void load_word(KeyValues& kept, const char* key, Word<size>& word) {
  std::array<std::uint8_t, size> bytes;
  const auto found = kept.get(key, bytes);
  if (found) word.set({reinterpret_cast<const char*>(bytes.data()), *found});
}

template <std::size_t size>
bool keep_word(KeyValues& kept, const char* key, Word<size>& word, std::string_view text) {
  return text.size() <= size && kept.put(key, bytes_of(text)) && word.set(text);
}

// Board, add-ons, line frequency, the modem's two pins, LED and button, and each chip's select.
constexpr std::size_t assembly_size = 7 + measurement::max_chips;

std::uint8_t byte_of(Pin pin) { return static_cast<std::uint8_t>(pin); }
Pin pin_of(std::uint8_t byte) { return static_cast<Pin>(byte); }

class Key {
 public:
  explicit Key(std::size_t channel) {
    const auto room = std::span(bytes_).first<KeyValues::longest_key>();
    Text text(room);
    text << "channel_" << channel;
  }
  const char* c_str() const { return bytes_.data(); }

 private:
  std::array<char, KeyValues::longest_key + 1> bytes_{};
};

}  // namespace

bool is_topic_level(std::string_view name) {
  const auto is_part = [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '_' || c == '-';
  };
  return !name.empty() && name.size() <= measurement::max_device_name &&
         std::ranges::all_of(name, is_part);
}

void Settings::load(KeyValues& kept) {
  load_assembly(kept);
  load_word(kept, "network", network);
  load_word(kept, "password", password);
  load_word(kept, "hostname", hostname);
  load_word(kept, "title", title);
  load_word(kept, "hub", hub);
  load_word(kept, "home", home);
  load_word(kept, "device", device);
  load_word(kept, "credential", credential);
  load_word(kept, "certificate", certificate);
  radios.load(kept, assembly);
}

void Settings::load_assembly(KeyValues& kept) {
  std::array<std::uint8_t, assembly_size> bytes;
  if (kept.get("assembly", bytes) != assembly_size || bytes[0] >= boards) return;
  Assembly read{.board = static_cast<Board>(bytes[0]), .add_ons = bytes[1]};
  if (bytes[3] != byte_of(no_pin)) read.modem = ModemPins{pin_of(bytes[3]), pin_of(bytes[4])};
  read.status_led = pin_of(bytes[5]);
  read.button = pin_of(bytes[6]);
  for (std::size_t chip = 0; chip < measurement::max_chips; ++chip) {
    read.chip_selects[chip] = pin_of(bytes[7 + chip]);
  }
  std::array<Finding, 1> first;
  const bool conflicts = check(read, first) > 0 && first[0].is_conflict();
  if (conflicts || (bytes[2] != 50 && bytes[2] != 60)) return;
  assembly = read;
  line_frequency = bytes[2];
}

bool Settings::keep_network(KeyValues& kept, std::string_view name, std::string_view word) {
  return !name.empty() && name.size() <= network.capacity &&
         keep_word(kept, "password", password, word) && keep_word(kept, "network", network, name);
}

bool Settings::keep_names(KeyValues& kept, std::string_view host, std::string_view people) {
  return improv::is_hostname(host) && keep_word(kept, "hostname", hostname, host) &&
         keep_word(kept, "title", title, people);
}

bool Settings::keep_hub(KeyValues& kept, const improv::HubAddress& address) {
  constexpr std::string_view scheme = "mqtts://";
  if (!address.uri.starts_with(scheme) || address.uri.size() == scheme.size()) return false;
  if (!is_topic_level(address.home) || !is_topic_level(address.device)) return false;
  return keep_word(kept, "hub", hub, address.uri) && keep_word(kept, "home", home, address.home) &&
         keep_word(kept, "device", device, address.device) &&
         keep_word(kept, "credential", credential, address.credential);
}

bool Settings::keep_certificate(KeyValues& kept, std::size_t offset, std::size_t total,
                                std::span<const std::uint8_t> part) {
  if (offset == 0) arrived_ = 0;
  if (offset != arrived_ || total > incoming_.size() || part.size() > total - offset) return false;
  std::ranges::copy(part, incoming_.begin() + static_cast<std::ptrdiff_t>(offset));
  arrived_ += part.size();
  return arrived_ < total ||
         keep_word(kept, "certificate", certificate, {incoming_.data(), arrived_});
}

bool Settings::keep_assembly(KeyValues& kept, const Assembly& built, int frequency) {
  std::array<std::uint8_t, assembly_size> bytes{};
  bytes[0] = static_cast<std::uint8_t>(built.board);
  bytes[1] = static_cast<std::uint8_t>(built.add_ons);
  bytes[2] = static_cast<std::uint8_t>(frequency);
  const auto modem = built.modem.value_or(ModemPins{});
  bytes[3] = byte_of(modem.transmit);
  bytes[4] = byte_of(modem.receive);
  bytes[5] = byte_of(built.status_led);
  bytes[6] = byte_of(built.button);
  for (std::size_t chip = 0; chip < measurement::max_chips; ++chip) {
    bytes[7 + chip] = byte_of(built.chip_selects[chip]);
  }
  if (!kept.put("assembly", bytes)) return false;
  assembly = built;
  line_frequency = frequency;
  return true;
}

bool Calibrations::keep(std::size_t channel, const ChannelConfig& words) {
  std::array<std::uint8_t, measurement::max_request_bytes> bytes;
  const measurement::Request request{.id = 1,
                                     .kind = measurement::Request::Kind::write_words,
                                     .channel = static_cast<std::uint8_t>(channel),
                                     .wanted = words};
  const auto used = measurement::encode(request, bytes);
  return used && kept_.put(Key(channel).c_str(), std::span(bytes).first(*used));
}

std::optional<ChannelConfig> Calibrations::of(std::size_t channel) {
  std::array<std::uint8_t, measurement::max_request_bytes> bytes;
  const auto size = kept_.get(Key(channel).c_str(), bytes);
  if (!size) return std::nullopt;
  const auto request = measurement::decode_request(std::span(bytes).first(*size));
  if (!request || request->channel != channel) return std::nullopt;
  return request->wanted;
}

}  // namespace firmware
