#include "hub/ingest/esphome_api.h"

#include <fmt/format.h>
#include <sodium.h>

#include <bit>
#include <cassert>
#include <cmath>
#include <utility>

#include "hub/ingest/esphome_entities.h"

namespace hub {

using measurement::Timestamp;
using namespace std::chrono_literals;
using View = std::span<const std::uint8_t>;
using Bytes = EsphomeApi::Bytes;

namespace {

constexpr std::size_t most_frame = 16 * 1024;  // The longest that we need has 500 bytes.
constexpr std::size_t most_entities = 2000;
constexpr auto most_silence = 60s;  // Then it is asked...
constexpr auto patience = 20s;      // ...and has so long to answer.

constexpr std::uint8_t plain_mark = 0, sealed_mark = 1;
constexpr std::string_view prologue{"NoiseAPIInit\0\0", 14};
constexpr std::uint8_t api_major = 1, api_minor = 10;  // What we ask for.

enum Message : unsigned {
  hello_request = 1,
  hello_response = 2,
  connect_request = 3,
  connect_response = 4,
  disconnect_request = 5,
  disconnect_response = 6,
  ping_request = 7,
  ping_response = 8,
  device_info_request = 9,
  device_info_response = 10,
  list_entities_request = 11,
  list_sensor_response = 16,
  list_done_response = 19,
  subscribe_states_request = 20,
  sensor_state_response = 25,
  get_time_request = 36,
  get_time_response = 37,
};

// ---- Protocol buffers, as much as these few messages need --------------------------------------

void put_varint(Bytes& bytes, std::uint64_t value) {
  for (; value >= 0x80; value >>= 7) bytes.push_back(static_cast<std::uint8_t>(value | 0x80));
  bytes.push_back(static_cast<std::uint8_t>(value));
}

// Takes it from the front; absent where it has not all arrived, or has more than 64 bits.
std::optional<std::uint64_t> take_varint(View& bytes) {
  std::uint64_t value = 0;
  for (std::size_t i = 0; i < bytes.size() && i < 10; ++i) {
    value |= std::uint64_t{bytes[i] & 0x7Fu} << (7 * i);
    if (bytes[i] < 0x80) {
      bytes = bytes.subspan(i + 1);
      return value;
    }
  }
  return std::nullopt;
}

std::uint32_t fixed32(View bytes) {
  return std::uint32_t{bytes[0]} | std::uint32_t{bytes[1]} << 8 | std::uint32_t{bytes[2]} << 16 |
         std::uint32_t{bytes[3]} << 24;
}

}  // namespace

struct EsphomeApi::Field {
  std::uint64_t number = 0;
  std::uint64_t value = 0;  // Of a number, whatever its wire type.
  View bytes;

  std::string text() const { return {bytes.begin(), bytes.end()}; }
};

// Reads a message's fields one after the other; a malformed rest is left out.
class EsphomeApi::Fields {
 public:
  explicit Fields(View message) : rest_(message) {}

  std::optional<Field> next() {
    const auto tag = take_varint(rest_);
    if (!tag) return std::nullopt;
    Field field{.number = *tag >> 3};
    switch (*tag & 7) {
      case 0: {
        const auto value = take_varint(rest_);
        if (!value) return std::nullopt;
        field.value = *value;
        return field;
      }
      case 1:
        return take(8) ? std::optional(field) : std::nullopt;
      case 2: {
        const auto size = take_varint(rest_);
        const auto bytes = size ? take(*size) : std::nullopt;
        if (!bytes) return std::nullopt;
        field.bytes = *bytes;
        return field;
      }
      case 5: {
        const auto bytes = take(4);
        if (!bytes) return std::nullopt;
        field.value = fixed32(*bytes);
        return field;
      }
      default:
        return std::nullopt;
    }
  }

 private:
  std::optional<View> take(std::uint64_t size) {
    if (size > rest_.size()) return std::nullopt;
    const auto taken = rest_.first(size);
    rest_ = rest_.subspan(size);
    return taken;
  }

  View rest_;
};

std::string mac_of(std::string_view text) {
  std::string mac;
  for (const char c : text) {
    if (c >= 'A' && c <= 'F') mac += static_cast<char>(c - 'A' + 'a');
    if ((c >= 'a' && c <= 'f') || (c >= '0' && c <= '9')) mac += c;
  }
  return mac.size() == 12 ? mac : "";
}

// ---- The conversation --------------------------------------------------------------------------

EsphomeApi::EsphomeApi(std::string device, std::string key, std::string mac, Events events)
    : device_(std::move(device)),
      key_(std::move(key)),
      mac_(std::move(mac)),
      events_(std::move(events)) {}

void EsphomeApi::begin(const EsphomeNoise::Key& ephemeral, Timestamp now) {
  assert(stage_ == Stage::hello && !noise_ && "BUG: a conversation begins once");
  now_ = heard_at_ = asked_at_ = now;
  if (key_.empty()) return greet();
  EsphomeNoise::Key preshared{};
  std::size_t size = 0;
  if (sodium_base642bin(preshared.data(), preshared.size(), key_.data(), key_.size(), nullptr,
                        &size, nullptr, sodium_base64_VARIANT_ORIGINAL) != 0 ||
      size != preshared.size()) {
    return end(
        "Its key is not the base64 of 32 bytes: copy it from api: encryption: key: in the "
        "node's YAML.");
  }
  noise_ = std::make_unique<EsphomeNoise>(prologue, preshared, ephemeral);
  sodium_memzero(preshared.data(), preshared.size());
  const auto greeting = noise_->greet();
  const auto length = greeting.size() + 1;
  Bytes bytes = {sealed_mark,
                 0,
                 0,
                 sealed_mark,
                 static_cast<std::uint8_t>(length >> 8),
                 static_cast<std::uint8_t>(length),
                 0};
  bytes.insert(bytes.end(), greeting.begin(), greeting.end());
  events_.send(std::move(bytes));
}

void EsphomeApi::greet() {
  stage_ = Stage::greeting;
  constexpr std::string_view name = "Lenz";
  Bytes message = {1 << 3 | 2, name.size()};
  message.insert(message.end(), name.begin(), name.end());
  for (const std::uint8_t byte : {std::uint8_t{2 << 3}, api_major, std::uint8_t{3 << 3}, api_minor})
    message.push_back(byte);
  say(hello_request, message);
}

void EsphomeApi::end(const std::string& why) {
  if (std::exchange(stage_, Stage::over) == Stage::over) return;
  unread_.clear();
  events_.ended(fmt::format("{}: {}", device_, why));
}

std::optional<std::string> EsphomeApi::explain_loss() const {
  if (stage_ != Stage::hello && stage_ != Stage::greeting) return std::nullopt;
  return fmt::format("{}: The node hung up at our greeting: {}", device_,
                     noise_ ? "if it does not encrypt, take its key_file out of partners.toml."
                            : "if it encrypts, name its key_file in partners.toml.");
}

void EsphomeApi::tick(Timestamp now) {
  now_ = now;
  if (stage_ == Stage::over) return;
  if (now - heard_at_ < most_silence) return;
  const bool is_asked = asked_at_ > heard_at_;
  if (stage_ != Stage::listening || (is_asked && now - asked_at_ > patience)) {
    return end("The node has not answered for a minute; trying again.");
  }
  if (is_asked) return;
  asked_at_ = now;
  say(ping_request, {});
}

void EsphomeApi::say(unsigned type, View message) {
  Bytes bytes;
  if (!noise_) {
    bytes.push_back(plain_mark);
    put_varint(bytes, message.size());
    put_varint(bytes, type);
    bytes.insert(bytes.end(), message.begin(), message.end());
  } else {
    const auto put16 = [](Bytes& to, std::size_t value) {
      to.push_back(static_cast<std::uint8_t>(value >> 8));
      to.push_back(static_cast<std::uint8_t>(value));
    };
    Bytes plain;
    put16(plain, type);
    put16(plain, message.size());
    plain.insert(plain.end(), message.begin(), message.end());
    const auto sealed = noise_->encrypt(plain);
    bytes.push_back(sealed_mark);
    put16(bytes, sealed.size());
    bytes.insert(bytes.end(), sealed.begin(), sealed.end());
  }
  events_.send(std::move(bytes));
}

// ---- Frames ------------------------------------------------------------------------------------

void EsphomeApi::hear(View bytes, Timestamp now) {
  now_ = now;
  if (stage_ == Stage::over) return;
  heard_at_ = now;
  unread_.insert(unread_.end(), bytes.begin(), bytes.end());
  while (stage_ != Stage::over && !unread_.empty()) {
    if (!(noise_ ? take_sealed_frame() : take_plain_frame())) break;
  }
}

bool EsphomeApi::take_plain_frame() {
  if (unread_.front() == sealed_mark) {
    end("The node wants encryption: put the key of its YAML (api: encryption: key:) into a file "
        "and name that as key_file in partners.toml.");
    return false;
  }
  if (unread_.front() != plain_mark) {
    end("What answers there does not speak ESPHome's native API: check address and port.");
    return false;
  }
  View rest = View(unread_).subspan(1);
  const auto size = take_varint(rest);
  const auto type = size ? take_varint(rest) : std::nullopt;
  if ((size && *size > most_frame) || (!type && unread_.size() > 21)) {
    end("The node sent a message that is too long; trying again.");
    return false;
  }
  if (!type || rest.size() < *size) return false;
  const Bytes message(rest.begin(), rest.begin() + static_cast<std::ptrdiff_t>(*size));
  unread_.erase(unread_.begin(), unread_.end() - static_cast<std::ptrdiff_t>(rest.size() - *size));
  understand(*type, message);
  return true;
}

bool EsphomeApi::take_sealed_frame() {
  if (unread_.front() == plain_mark) {
    end("The node does not encrypt: take its key_file out of partners.toml, or better, give the "
        "node a key.");
    return false;
  }
  if (unread_.front() != sealed_mark) {
    end("What answers there does not speak ESPHome's native API: check address and port.");
    return false;
  }
  if (unread_.size() < 3) return false;
  const auto size = static_cast<std::size_t>(unread_[1] << 8 | unread_[2]);
  if (size > most_frame) {
    end("The node sent a message that is too long; trying again.");
    return false;
  }
  if (unread_.size() < 3 + size) return false;
  const Bytes frame(unread_.begin() + 3, unread_.begin() + static_cast<std::ptrdiff_t>(3 + size));
  unread_.erase(unread_.begin(), unread_.begin() + static_cast<std::ptrdiff_t>(3 + size));
  hear_sealed(frame);
  return true;
}

// A node says its protocol, its name and, since 2025.4, its MAC in the clear; then it answers the
// handshake with a 0 and the message, or with a 1 and what it did not like.
void EsphomeApi::hear_sealed(View frame) {
  const auto text = [](View bytes) { return std::string(bytes.begin(), bytes.end()); };
  const bool is_handshake = stage_ == Stage::hello || stage_ == Stage::handshake;
  if (is_handshake && frame.empty()) return end("The node answered with nothing; trying again.");
  if (stage_ == Stage::hello) {
    if (frame[0] != 1) return end("The node encrypts in a way that Lenz does not know: update it.");
    const auto said = text(frame.subspan(1));
    const auto name_ends = said.find('\0');
    if (name_ends != said.npos) {
      const auto mac = said.substr(name_ends + 1, said.find('\0', name_ends + 1) - name_ends - 1);
      if (!mac.empty() && !is_known_board(mac)) return;
    }
    stage_ = Stage::handshake;
  } else if (stage_ == Stage::handshake) {
    if (frame[0] != 0 && text(frame.subspan(1)) != "Handshake MAC failure") {
      return end(fmt::format("The node refused to encrypt ({}); trying again.",
                             object_id_of(text(frame.subspan(1)).substr(0, 60))));
    }
    if (frame[0] != 0 || !noise_->finish(frame.subspan(1))) {
      return end(
          "The key is not the node's: copy it again from api: encryption: key: in its YAML.");
    }
    greet();
  } else {
    const auto plain = noise_->decrypt(frame);
    if (!plain || plain->size() < 4) return end("A message was damaged on its way; trying again.");
    understand(static_cast<std::uint64_t>((*plain)[0] << 8 | (*plain)[1]), View(*plain).subspan(4));
  }
}

// ---- Messages ----------------------------------------------------------------------------------

void EsphomeApi::understand(std::uint64_t type, View message) {
  switch (type) {
    case hello_response:
      if (stage_ == Stage::greeting) meet(message);
      return;
    case connect_response:
      for (Fields fields(message); const auto field = fields.next();) {
        if (field->number != 1 || field->value == 0) continue;
        return end(
            "The node wants a password, which ESPHome has given up: set api: encryption: "
            "key: in its YAML instead.");
      }
      return;
    case disconnect_request:
      say(disconnect_response, {});
      return end("The node said goodbye; trying again.");
    case ping_request:
      return say(ping_response, {});
    case get_time_request:
      return tell_time();
    case device_info_response:
      return introduce(message);
    case list_sensor_response:
      return list(message);
    case list_done_response:
      if (stage_ != Stage::listing) return;
      if (!is_introduced_) return end("The node did not say who it is; trying again.");
      stage_ = Stage::listening;
      return say(subscribe_states_request, {});
    case sensor_state_response:
      return measure(message);
    default:
      return;  // Of entities that measure nothing, or of a later version.
  }
}

// It answers in order, so all that follows can be asked at once.
void EsphomeApi::meet(View message) {
  std::uint64_t major = 0;
  for (Fields fields(message); const auto field = fields.next();) {
    if (field->number == 1) major = field->value;
  }
  if (major != api_major) {
    return end(
        fmt::format("The node speaks version {} of the native API and Lenz only version {}: "
                    "update Lenz.",
                    major, api_major));
  }
  stage_ = Stage::listing;
  say(connect_request, {});  // Nodes before 2026.1 want it; later ones pass over it.
  say(device_info_request, {});
  say(list_entities_request, {});
}

bool EsphomeApi::is_known_board(std::string mac) {
  mac = mac_of(mac);
  if (mac.empty() || mac_.empty() || mac == mac_) return true;
  end(
      fmt::format("Another board answers ({} instead of {}), and its energy is not mixed with the "
                  "first one's: give it a device name of its own in partners.toml, or, where it "
                  "replaces the first, delete that one's file in the hub's folder esphome.",
                  mac, mac_));
  return false;
}

void EsphomeApi::introduce(View message) {
  std::string mac;
  for (Fields fields(message); const auto field = fields.next();) {
    if (field->number == 3) mac = mac_of(field->text());
  }
  if (mac.empty()) return end("The node does not name its MAC address; trying again.");
  if (!is_known_board(mac)) return;
  is_introduced_ = true;
  mac_ = mac;
  events_.met(mac_);
}

void EsphomeApi::list(View message) {
  std::string object_id, name, unit;
  std::uint64_t key = 0, device = 0;
  for (Fields fields(message); const auto field = fields.next();) {
    if (field->number == 1) object_id = field->text();
    if (field->number == 2) key = field->value;
    if (field->number == 3) name = field->text();
    if (field->number == 6) unit = field->text();
    if (field->number == 14) device = field->value;
  }
  if (stage_ != Stage::listing) return;
  if (entities_.size() >= most_entities) {
    return end(
        fmt::format("The node has more than {} sensors: that is no energy meter.", most_entities));
  }
  if (object_id.empty()) object_id = object_id_of(name);
  entities_[device << 32 | key] = object_id;
  events_.announced(object_id, unit);
}

void EsphomeApi::measure(View message) {
  std::uint64_t key = 0, device = 0;
  float state = 0;  // A field that is 0 is not sent.
  bool is_missing = false;
  for (Fields fields(message); const auto field = fields.next();) {
    if (field->number == 1) key = field->value;
    if (field->number == 2) state = std::bit_cast<float>(static_cast<std::uint32_t>(field->value));
    if (field->number == 3) is_missing = field->value != 0;
    if (field->number == 4) device = field->value;
  }
  const auto place = device << 32 | key;
  const auto entity = entities_.find(place);
  if (stage_ != Stage::listening || entity == entities_.end()) return;
  // Whoever subscribes is first told what every entity has had lately.
  const bool is_retained = told_.insert(place).second;
  const auto value = is_missing || std::isnan(state) ? std::nullopt : std::optional(state);
  events_.measured(entity->second, value, is_retained);
}

void EsphomeApi::tell_time() {
  const auto seconds = std::chrono::floor<std::chrono::seconds>(now_).time_since_epoch().count();
  Bytes message = {1 << 3 | 5};
  for (int shift = 0; shift < 32; shift += 8) {
    message.push_back(static_cast<std::uint8_t>(seconds >> shift));
  }
  say(get_time_response, message);
}

}  // namespace hub
