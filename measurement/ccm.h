// AES-CCM (RFC 3610) as radios with small packets use it: a nonce of 13 bytes, a tag of 4 and no
// associated data. A forger who guesses tags is right once in 2^32 packets.

#pragma once

#include <array>
#include <cstdint>
#include <span>

namespace measurement {

// One block through AES-128 with a key of its own: hardware on a meter, a library on a hub.
class AesBlock {
 public:
  virtual void encrypt(std::span<std::uint8_t, 16> block) = 0;

 protected:
  ~AesBlock() = default;
};

using CcmNonce = std::array<std::uint8_t, 13>;  // Never used twice with one key.
using CcmTag = std::array<std::uint8_t, 4>;

// Encrypts in place, at most 65,535 bytes.
CcmTag seal(AesBlock&, const CcmNonce&, std::span<std::uint8_t> text);

// Decrypts in place. False: the tag is not that of the text, which is then all zero.
bool open(AesBlock&, const CcmNonce&, std::span<std::uint8_t> text, const CcmTag&);

}  // namespace measurement
