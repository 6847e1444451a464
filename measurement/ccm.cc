#include "measurement/ccm.h"

#include <algorithm>

namespace measurement {
namespace {

using Block = std::array<std::uint8_t, 16>;

constexpr std::uint8_t length_bytes = 2;  // L of RFC 3610: what the nonce leaves of a block.
constexpr std::uint8_t tag_bits = (sizeof(CcmTag) - 2) / 2;

// A nonce between flags and a 16-bit number, as every block of CCM begins.
Block block_of(std::uint8_t flags, const CcmNonce& nonce, std::size_t number) {
  Block block{flags};
  std::ranges::copy(nonce, block.begin() + 1);
  block[14] = static_cast<std::uint8_t>(number >> 8);
  block[15] = static_cast<std::uint8_t>(number);
  return block;
}

Block key_stream(AesBlock& cipher, const CcmNonce& nonce, std::size_t counter) {
  auto block = block_of(length_bytes - 1, nonce, counter);
  cipher.encrypt(block);
  return block;
}

void add(std::span<std::uint8_t> to, const Block& block) {
  for (std::size_t i = 0; i < to.size(); ++i) to[i] ^= block[i];
}

template <class See>
void each_block(std::span<std::uint8_t> text, const See& see) {
  for (std::size_t i = 0; i < text.size(); i += 16) {
    see(text.subspan(i, std::min<std::size_t>(16, text.size() - i)), i / 16 + 1);
  }
}

void crypt(AesBlock& cipher, const CcmNonce& nonce, std::span<std::uint8_t> text) {
  each_block(text, [&](std::span<std::uint8_t> part, std::size_t counter) {
    add(part, key_stream(cipher, nonce, counter));
  });
}

CcmTag tag_of(AesBlock& cipher, const CcmNonce& nonce, std::span<std::uint8_t> plain) {
  auto sum = block_of(tag_bits << 3 | (length_bytes - 1), nonce, plain.size());
  cipher.encrypt(sum);
  each_block(plain, [&](std::span<std::uint8_t> part, std::size_t) {
    for (std::size_t i = 0; i < part.size(); ++i) sum[i] ^= part[i];
    cipher.encrypt(sum);
  });
  add(sum, key_stream(cipher, nonce, 0));
  CcmTag tag;
  std::copy_n(sum.begin(), tag.size(), tag.begin());
  return tag;
}

}  // namespace

CcmTag seal(AesBlock& cipher, const CcmNonce& nonce, std::span<std::uint8_t> text) {
  const auto tag = tag_of(cipher, nonce, text);
  crypt(cipher, nonce, text);
  return tag;
}

bool open(AesBlock& cipher, const CcmNonce& nonce, std::span<std::uint8_t> text,
          const CcmTag& tag) {
  crypt(cipher, nonce, text);
  const auto expected = tag_of(cipher, nonce, text);
  unsigned difference = 0;  // As long for every tag, so that none can be felt out.
  for (std::size_t i = 0; i < tag.size(); ++i) difference |= expected[i] ^ unsigned { tag[i] };
  if (difference != 0) std::ranges::fill(text, std::uint8_t{0});
  return difference == 0;
}

}  // namespace measurement
