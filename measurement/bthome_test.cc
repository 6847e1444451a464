#include "measurement/bthome.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cstdio>
#include <random>
#include <string_view>
#include <vector>

#include "hub/net/openssl_aes.h"

namespace measurement {
namespace {

using Bytes = std::vector<std::uint8_t>;

Bytes bytes(std::string_view hex) {
  Bytes all;
  for (std::size_t i = 0; i + 1 < hex.size(); i += 2) {
    all.push_back(static_cast<std::uint8_t>(std::stoi(std::string(hex.substr(i, 2)), nullptr, 16)));
  }
  return all;
}

// Key, address and counter of the example on BTHome's page of encryption.
class Bthome : public testing::Test {
 protected:
  Bytes key = bytes("231d39c1d7cc1ab1aee224cd096db932");
  hub::OpensslAes aes{std::span<const std::uint8_t, 16>(key)};
  const BluetoothAddress address = {0x54, 0x48, 0xE6, 0x8F, 0x80, 0xA5};
  const BthomeReading mains{.packet = 7,
                            .voltage = Volts{231.4F},
                            .energy = MilliwattHours{1'234'567'890},
                            .power = Watts{-1520.25F}};

  Bytes encoded(const BthomeReading& reading, const BthomeSeal* seal) {
    std::array<std::uint8_t, max_advert_bytes> advert;
    const auto size = encode_bthome(reading, seal, advert);
    return {advert.begin(), advert.begin() + static_cast<std::ptrdiff_t>(size)};
  }
  static Bytes service_data(const Bytes& advert) { return {advert.begin() + 7, advert.end()}; }
};

// It says 25.06 °C and 50.55 %.
TEST_F(Bthome, ThePublicExampleOfEncryptionIsSealedAndOpened) {
  auto text = bytes("02ca0903bf13");
  CcmNonce nonce;
  std::ranges::copy(bytes("5448e68f80a5d2fc4100112233"), nonce.begin());

  const auto tag = seal(aes, nonce, text);

  EXPECT_EQ(text, bytes("a47266c95f73"));
  EXPECT_EQ(Bytes(tag.begin(), tag.end()), bytes("78237214"));
  EXPECT_TRUE(open(aes, nonce, text, tag));
  EXPECT_EQ(text, bytes("02ca0903bf13"));

  const auto decoded = decode_bthome(bytes("41a47266c95f730011223378237214"), &aes, address);
  ASSERT_TRUE(decoded);
  EXPECT_EQ(decoded->counter, 0x33221100u);
  EXPECT_EQ(decoded->reading, BthomeReading{});  // It tells nothing of electricity.
}

TEST_F(Bthome, AnAdvertOfTheMainsHasTheBytesOfTheFormat) {
  EXPECT_EQ(encoded(mains, nullptr), bytes("020106"
                                           "1316d2fc40"
                                           "0007"           // Packet 7.
                                           "4a0a09"         // 2314 x 0.1 V
                                           "4d87d61200"     // 1234567 x 0.001 kWh
                                           "5c27aefdff"));  // -152025 x 0.01 W
}

// The bytes are those of AESCCM in Python's cryptography 48.0.
TEST_F(Bthome, AnEncryptedAdvertFillsTheLegacyAdvertToItsLastByte) {
  const BthomeSeal seal{aes, address, 0x01020304};

  const auto advert = encoded(mains, &seal);

  EXPECT_EQ(advert, bytes("0201061b16d2fc415aa6d67174339fa656e58cf7955dc804030201f024c0cb"));
  EXPECT_EQ(advert.size(), max_advert_bytes);
}

TEST_F(Bthome, WhatIsSentIsWhatIsHeard) {
  auto heard = mains;
  heard.energy = MilliwattHours{1'234'567'000};  // Whole watt-hours.
  const BthomeSeal seal{aes, address, 99};

  const auto plain = decode_bthome(service_data(encoded(mains, nullptr)), nullptr, address);
  const auto sealed = decode_bthome(service_data(encoded(mains, &seal)), &aes, address);

  ASSERT_TRUE(plain && sealed);
  EXPECT_EQ(plain->reading, heard);
  EXPECT_FALSE(plain->counter);
  EXPECT_EQ(sealed->reading, heard);
  EXPECT_EQ(sealed->counter, 99u);
}

TEST_F(Bthome, WhatWasNotMeasuredOrDoesNotFitIsLeftOutAndNotZero) {
  const auto advert = encoded(
      {.packet = 1, .voltage = Volts{-1}, .energy = MilliwattHours{-5'000}, .power = Watts{3e7F}},
      nullptr);

  const auto decoded = decode_bthome(service_data(advert), nullptr, address);

  ASSERT_TRUE(decoded);
  EXPECT_EQ(decoded->reading, BthomeReading{.packet = 1});
}

TEST_F(Bthome, AMeterOfAnotherMakeIsUnderstood) {
  // Battery 88 %, energy u24 1.234 kWh, power u24 69.14 W, voltage 3.074 V, current 13.39 A,
  // a text that is skipped, and a second energy, which is not the first.
  const auto decoded = decode_bthome(bytes("40"
                                           "0158"
                                           "0ad20400"
                                           "0b021b00"
                                           "0c020c"
                                           "434e34"
                                           "4d01000000"
                                           "530441424344"
                                           "5d9cff"),
                                     nullptr, address);

  ASSERT_TRUE(decoded);
  EXPECT_EQ(decoded->reading.energy, MilliwattHours{1'234'000});
  EXPECT_NEAR(decoded->reading.power->value, 69.14, 1e-4);
  EXPECT_NEAR(decoded->reading.voltage->value, 3.074, 1e-6);
  EXPECT_NEAR(decoded->reading.current->value, 13.39, 1e-5);
}

TEST_F(Bthome, AnObjectOfALaterFormatEndsWhatIsReadAndSpoilsNothing) {
  const auto decoded = decode_bthome(bytes("40"
                                           "0007"
                                           "fe0102"),
                                     nullptr, address);

  ASSERT_TRUE(decoded);
  EXPECT_EQ(decoded->reading, BthomeReading{.packet = 7});
}

TEST_F(Bthome, ASenderThatNamesItsAddressIsDecryptedWithThat) {
  auto text = bytes("0007");
  CcmNonce nonce;
  std::ranges::copy(bytes("5448e68f80a5d2fc4301000000"), nonce.begin());
  const auto tag = seal(aes, nonce, text);
  auto data = bytes("43a5808fe64854");  // Last pair first.
  data.insert(data.end(), text.begin(), text.end());
  data.insert(data.end(), {1, 0, 0, 0});
  data.insert(data.end(), tag.begin(), tag.end());

  const auto decoded = decode_bthome(data, &aes, {});

  ASSERT_TRUE(decoded);
  EXPECT_EQ(decoded->reading.packet, 7);
}

TEST_F(Bthome, AForgedAnAlteredAndAForeignAdvertAreRefused) {
  const BthomeSeal seal{aes, address, 99};
  const auto sealed = service_data(encoded(mains, &seal));
  for (std::size_t bit = 8; bit < sealed.size() * 8; ++bit) {
    auto altered = sealed;
    altered[bit / 8] ^= static_cast<std::uint8_t>(1 << bit % 8);
    EXPECT_EQ(decode_bthome(altered, &aes, address).error(), BthomeError::wrong_key) << bit;
  }

  const auto plain = service_data(encoded(mains, nullptr));
  EXPECT_EQ(decode_bthome(plain, &aes, address).error(), BthomeError::not_encrypted);
  EXPECT_EQ(decode_bthome(sealed, nullptr, address).error(), BthomeError::encrypted);
  EXPECT_EQ(decode_bthome(sealed, &aes, {}).error(), BthomeError::wrong_key);
  EXPECT_EQ(decode_bthome(bytes("20"), nullptr, address).error(), BthomeError::other_version);
  EXPECT_EQ(decode_bthome({}, nullptr, address).error(), BthomeError::malformed);
  EXPECT_EQ(decode_bthome(bytes("405c0102"), nullptr, address).error(), BthomeError::malformed);
}

TEST_F(Bthome, NoBytesAreTakenForSomethingThatTheyDoNotHold) {
  constexpr unsigned seed = 1;  // Another one replays another run.
  std::mt19937 chance(seed);
  std::size_t taken = 0;
  for (int i = 0; i < 50'000; ++i) {
    Bytes data(chance() % 40);
    for (auto& byte : data) byte = static_cast<std::uint8_t>(chance());
    if (!data.empty()) data[0] = static_cast<std::uint8_t>(0x40 | (chance() & 3));
    const auto decoded = decode_bthome(data, nullptr, address);
    if (!decoded) continue;
    ++taken;
    if (decoded->reading.voltage) {
      EXPECT_TRUE(std::ranges::count(data, 0x4A) > 0 || std::ranges::count(data, 0x0C) > 0);
    }
    EXPECT_EQ(decode_bthome(data, &aes, address).has_value(), false);
  }
  EXPECT_GT(taken, 1000u);  // Else the bytes were none to learn from.
}

}  // namespace
}  // namespace measurement
