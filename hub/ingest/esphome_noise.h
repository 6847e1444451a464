// Noise_NNpsk0_25519_ChaChaPoly_SHA256, the side that begins: how ESPHome encrypts its native API.
// https://noiseprotocol.org/noise.html (revision 34), with libsodium's primitives.

#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string_view>
#include <vector>

namespace hub {

class EsphomeNoise {
 public:
  using Key = std::array<std::uint8_t, 32>;
  using Bytes = std::vector<std::uint8_t>;
  using View = std::span<const std::uint8_t>;

  // `ephemeral`: a secret key of X25519, drawn for this connection only.
  EsphomeNoise(std::string_view prologue, const Key& preshared, const Key& ephemeral);
  ~EsphomeNoise();  // Wipes the keys.
  EsphomeNoise(const EsphomeNoise&) = delete;

  // The first message of the handshake, ours. Once.
  Bytes greet(View payload = {});

  // The second, theirs: its payload; absent where it was not made with the same key.
  std::optional<Bytes> finish(View message);

  // After the handshake.
  Bytes encrypt(View plain);
  std::optional<Bytes> decrypt(View cipher);  // Absent: not theirs, or not the next one.

 private:
  struct Cipher {
    Key key{};
    std::uint64_t count = 0;  // Of messages: the nonce.

    Bytes encrypt(View plain, View with);
    std::optional<Bytes> decrypt(View cipher, View with);
  };

  void mix_hash(View);
  void mix_key(View);
  void mix_key_and_hash(View);

  Key preshared_, ephemeral_;
  Key hash_{}, chain_{};
  Cipher handshake_, ours_, theirs_;
};

}  // namespace hub
