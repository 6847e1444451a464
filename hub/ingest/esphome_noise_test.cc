#include "hub/ingest/esphome_noise.h"

#include <gtest/gtest.h>
#include <sodium.h>

#include <string>

namespace hub {
namespace {

using Bytes = EsphomeNoise::Bytes;

Bytes from_hex(std::string_view hex) {
  Bytes bytes(hex.size() / 2);
  EXPECT_EQ(
      sodium_hex2bin(bytes.data(), bytes.size(), hex.data(), hex.size(), nullptr, nullptr, nullptr),
      0);
  return bytes;
}

std::string to_hex(EsphomeNoise::View bytes) {
  std::string hex(2 * bytes.size() + 1, '\0');
  sodium_bin2hex(hex.data(), hex.size(), bytes.data(), bytes.size());
  hex.pop_back();
  return hex;
}

EsphomeNoise::Key key(std::string_view hex) {
  EsphomeNoise::Key key{};
  std::ranges::copy(from_hex(hex), key.begin());
  return key;
}

EsphomeNoise::View view(std::string_view text) {
  return {reinterpret_cast<const std::uint8_t*>(text.data()), text.size()};
}

// The published cacophony vector of Noise_NNpsk0_25519_ChaChaPoly_SHA256: its keys and messages.
class CacophonyVector : public testing::Test {
 protected:
  EsphomeNoise noise{"John Galt",
                     key("54686973206973206d7920417573747269616e20706572737065637469766521"),
                     key("893e28b9dc6ca8d611ab664754b8ceb7bac5117349a4439a6b0569da977c464a")};
  const Bytes answer = from_hex(
      "95ebc60d2b1fa672c1f46a8aa265ef51bfe38e7ccb39ec5be34069f144808843d6062704d5a9c422a8e834423f8c"
      "1feada7e8d0d910a1a2cd030fb584221e3");
};

TEST_F(CacophonyVector, EveryMessageIsThePublishedOne) {
  EXPECT_EQ(to_hex(noise.greet(view("Ludwig von Mises"))),
            "ca35def5ae56cec33dc2036731ab14896bc4c75dbb07a61f879f8e3afa4c794479b962b8aff8485742ac32"
            "f905ba45369e2465fb59e138a93d67a0d1266b6a54");

  const auto payload = noise.finish(answer);

  ASSERT_TRUE(payload);
  EXPECT_EQ(std::string(payload->begin(), payload->end()), "Murray Rothbard");
  EXPECT_EQ(to_hex(noise.encrypt(view("F. A. Hayek"))),
            "e632c3763d7669067383433197a3baddf146e9e70ad4b4e9e59e0f");
  const auto said =
      noise.decrypt(from_hex("64c6bee32ea91c8474bb4c21d7a700109ad45af77b29764ba5eb1e"));
  ASSERT_TRUE(said);
  EXPECT_EQ(std::string(said->begin(), said->end()), "Carl Menger");
}

TEST_F(CacophonyVector, AnAnswerThatWasTouchedIsNotBelieved) {
  noise.greet(view("Ludwig von Mises"));
  auto touched = answer;
  touched.back() ^= 1;

  EXPECT_FALSE(noise.finish(touched));
}

TEST_F(CacophonyVector, AMessageCannotBePlayedTwice) {
  noise.greet(view("Ludwig von Mises"));
  noise.finish(answer);
  const auto message = from_hex("64c6bee32ea91c8474bb4c21d7a700109ad45af77b29764ba5eb1e");

  EXPECT_TRUE(noise.decrypt(message));
  EXPECT_FALSE(noise.decrypt(message));
}

TEST_F(CacophonyVector, AnAnswerOfAFewBytesIsRefused) {
  noise.greet();

  EXPECT_FALSE(noise.finish({}));
  EXPECT_FALSE(noise.finish(EsphomeNoise::View(answer).first(40)));
}

}  // namespace
}  // namespace hub
