#include "firmware/improv.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <map>
#include <random>
#include <string>
#include <vector>

namespace firmware::improv {
namespace {

using measurement::Uptime;
using testing::ElementsAre;
using testing::IsEmpty;
using Bytes = std::vector<std::uint8_t>;

Bytes bytes(std::string_view text) { return {text.begin(), text.end()}; }

Bytes operator+(Bytes a, const Bytes& b) {
  a.insert(a.end(), b.begin(), b.end());
  return a;
}

// A meter that joins what it is told to, and remembers it.
struct Meter final : Host {
  const Identity& identity() const override { return is; }
  Links links() const override { return up; }
  std::string_view url() const override { return page; }
  std::string_view hostname() const override { return host; }
  bool join(std::string_view network, std::string_view password) override {
    joining = std::string(network) + "|" + std::string(password);
    return has_radio;
  }
  std::size_t scan(std::span<Network> networks) override {
    for (std::size_t i = 0; i < heard.size(); ++i) networks[i] = heard[i];
    return heard.size();
  }
  bool take_hostname(std::string_view name) override {
    host = name;
    return true;
  }
  bool take_device_name(std::string_view name) override {
    called = name;
    is.name = called;
    return true;
  }
  bool take_hub(const HubAddress& address) override {
    hub = std::string(address.uri) + "|" + std::string(address.home) + "|" +
          std::string(address.device) + "|" + std::string(address.credential);
    return true;
  }
  bool take_certificate(std::size_t offset, std::size_t total,
                        std::span<const std::uint8_t> part) override {
    if (offset != certificate.size()) return false;
    certificate.append(part.begin(), part.end());
    return certificate.size() <= total;
  }
  bool take_assembly(const Assembly& assembly, int line_frequency) override {
    built = assembly;
    frequency = line_frequency;
    return true;
  }
  const char* take_radio(Radio radio, std::span<const std::uint8_t> settings) override {
    radios[radio].assign(settings.begin(), settings.end());
    return settings.size() < 100 ? nullptr : "That is too much.";
  }
  std::optional<std::size_t> radio(Radio radio, std::span<std::uint8_t> into) const override {
    if (radio == Radio::cellular) return std::nullopt;
    const auto found = radios.find(radio);
    if (found == radios.end()) return 0;
    std::ranges::copy(found->second, into.begin());
    return found->second.size();
  }
  const Assembly& assembly() const override { return *built; }
  int line_frequency() const override { return frequency; }
  void identify() override { ++blinks; }

  Identity is{"Lenz", "1.2", "ESP32", "meter"};
  Links up;
  bool has_radio = true;
  std::string page = "http://10.0.0.9", host = "lenz-meter", called, joining, hub, certificate;
  std::vector<Network> heard;
  std::optional<Assembly> built;
  std::map<Radio, Bytes> radios;
  int frequency = 0;
  int blinks = 0;
};

Network network(std::string_view name, int strength_dbm, bool is_protected) {
  Network made;
  std::ranges::copy(name, made.name.begin());
  made.name_size = static_cast<std::uint8_t>(name.size());
  made.strength_dbm = static_cast<std::int8_t>(strength_dbm);
  made.is_protected = is_protected;
  return made;
}

// IMPROV, version, type, size, data, sum of all before it, and a new line from the meter.
Bytes frame(std::uint8_t type, const Bytes& data) {
  auto made = bytes("IMPROV") + Bytes{1, type, static_cast<std::uint8_t>(data.size())} + data;
  unsigned sum = 0;
  for (const auto byte : made) sum += byte;
  made.push_back(static_cast<std::uint8_t>(sum));
  return made;
}

Bytes command(std::uint8_t number, const Bytes& payload) {
  return Bytes{number, static_cast<std::uint8_t>(payload.size())} + payload;
}

Bytes strings(const std::vector<std::string>& texts) {
  Bytes made;
  for (const auto& text : texts) {
    made.push_back(static_cast<std::uint8_t>(text.size()));
    made = made + bytes(text);
  }
  return made;
}

std::uint8_t any_command(std::mt19937& random) {
  return static_cast<std::uint8_t>(random() % 2 ? random() % 9 : 0x80 + random() % 7);
}

class ImprovOverSerial : public testing::Test, public Serial::Line {
 protected:
  void write(std::span<const std::uint8_t> sent) override {
    EXPECT_EQ(sent.back(), '\n');
    said.emplace_back(sent.begin(), sent.end() - 1);
  }
  void hear(const Bytes& heard, Uptime now = {}) {
    for (const auto byte : heard) serial.hear(byte, now);
  }
  void order(std::uint8_t number, const Bytes& payload = {}) {
    hear(frame(3, command(number, payload)));
  }

  Meter meter;
  Serial serial{meter, *this, false};
  std::vector<Bytes> said;
};

const auto says_ready = frame(1, {2}), says_joining = frame(1, {3}),
           says_provisioned = frame(1, {4});
Bytes says_error(std::uint8_t error) { return frame(2, {error}); }

// From the protocol's page, with its sum written out: DD + 01 + 03 + 02 + 02 + 00 = E5.
TEST_F(ImprovOverSerial, AskedForItsStateItTellsIt) {
  hear({0x49, 0x4D, 0x50, 0x52, 0x4F, 0x56, 0x01, 0x03, 0x02, 0x02, 0x00, 0xE5});

  // DD + 01 + 01 + 01 + 02 = E2.
  EXPECT_THAT(said,
              ElementsAre(Bytes{0x49, 0x4D, 0x50, 0x52, 0x4F, 0x56, 0x01, 0x01, 0x01, 0x02, 0xE2}));
}

// The protocol's own example: 1E is 1 + 12 + 1 + 16.
TEST_F(ImprovOverSerial, ItJoinsTheNetworkThatItIsGiven) {
  const auto rpc =
      Bytes{0x01, 0x1E, 0x0C} + bytes("MyWirelessAP") + Bytes{0x10} + bytes("mysecurepassword");
  hear(frame(3, rpc));
  serial.joined(true);

  EXPECT_EQ(meter.joining, "MyWirelessAP|mysecurepassword");
  EXPECT_THAT(said, ElementsAre(says_error(0), says_joining, says_provisioned, says_error(0),
                                frame(4, command(1, strings({"http://10.0.0.9"})))));
}

TEST_F(ImprovOverSerial, AWrongPasswordIsToldAndCanBeTriedAgain) {
  order(1, strings({"home", "wrong"}));
  serial.joined(false);
  EXPECT_THAT(said, ElementsAre(says_error(0), says_joining, says_error(3), says_ready));

  order(1, strings({"home", "right"}));
  serial.joined(true);
  EXPECT_EQ(meter.joining, "home|right");
  EXPECT_EQ(serial.state(), State::provisioned);
}

TEST_F(ImprovOverSerial, ANetworkThatDoesNotAnswerIsGivenUpAfterHalfAMinute) {
  hear(frame(3, command(1, strings({"home", "pass"}))), Uptime{1000});

  serial.step(Uptime{30'999});
  EXPECT_EQ(serial.state(), State::provisioning);
  serial.step(Uptime{31'000});
  EXPECT_EQ(serial.state(), State::ready);
  serial.joined(true);  // Too late: it was said that it failed.
  EXPECT_EQ(serial.state(), State::ready);
}

TEST_F(ImprovOverSerial, ItSaysWhatItIs) {
  order(3);
  EXPECT_THAT(said, ElementsAre(frame(4, command(3, strings({"Lenz", "1.2", "ESP32", "meter"})))));
}

TEST_F(ImprovOverSerial, EachNetworkIsAResultAndAnEmptyOneEndsThem) {
  meter.heard = {network("home", -61, true), network("guests", -70, false)};
  order(4);

  EXPECT_THAT(said, ElementsAre(frame(4, command(4, strings({"home", "-61", "YES"}))),
                                frame(4, command(4, strings({"guests", "-70", "NO"}))),
                                frame(4, command(4, {}))));
}

TEST_F(ImprovOverSerial, NamesAreAskedForAndSet) {
  order(5);
  order(5, strings({"cellar"}));
  order(6, strings({"Cellar panel"}));
  order(5, strings({"-cellar"}));

  EXPECT_THAT(said, ElementsAre(frame(4, command(5, strings({"lenz-meter"}))),
                                frame(4, command(5, strings({"cellar"}))),
                                frame(4, command(6, strings({"Cellar panel"}))), says_error(5)));
}

// Online, by cable: 1 + 4.
TEST_F(ImprovOverSerial, ItSaysHowItIsConnected) {
  meter.up = {.online = true, .ethernet = true};
  order(7);

  EXPECT_THAT(said, ElementsAre(frame(4, command(7, strings({"5", "http://10.0.0.9"})))));
}

TEST_F(ImprovOverSerial, ItIsGivenItsHubAndACredentialOfItsOwn) {
  order(0x80, strings({"mqtts://hub.local:8883", "home", "cellar", "s3cret"}));
  order(0x81, Bytes{0, 0, 5, 0} + bytes("abc"));
  order(0x81, Bytes{3, 0, 5, 0} + bytes("de"));

  EXPECT_EQ(meter.hub, "mqtts://hub.local:8883|home|cellar|s3cret");
  EXPECT_EQ(meter.certificate, "abcde");
  EXPECT_THAT(said,
              ElementsAre(says_error(0), frame(4, command(0x80, {})), says_error(0),
                          frame(4, command(0x81, {})), says_error(0), frame(4, command(0x81, {}))));
}

TEST_F(ImprovOverSerial, ItIsToldHowItIsBuiltAndSaysWhichRadiosFit) {
  order(0x82, strings({"6ch"}) + Bytes{6, 60, 0xff, 0xff, 0xff, 0xff});

  ASSERT_TRUE(meter.built);
  EXPECT_EQ(meter.built->chips(), 14u);
  EXPECT_EQ(meter.frequency, 60);
  ASSERT_EQ(said.size(), 2u);
  EXPECT_EQ(said[0], says_error(0));
  const std::string words(said[1].begin(), said[1].end());
  EXPECT_THAT(words, testing::HasSubstr("GPIO2 is of the chip on add-on 3"));
  EXPECT_THAT(words, testing::HasSubstr("Seven boards leave room for one AT modem"));
}

TEST_F(ImprovOverSerial, ABoardThatCannotWorkIsRefusedWithTheReason) {
  order(0x82, strings({"6ch"}) + Bytes{0, 50, 18, 0xff, 0xff, 0xff});  // The LED on the SPI clock.
  order(0x82, strings({"7ch"}) + Bytes{0, 50, 0xff, 0xff, 0xff, 0xff});
  order(0x82, strings({"6ch"}) + Bytes{0, 55, 0xff, 0xff, 0xff, 0xff});
  order(0x82, strings({"6ch"}) + Bytes{0, 50, 0xff});

  EXPECT_FALSE(meter.built);
  ASSERT_EQ(said.size(), 5u);
  EXPECT_EQ(said[0], says_error(0xff));
  EXPECT_THAT(std::string(said[1].begin(), said[1].end()),
              testing::HasSubstr("the status LED and for the SPI clock"));
  EXPECT_EQ(said[2], says_error(1));
  EXPECT_EQ(said[3], says_error(1));
  EXPECT_EQ(said[4], says_error(1));
}

TEST_F(ImprovOverSerial, ItsOwnerGivesThePinsOfJumpersAndModem) {
  order(0x82, strings({"6ch-waveshare"}) + Bytes{1, 50, 0xff, 0xff, 21, 46, 0xff, 0xff, 7});

  ASSERT_TRUE(meter.built);
  EXPECT_EQ(meter.built->chip_select(1), 48);
  EXPECT_EQ(meter.built->chip_select(2), 7);
  EXPECT_EQ(meter.built->modem->transmit, 21);
  EXPECT_EQ(meter.built->modem->receive, 46);
}

TEST_F(ImprovOverSerial, EachRadioTakesItsSettingsOrSaysWhatIsWrongWithThem) {
  order(0x83, {1, 2, 3});
  order(0x84, {4});
  order(0x85, Bytes(100, 5));
  order(0x83);

  EXPECT_THAT(meter.radios[Radio::bluetooth], IsEmpty());
  EXPECT_THAT(meter.radios[Radio::lorawan], ElementsAre(4));
  ASSERT_EQ(said.size(), 8u);
  EXPECT_EQ(said[0], says_error(0));
  EXPECT_EQ(said[4], says_error(0xff));
  EXPECT_THAT(std::string(said[5].begin(), said[5].end()), testing::HasSubstr("That is too much."));
}

TEST_F(ImprovOverSerial, WhatItIsSetToIsTold) {
  order(0x82, strings({"6ch"}) + Bytes{6, 60, 0xff, 0xff, 12, 35});
  order(0x83, {1, 2, 0xab});
  said.clear();

  order(0x86);

  // Bluetooth is on, LoRaWAN off, and the image has no cellular modem.
  const std::string none = "ffffffffffffffffffffffffffff";
  EXPECT_THAT(said,
              ElementsAre(frame(
                  4, command(0x86, strings({"0102ab", "", "-", "6ch", "063cffff0c23" + none})))));
}

TEST_F(ImprovOverSerial, ALogBetweenTheFramesDoesNotDisturb) {
  hear(bytes("I (312) wifi: IMPIMPROVIIMPROV\x02 started\n"));
  order(3);

  EXPECT_EQ(said.size(), 1u);
}

TEST_F(ImprovOverSerial, WhatItDoesNotUnderstandIsRefused) {
  order(0x42);                                    // No such command.
  hear(frame(3, {1, 9, 1}));                      // Its size is not that of what follows.
  order(1, strings({"", "pass"}));                // No network.
  order(1, Bytes{4} + bytes("hom"));              // Cut short.
  order(1, strings({std::string(33, 'n'), ""}));  // Longer than networks' names are.
  order(0x80, strings({"mqtts://hub", "home", "cellar", ""}));
  order(0x81, Bytes{0, 0, 1, 0} + bytes("ab"));  // More than its total.

  EXPECT_THAT(said, ElementsAre(says_error(2), says_error(1), says_error(1), says_error(1),
                                says_error(1), says_error(1), says_error(1)));
  EXPECT_EQ(meter.joining, "");
}

TEST_F(ImprovOverSerial, ABrokenSumIsRefused) {
  auto broken = frame(3, command(3, {}));
  broken.back() ^= 1;
  hear(broken);

  EXPECT_THAT(said, ElementsAre(says_error(1)));
}

TEST_F(ImprovOverSerial, FramesThatAMeterSendsAreNotObeyed) {
  hear(frame(4, command(1, strings({"home", "pass"}))));

  EXPECT_THAT(said, IsEmpty());
}

TEST_F(ImprovOverSerial, AMeterWithALongPageStillAnswersInWholeFrames) {
  meter.page = std::string(300, 'u');
  order(7);

  ASSERT_EQ(said.size(), 1u);
  EXPECT_EQ(said[0].size(), 9u + 255u + 1u);
  EXPECT_EQ(frame(4, Bytes(said[0].begin() + 9, said[0].end() - 1)), said[0]);
}

// Whatever comes down the line, each answer is a whole frame with a right sum.
TEST_F(ImprovOverSerial, NoBytesBreakIt) {
  constexpr unsigned seed = 7;  // Change it to try others.
  std::mt19937 random(seed);
  meter.heard = {network("home", -61, true)};
  for (int round = 0; round < 20'000; ++round) {
    Bytes payload(random() % 40);
    for (auto& byte : payload)
      byte = static_cast<std::uint8_t>(random() % 3 ? random() % 12 : random());
    auto sent = frame(3, command(any_command(random), payload));
    if (random() % 2) sent[random() % sent.size()] = static_cast<std::uint8_t>(random());
    if (random() % 4 == 0) sent.resize(random() % sent.size());
    hear(sent, Uptime{round});
    serial.step(Uptime{round});
  }

  EXPECT_GT(said.size(), 10'000u) << "seed " << seed;
  for (const auto& answer : said) {
    ASSERT_GE(answer.size(), 10u);
    ASSERT_EQ(answer, frame(answer[7], Bytes(answer.begin() + 9, answer.end() - 1)));
  }
}

class ImprovOverBluetooth : public testing::Test, public Bluetooth::Characteristics {
 protected:
  void show(State state) override { states.push_back(state); }
  void show(Error error) override { errors.push_back(error); }
  void show_result(std::span<const std::uint8_t> result) override {
    results.emplace_back(result.begin(), result.end());
  }
  // The command and the sum of its bytes.
  static Bytes summed(Bytes rpc) {
    rpc.push_back(checksum(rpc));
    return rpc;
  }
  void order(std::uint8_t number, const Bytes& payload = {}) {
    bluetooth.write(summed(command(number, payload)), Uptime{0});
  }

  Meter meter;
  Bluetooth bluetooth{meter, *this, false};
  std::vector<State> states;
  std::vector<Error> errors;
  std::vector<Bytes> results;
};

TEST_F(ImprovOverBluetooth, NobodyWithoutAPressedButtonGivesItANetwork) {
  order(1, strings({"home", "pass"}));
  order(0x80, strings({"mqtts://hub", "home", "cellar", "s3cret"}));
  order(4);

  EXPECT_THAT(errors,
              ElementsAre(Error::not_authorized, Error::not_authorized, Error::not_authorized));
  EXPECT_EQ(meter.joining + meter.hub, "");
  EXPECT_EQ(bluetooth.state(), State::authorization_required);
}

// 02 + 00 sums to 02.
TEST_F(ImprovOverBluetooth, ItCanBeFoundAndAskedWhatItIsBefore) {
  bluetooth.write(Bytes{0x02, 0x00, 0x02}, Uptime{0});
  order(3);

  EXPECT_EQ(meter.blinks, 1);
  EXPECT_THAT(results, ElementsAre(summed(command(3, strings({"Lenz", "1.2", "ESP32", "meter"})))));
}

TEST_F(ImprovOverBluetooth, AfterTheButtonItJoinsAndItsCommandMayComeInPieces) {
  bluetooth.authorize(Uptime{0});
  const auto rpc = summed(command(1, strings({"a network with a long name", "and a password"})));
  for (std::size_t at = 0; at < rpc.size(); at += 20) {
    bluetooth.write(std::span(rpc).subspan(at, std::min<std::size_t>(20, rpc.size() - at)),
                    Uptime{9});
  }
  bluetooth.joined(true);

  EXPECT_EQ(meter.joining, "a network with a long name|and a password");
  EXPECT_THAT(states, ElementsAre(State::ready, State::provisioning, State::provisioned));
  EXPECT_THAT(results, ElementsAre(summed(command(1, strings({"http://10.0.0.9"})))));
}

TEST_F(ImprovOverBluetooth, TheWindowClosesAfterAMinute) {
  bluetooth.authorize(Uptime{0});
  bluetooth.step(Uptime{59'999});
  EXPECT_EQ(bluetooth.state(), State::ready);

  bluetooth.step(Uptime{60'000});
  order(1, strings({"home", "pass"}));

  EXPECT_EQ(bluetooth.state(), State::authorization_required);
  EXPECT_THAT(errors, ElementsAre(Error::not_authorized));
}

TEST_F(ImprovOverBluetooth, ABrokenOrOverlongCommandIsDroppedAndTheNextIsHeard) {
  bluetooth.write(Bytes{0x03, 0x00, 0x04}, Uptime{0});
  bluetooth.write(Bytes(300, 1), Uptime{0});
  bluetooth.write(Bytes{0x03}, Uptime{0});
  bluetooth.forget();
  order(3);

  EXPECT_THAT(errors, ElementsAre(Error::invalid_rpc, Error::invalid_rpc));
  EXPECT_EQ(results.size(), 1u);
}

TEST_F(ImprovOverBluetooth, NoBytesBreakIt) {
  constexpr unsigned seed = 7;  // Change it to try others.
  std::mt19937 random(seed);
  bluetooth.authorize(Uptime{0});
  for (int round = 0; round < 20'000; ++round) {
    Bytes payload(random() % 40);
    for (auto& byte : payload) byte = static_cast<std::uint8_t>(random() % 12);
    auto sent = summed(command(any_command(random), payload));
    if (random() % 2) sent[random() % sent.size()] = static_cast<std::uint8_t>(random());
    bluetooth.write(sent, Uptime{round});
    if (random() % 8 == 0) bluetooth.forget();
    bluetooth.step(Uptime{round});
  }

  EXPECT_GT(results.size(), 500u) << "seed " << seed;
  for (const auto& result : results) {
    ASSERT_EQ(result.size(), 3u + result[1]);
    ASSERT_EQ(checksum(std::span(result).first(result.size() - 1)), result.back());
  }
}

}  // namespace
}  // namespace firmware::improv
