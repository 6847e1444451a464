#include "hub/ingest/esphome_noise.h"

#include <sodium.h>

#include <algorithm>

namespace hub {
namespace {

using Key = EsphomeNoise::Key;
using View = EsphomeNoise::View;
using Bytes = EsphomeNoise::Bytes;

// "If the name has 32 or fewer bytes it is padded, else hashed": this one has 36.
constexpr std::string_view protocol = "Noise_NNpsk0_25519_ChaChaPoly_SHA256";
constexpr std::size_t tag = crypto_aead_chacha20poly1305_IETF_ABYTES;

View bytes_of(std::string_view text) {
  return {reinterpret_cast<const std::uint8_t*>(text.data()), text.size()};
}

Key sha256(View first, View second = {}) {
  Key digest;
  crypto_hash_sha256_state state;
  crypto_hash_sha256_init(&state);
  crypto_hash_sha256_update(&state, first.data(), first.size());
  crypto_hash_sha256_update(&state, second.data(), second.size());
  crypto_hash_sha256_final(&state, digest.data());
  return digest;
}

Key hmac(const Key& key, View first, View second = {}) {
  Key digest;
  crypto_auth_hmacsha256_state state;
  crypto_auth_hmacsha256_init(&state, key.data(), key.size());
  crypto_auth_hmacsha256_update(&state, first.data(), first.size());
  crypto_auth_hmacsha256_update(&state, second.data(), second.size());
  crypto_auth_hmacsha256_final(&state, digest.data());
  return digest;
}

// Section 4.3, HKDF with three outputs; whoever needs two leaves the third.
std::array<Key, 3> derive(const Key& chain, View input) {
  const Key secret = hmac(chain, input);
  std::array<Key, 3> keys;
  View before;
  for (std::uint8_t i = 1; i <= keys.size(); ++i) {
    keys[i - 1u] = hmac(secret, before, {&i, 1});
    before = keys[i - 1u];
  }
  return keys;
}

// Section 12.3: 32 zero bits, then the count, little endian.
std::array<std::uint8_t, 12> nonce_of(std::uint64_t count) {
  std::array<std::uint8_t, 12> nonce{};
  for (std::size_t i = 4; i < nonce.size(); ++i, count >>= 8) {
    nonce[i] = static_cast<std::uint8_t>(count);
  }
  return nonce;
}

}  // namespace

EsphomeNoise::EsphomeNoise(std::string_view prologue, const Key& preshared, const Key& ephemeral)
    : preshared_(preshared), ephemeral_(ephemeral) {
  hash_ = chain_ = sha256(bytes_of(protocol));
  mix_hash(bytes_of(prologue));
}

EsphomeNoise::~EsphomeNoise() {
  for (auto* key : {&preshared_, &ephemeral_, &chain_, &handshake_.key, &ours_.key, &theirs_.key}) {
    sodium_memzero(key->data(), key->size());
  }
}

void EsphomeNoise::mix_hash(View bytes) { hash_ = sha256(hash_, bytes); }

void EsphomeNoise::mix_key(View input) {
  const auto keys = derive(chain_, input);
  chain_ = keys[0];
  handshake_ = {keys[1]};
}

void EsphomeNoise::mix_key_and_hash(View input) {
  const auto keys = derive(chain_, input);
  chain_ = keys[0];
  mix_hash(keys[1]);
  handshake_ = {keys[2]};
}

// -> psk, e
Bytes EsphomeNoise::greet(View payload) {
  mix_key_and_hash(preshared_);
  Bytes message(ephemeral_.size());
  crypto_scalarmult_base(message.data(), ephemeral_.data());
  mix_hash(message);
  mix_key(message);  // A psk handshake mixes the ephemeral key in as well (section 9.2).
  const auto sealed = handshake_.encrypt(payload, hash_);
  mix_hash(sealed);
  message.insert(message.end(), sealed.begin(), sealed.end());
  return message;
}

// <- e, ee
std::optional<Bytes> EsphomeNoise::finish(View message) {
  Key shared;
  if (message.size() < shared.size() + tag) return std::nullopt;
  const auto theirs = message.first(shared.size());
  const auto sealed = message.subspan(shared.size());
  mix_hash(theirs);
  mix_key(theirs);
  if (crypto_scalarmult(shared.data(), ephemeral_.data(), theirs.data()) != 0) return std::nullopt;
  mix_key(shared);
  sodium_memzero(shared.data(), shared.size());
  const auto payload = handshake_.decrypt(sealed, hash_);
  if (!payload) return std::nullopt;
  mix_hash(sealed);
  const auto keys = derive(chain_, {});
  ours_ = {keys[0]};
  theirs_ = {keys[1]};
  return payload;
}

Bytes EsphomeNoise::encrypt(View plain) { return ours_.encrypt(plain, {}); }

std::optional<Bytes> EsphomeNoise::decrypt(View cipher) { return theirs_.decrypt(cipher, {}); }

Bytes EsphomeNoise::Cipher::encrypt(View plain, View with) {
  Bytes sealed(plain.size() + tag);
  const auto nonce = nonce_of(count++);
  crypto_aead_chacha20poly1305_ietf_encrypt(sealed.data(), nullptr, plain.data(), plain.size(),
                                            with.data(), with.size(), nullptr, nonce.data(),
                                            key.data());
  return sealed;
}

std::optional<Bytes> EsphomeNoise::Cipher::decrypt(View sealed, View with) {
  if (sealed.size() < tag) return std::nullopt;
  Bytes plain(sealed.size() - tag);
  const auto nonce = nonce_of(count);
  if (crypto_aead_chacha20poly1305_ietf_decrypt(plain.data(), nullptr, nullptr, sealed.data(),
                                                sealed.size(), with.data(), with.size(),
                                                nonce.data(), key.data()) != 0) {
    return std::nullopt;
  }
  ++count;
  return plain;
}

}  // namespace hub
