// For tests: a CircuitSetup board with ESPHome as its published protocols describe it, with the
// truth about its energy. It shares no code with what it tests; its side of Noise is OpenSSL's.

#pragma once

#include <fmt/format.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>
#include <openssl/sha.h>

#include <array>
#include <bit>
#include <cmath>
#include <cstdint>
#include <cstring>
#include <limits>
#include <optional>
#include <random>
#include <set>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace hub {

class EsphomeLikeNode {
 public:
  using Text = std::string;  // Bytes too.

  struct Sensor {
    Text name, object_id, unit;
    int decimals = 0;
    std::size_t chip = 0;  // Whose beat it has.
    double value = std::numeric_limits<double>::quiet_NaN();
    std::uint32_t key = 0;
    std::optional<std::size_t> channel{};  // Of a CT that has another name.
  };
  struct Message {
    Text topic, payload;
  };

  // The package's entities; `counts_energy`: with forward and reverse active energy of every CT.
  EsphomeLikeNode(Text name, std::size_t channels, bool counts_energy)
      : name_(std::move(name)),
        counts_energy_(counts_energy),
        power_(channels, 0.0),
        forward_(channels, 0.0),
        reverse_(channels, 0.0) {
    add("Voltage 1", "V", 1, 0);
    add("Frequency 1", "Hz", 1, 0);
    for (std::size_t c = 0; c < channels; c += 3) {
      add(fmt::format("Meter {}-{} Chip Temp", c + 1, c + 3), "°C", 1, c / 3);
    }
    for (std::size_t c = 0; c < channels; ++c) {
      const auto ct = fmt::format("CT{}", c + 1);
      add(ct + " Amps", "A", 2, c / 3);
      add(ct + " Watts", "W", 2, c / 3);
      if (!counts_energy) continue;
      add(ct + " Forward Active Energy", "Wh", 3, c / 3);
      add(ct + " Reverse Active Energy", "Wh", 3, c / 3);
    }
    add("CircuitSetup Energy Meter Total Watts Main", "W", 1, 0);
    add("CircuitSetup Energy Meter Total kWh", "kWh", 3, 0);
    add("WiFi Signal", "dBm", 0, 0);
  }

  const Text& name() const { return name_; }
  std::size_t channels() const { return power_.size(); }
  std::size_t chips() const { return power_.size() / 3; }
  std::vector<Sensor>& sensors() { return sensors_; }
  Sensor& sensor(std::string_view object_id) {
    for (auto& one : sensors_) {
      if (one.object_id == object_id) return one;
    }
    throw std::logic_error(fmt::format("BUG: the node has no {}", object_id));
  }

  Text mac = "AC:BC:32:89:0E:A9";
  Text key;  // 32 bytes; empty: it does not encrypt.
  int api_minor = 12;
  std::set<Text> broken;         // Object ids that measure nothing.
  bool names_object_ids = true;  // Newer ones leave them to the client.

  void set_power(std::size_t channel, double watts) { power_[channel] = watts; }

  // Time passes: the world uses energy, and a running node counts it.
  void pass(double seconds, bool is_running = true) {
    for (std::size_t c = 0; c < power_.size(); ++c) {
      if (!is_running) continue;
      const double wh = power_[c] * seconds / 3600;
      (wh >= 0 ? forward_ : reverse_)[c] += std::abs(wh);
    }
  }

  // Its counters live in RAM.
  void reboot() {
    forward_.assign(power_.size(), 0);
    reverse_.assign(power_.size(), 0);
  }

  // Its owner gives a CT another name, and flashes it.
  void rename(std::size_t channel, const Text& to) {
    const auto from = fmt::format("CT{} ", channel + 1);
    for (auto& one : sensors_) {
      if (!one.name.starts_with(from)) continue;
      one.channel = channel;
      one.name = to + one.name.substr(from.size() - 1);
      one.object_id = id_of(one.name);
    }
    reboot();
  }

  // What a chip's component measures in its turn: the sensors that it publishes, in order.
  std::vector<Sensor*> measure(std::size_t chip) {
    std::vector<Sensor*> published;
    for (auto& one : sensors_) {
      if (one.chip != chip) continue;
      one.value = broken.contains(one.object_id) ? std::nan("") : reading(one);
      published.push_back(&one);
    }
    return published;
  }

  double forward(std::size_t channel) const { return forward_[channel]; }
  double reverse(std::size_t channel) const { return reverse_[channel]; }

  // ---- MQTT ------------------------------------------------------------------------------------

  Message state(const Sensor& one) const {
    return {fmt::format("{}/sensor/{}/state", name_, one.object_id),
            std::isnan(one.value) ? "nan" : fmt::format("{:.{}f}", one.value, one.decimals)};
  }
  Message config(const Sensor& one) const {
    return {fmt::format("homeassistant/sensor/{}/{}/config", name_, one.object_id),
            fmt::format(R"({{"unit_of_meas":"{}","name":"{}","stat_t":"{}/sensor/{}/state",)"
                        R"("avty_t":"{}/status","uniq_id":"ESPsensor{}","dev":{{"ids":"acbc"}}}})",
                        one.unit, one.name, name_, one.object_id, name_, one.object_id)};
  }

 private:
  void add(const Text& name, const Text& unit, int decimals, std::size_t chip) {
    sensors_.push_back({name, id_of(name), unit, decimals, chip});
    sensors_.back().key = 1000 + static_cast<std::uint32_t>(sensors_.size());
  }

  static Text id_of(const Text& name) {
    Text id;
    for (char c : name) {
      const auto low = static_cast<char>(std::tolower(c));
      id += std::isalnum(static_cast<unsigned char>(low)) || low == '-' ? low : '_';
    }
    return id;
  }

  double reading(const Sensor& one) const {
    if (one.unit == "V") return 230.4;
    if (one.unit == "Hz") return 50.0;
    if (one.unit == "°C") return 41.2;
    if (one.channel || one.name.starts_with("CT")) {
      const auto channel =
          one.channel.value_or(static_cast<std::size_t>(std::atoi(one.name.c_str() + 2)) - 1);
      if (one.unit == "W") return power_[channel];
      if (one.unit == "A") return std::abs(power_[channel]) / 230.4;
      return one.name.contains("Forward") ? forward_[channel] : reverse_[channel];
    }
    double sum = 0;
    for (const auto watts : power_) sum += watts;
    return sum;  // Watts of all clamps, or something else that must not count.
  }

  Text name_;
  bool counts_energy_;
  std::vector<Sensor> sensors_;
  std::vector<double> power_, forward_, reverse_;
};

// ---- The native API, the node's side -----------------------------------------------------------

inline void put_varint(std::string& to, std::uint64_t value) {
  for (; value >= 128; value /= 128) to += static_cast<char>(value % 128 + 128);
  to += static_cast<char>(value);
}
inline void put_text(std::string& to, int field, std::string_view text) {
  put_varint(to, static_cast<std::uint64_t>(field) * 8 + 2);
  put_varint(to, text.size());
  to += text;
}
inline void put_number(std::string& to, int field, std::uint64_t number) {
  put_varint(to, static_cast<std::uint64_t>(field) * 8);
  put_varint(to, number);
}
inline void put_fixed(std::string& to, int field, std::uint32_t bits) {
  put_varint(to, static_cast<std::uint64_t>(field) * 8 + 5);
  for (int i = 0; i < 4; ++i, bits >>= 8) to += static_cast<char>(bits & 255);
}

// Noise_NNpsk0_25519_ChaChaPoly_SHA256, responder.
class NoiseResponder {
 public:
  NoiseResponder(std::string psk, std::string prologue) {
    h_ = ck_ = sha("Noise_NNpsk0_25519_ChaChaPoly_SHA256");
    h_ = sha(h_ + prologue);
    const auto [ck, temp, k] = hkdf3(psk);
    ck_ = ck, h_ = sha(h_ + temp), k_ = k, n_ = 0;
  }
  // False: made with another key.
  bool read(const std::string& message) {
    if (message.size() < 48) return false;
    re_ = message.substr(0, 32);
    mix(re_);
    const auto sealed = message.substr(32);
    if (!open(k_, n_++, sealed, h_)) return false;
    h_ = sha(h_ + sealed);
    return true;
  }
  std::string write() {
    EVP_PKEY* key = EVP_PKEY_Q_keygen(nullptr, nullptr, "X25519");
    std::string e(32, '\0'), shared(32, '\0');
    std::size_t size = 32;
    EVP_PKEY_get_raw_public_key(key, raw(e), &size);
    mix(e);
    EVP_PKEY* theirs = EVP_PKEY_new_raw_public_key(EVP_PKEY_X25519, nullptr, raw(re_), 32);
    EVP_PKEY_CTX* derive = EVP_PKEY_CTX_new(key, nullptr);
    EVP_PKEY_derive_init(derive);
    EVP_PKEY_derive_set_peer(derive, theirs);
    EVP_PKEY_derive(derive, raw(shared), &size);
    EVP_PKEY_CTX_free(derive);
    EVP_PKEY_free(theirs);
    EVP_PKEY_free(key);
    const auto [ck, k, unused] = hkdf3(shared);
    ck_ = ck, k_ = k, n_ = 0;
    const auto sealed = seal(k_, n_++, "", h_);
    h_ = sha(h_ + sealed);
    const auto [first, second, third] = hkdf3("");
    receive_ = first, send_ = second;
    return e + sealed;
  }
  std::string encrypt(const std::string& plain) { return seal(send_, sent_++, plain, ""); }
  std::optional<std::string> decrypt(const std::string& sealed) {
    return open(receive_, received_++, sealed, "");
  }

 private:
  static unsigned char* raw(std::string& text) {
    return reinterpret_cast<unsigned char*>(text.data());
  }
  static const unsigned char* raw(const std::string& text) {
    return reinterpret_cast<const unsigned char*>(text.data());
  }
  static std::string sha(const std::string& text) {
    std::string digest(32, '\0');
    SHA256(raw(text), text.size(), raw(digest));
    return digest;
  }
  static std::string hmac(const std::string& key, const std::string& text) {
    std::string digest(32, '\0');
    unsigned size = 32;
    HMAC(EVP_sha256(), key.data(), 32, raw(text), text.size(), raw(digest), &size);
    return digest;
  }
  std::array<std::string, 3> hkdf3(const std::string& input) const {
    const auto secret = hmac(ck_, input);
    const auto one = hmac(secret, "\1"), two = hmac(secret, one + "\2");
    return {one, two, hmac(secret, two + "\3")};
  }
  void mix(const std::string& e) {
    h_ = sha(h_ + e);
    const auto [ck, k, unused] = hkdf3(e);
    ck_ = ck, k_ = k, n_ = 0;
  }
  static std::string nonce(std::uint64_t n) {
    std::string bytes(12, '\0');
    for (std::size_t i = 4; i < 12; ++i, n >>= 8) bytes[i] = static_cast<char>(n & 255);
    return bytes;
  }
  static std::string seal(const std::string& key, std::uint64_t n, const std::string& plain,
                          const std::string& with) {
    EVP_CIPHER_CTX* cipher = EVP_CIPHER_CTX_new();
    const auto iv = nonce(n);
    std::string out(plain.size() + 16, '\0');
    int size = 0;
    EVP_EncryptInit_ex(cipher, EVP_chacha20_poly1305(), nullptr, raw(key), raw(iv));
    EVP_EncryptUpdate(cipher, nullptr, &size, raw(with), static_cast<int>(with.size()));
    EVP_EncryptUpdate(cipher, raw(out), &size, raw(plain), static_cast<int>(plain.size()));
    EVP_EncryptFinal_ex(cipher, raw(out) + plain.size(), &size);
    EVP_CIPHER_CTX_ctrl(cipher, EVP_CTRL_AEAD_GET_TAG, 16, raw(out) + plain.size());
    EVP_CIPHER_CTX_free(cipher);
    return out;
  }
  static std::optional<std::string> open(const std::string& key, std::uint64_t n,
                                         std::string sealed, const std::string& with) {
    if (sealed.size() < 16) return std::nullopt;
    EVP_CIPHER_CTX* cipher = EVP_CIPHER_CTX_new();
    const auto iv = nonce(n);
    const auto length = sealed.size() - 16;
    std::string out(length, '\0');
    int size = 0;
    EVP_DecryptInit_ex(cipher, EVP_chacha20_poly1305(), nullptr, raw(key), raw(iv));
    EVP_DecryptUpdate(cipher, nullptr, &size, raw(with), static_cast<int>(with.size()));
    EVP_DecryptUpdate(cipher, raw(out), &size, raw(sealed), static_cast<int>(length));
    EVP_CIPHER_CTX_ctrl(cipher, EVP_CTRL_AEAD_SET_TAG, 16, raw(sealed) + length);
    const bool is_right = EVP_DecryptFinal_ex(cipher, raw(out), &size) > 0;
    EVP_CIPHER_CTX_free(cipher);
    return is_right ? std::optional(out) : std::nullopt;
  }

  std::string h_, ck_, k_, re_, send_, receive_;
  std::uint64_t n_ = 0, sent_ = 0, received_ = 0;
};

// One connection to the node: bytes in, bytes out.
class EsphomeLikeSession {
 public:
  explicit EsphomeLikeSession(EsphomeLikeNode& node) : node_(node) {
    if (!node.key.empty()) noise_.emplace(node.key, std::string("NoiseAPIInit\0\0", 14));
  }

  bool is_closed = false;
  bool is_subscribed = false;
  std::vector<std::string> asked;     // Names of the requests it has understood.
  std::optional<std::uint32_t> time;  // That it was told.

  // What the client sent; the answer.
  std::string hear(std::string_view bytes) {
    unread_ += bytes;
    out_.clear();
    while (!is_closed && !unread_.empty() && take()) {
    }
    return std::exchange(out_, {});
  }

  // A chip's turn.
  std::string publish(const std::vector<EsphomeLikeNode::Sensor*>& sensors) {
    out_.clear();
    for (const auto* one : sensors) say_state(*one);
    return std::exchange(out_, {});
  }
  std::string ask_time() { return said(36, ""); }
  std::string ping() { return said(7, ""); }
  std::string say_goodbye() { return said(5, ""); }

 private:
  std::string said(unsigned type, const std::string& message) {
    out_.clear();
    say(type, message);
    return std::exchange(out_, {});
  }

  static std::string sealed_frame(const std::string& body) {
    return std::string{'\1', static_cast<char>(body.size() / 256),
                       static_cast<char>(body.size() % 256)} +
           body;
  }

  void refuse(const std::string& why) {
    out_ += sealed_frame('\1' + why);
    is_closed = true;
  }

  bool take() {
    if (noise_) {
      if (unread_[0] != 1) return refuse("Bad indicator byte"), false;
      if (unread_.size() < 3) return false;
      const auto size = static_cast<std::size_t>(static_cast<unsigned char>(unread_[1])) * 256 +
                        static_cast<unsigned char>(unread_[2]);
      if (unread_.size() < 3 + size) return false;
      const auto body = unread_.substr(3, size);
      unread_.erase(0, 3 + size);
      take_sealed(body);
      return true;
    }
    if (unread_[0] != 0) return is_closed = true, false;  // It hangs up without a word.
    std::size_t at = 1;
    const auto varint = [&] {
      std::uint64_t value = 0;
      for (int shift = 0; at < unread_.size(); shift += 7) {
        const auto byte = static_cast<unsigned char>(unread_[at++]);
        value |= static_cast<std::uint64_t>(byte & 127) << shift;
        if (byte < 128) break;
      }
      return value;
    };
    const auto size = varint(), type = varint();
    if (unread_.size() < at + size) return false;
    const auto message = unread_.substr(at, size);
    unread_.erase(0, at + size);
    understand(type, message);
    return true;
  }

  void take_sealed(const std::string& body) {
    if (step_ == 0) {  // The client's hello is empty.
      ++step_;
      out_ += sealed_frame('\1' + node_.name() + '\0' + short_mac() + '\0');
    } else if (step_ == 1) {
      ++step_;
      if (body.empty() || body[0] != 0 || !noise_->read(body.substr(1))) {
        return refuse("Handshake MAC failure");
      }
      out_ += sealed_frame('\0' + noise_->write());
    } else if (const auto plain = noise_->decrypt(body); plain && plain->size() >= 4) {
      understand(
          static_cast<unsigned char>((*plain)[0]) * 256u + static_cast<unsigned char>((*plain)[1]),
          plain->substr(4));
    } else {
      is_closed = true;
    }
  }

  std::string short_mac() const {
    std::string mac;
    for (const char c : node_.mac) {
      if (c != ':') mac += static_cast<char>(std::tolower(c));
    }
    return mac;
  }

  void say(unsigned type, const std::string& message) {
    if (noise_) {
      std::string plain = {static_cast<char>(type / 256), static_cast<char>(type % 256),
                           static_cast<char>(message.size() / 256),
                           static_cast<char>(message.size() % 256)};
      out_ += sealed_frame(noise_->encrypt(plain + message));
      return;
    }
    out_ += '\0';
    put_varint(out_, message.size());
    put_varint(out_, type);
    out_ += message;
  }

  void understand(std::uint64_t type, const std::string& message) {
    std::string answer;
    if (type == 1) {
      asked.push_back("hello");
      put_number(answer, 1, 1);
      put_number(answer, 2, static_cast<std::uint64_t>(node_.api_minor));
      put_text(answer, 3, "2025.5.0");
      put_text(answer, 4, node_.name());
      say(2, answer);
    } else if (type == 3 && node_.api_minor < 14) {
      asked.push_back("connect");
      say(4, "");
    } else if (type == 5) {
      say(6, "");
      is_closed = true;
    } else if (type == 7) {
      asked.push_back("ping");
      say(8, "");
    } else if (type == 8) {
      asked.push_back("pong");
    } else if (type == 9) {
      put_text(answer, 2, node_.name());
      put_text(answer, 3, node_.mac);
      put_text(answer, 8, "circuitsetup.6c-energy-meter");
      say(10, answer);
    } else if (type == 11) {
      list();
    } else if (type == 20) {
      is_subscribed = true;
      for (const auto& one : node_.sensors()) say_state(one);
    } else if (type == 37) {
      time = static_cast<unsigned char>(message[1]) |
             static_cast<std::uint32_t>(static_cast<unsigned char>(message[2])) << 8 |
             static_cast<std::uint32_t>(static_cast<unsigned char>(message[3])) << 16 |
             static_cast<std::uint32_t>(static_cast<unsigned char>(message[4])) << 24;
    }
  }

  void list() {
    std::string text_sensor;
    put_text(text_sensor, 1, "ct1_status");
    put_fixed(text_sensor, 2, 7);
    put_text(text_sensor, 3, "CT1 Status");
    say(18, text_sensor);
    for (const auto& one : node_.sensors()) {
      std::string entity;
      if (node_.names_object_ids) put_text(entity, 1, one.object_id);
      put_fixed(entity, 2, one.key);
      put_text(entity, 3, one.name);
      put_text(entity, 6, one.unit);
      put_number(entity, 7, static_cast<std::uint64_t>(one.decimals));
      say(16, entity);
    }
    say(19, "");
  }

  void say_state(const EsphomeLikeNode::Sensor& one) {
    std::string state;
    put_fixed(state, 1, one.key);
    if (std::isnan(one.value)) {
      put_number(state, 3, 1);
    } else if (one.value != 0) {
      put_fixed(state, 2, std::bit_cast<std::uint32_t>(static_cast<float>(one.value)));
    }
    say(25, state);
  }

  EsphomeLikeNode& node_;
  std::optional<NoiseResponder> noise_;
  int step_ = 0;
  std::string unread_, out_;
};

}  // namespace hub
