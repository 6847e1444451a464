// Against the firmware's own update, on simulated flash.

#include "hub/meter_updates.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <deque>
#include <optional>
#include <random>
#include <string>
#include <vector>

#include "firmware/service.h"
#include "measurement/manifest.h"
#include "simulator/boot_flash.h"
#include "simulator/signing_key.h"

namespace hub {
namespace {

using namespace std::chrono_literals;
using measurement::Timestamp;
using measurement::Uptime;
using simulator::bootable_image;
using simulator::BootFlash;
using simulator::SigningKey;
using Stage = MeterUpdates::State::Stage;
using testing::ElementsAre;
using testing::HasSubstr;
using Bytes = std::vector<std::uint8_t>;

// A meter without chips: its flash, its service and its way to the hub.
class Meter final : public firmware::BoardControl {
 public:
  Meter(const Bytes& image, SigningKey& key) : flash(slot_size, image), key_(key) { boot(); }

  void boot() {
    flash.restore_power();
    flash.boot();
    service.reset();
    const auto running = flash.running_image();
    const auto app = measurement::read_app_image(
        {reinterpret_cast<const char*>(running.data()), running.size()});
    version_ = app.value().version;
    update_.emplace(flash, key_,
                    firmware::Running{firmware::version_of(version_).value(), "esp32"});
    trial_.emplace(flash);
    service.emplace(std::span<firmware::Atm90e32>(), *this);
    service->take_updates(*update_);
    uptime_ = {};
  }
  void take_no_updates() { service.emplace(std::span<firmware::Atm90e32>(), *this); }
  void pass(Uptime time, bool is_sound) {
    uptime_ += time;
    service->step(uptime_);
    if (trial_->step(uptime_, {true, true, is_sound}) == firmware::Trial::Verdict::failed) boot();
    if (std::exchange(restarts_, false)) boot();
  }

  static constexpr std::size_t slot_size = 64 * 1024;
  BootFlash flash;
  std::optional<firmware::MeterService> service;

 private:
  bool keep(std::size_t, const firmware::ChannelConfig&) override { return false; }
  bool identify() override { return false; }
  bool restart() override { return restarts_ = true; }
  void tell(measurement::Diagnostics& to) const override { to.firmware = version_; }

  SigningKey& key_;
  std::string version_;
  std::optional<firmware::Update> update_;
  std::optional<firmware::Trial> trial_;
  Uptime uptime_{};
  bool restarts_ = false;
};

class MeterUpdatesTest : public testing::Test {
 protected:
  SigningKey key;
  const Bytes old_image = bootable_image(40'000, 1, "1.3.9");
  const Bytes new_image = bootable_image(50'000, 2, "1.4.0");
  Meter meter{old_image, key};
  Timestamp now{1'000'000s};
  std::deque<std::string> line;  // To the meter.
  std::uint64_t messages = 0;    // That were to be carried.
  std::mt19937 random{20};       // Change it to try others.
  double loss = 0;               // Share of messages.
  std::optional<std::uint64_t> cut_at;
  bool is_up = true, is_sound = true;
  std::uint64_t drawn = 0;
  std::vector<std::string> ended;
  std::vector<Stage> stages;

  MeterRequests requests{{.send =
                              [this](std::string_view, std::string_view, std::string_view bytes) {
                                if (is_up && arrives()) line.emplace_back(bytes);
                                return is_up;
                              },
                          .draw = [this] { return ++drawn; }}};
  MeterUpdates updates{requests};

  bool arrives() {
    ++messages;
    return std::bernoulli_distribution(1 - loss)(random);
  }
  std::string file(std::string_view version, const Bytes& image, std::string_view chip = "esp32",
                   const SigningKey* other = nullptr) const {
    return (other ? *other : key).manifest(version, image, chip) +
           std::string(image.begin(), image.end());
  }
  void begin(std::string file) {
    updates.begin("home", "meter-1", std::move(file), now, [this](const auto& state) {
      ended.push_back(state.why.empty() ? word(state.stage) : state.why);
    });
  }
  const MeterUpdates::State& state() const { return *updates.state("home", "meter-1"); }
  // A second: whatever is on the line comes and is answered, and answered again.
  void second() {
    while (!line.empty()) {
      const auto request = std::move(line.front());
      line.pop_front();
      if (cut_at && messages >= *cut_at) {
        cut_at.reset();
        meter.flash.cut_power_after(300);
      }
      meter.service->take(simulator::bytes_of(request), Uptime{});
      meter.pass(1ms, is_sound);
      if (!meter.flash.has_power()) {
        meter.boot();
        continue;
      }
      const auto reply = meter.service->reply();
      if (reply.empty()) continue;
      const std::string bytes(reply.begin(), reply.end());
      meter.service->sent(Uptime{});
      if (arrives()) requests.heard("home", "meter-1", bytes, now);
    }
    now += 1s;
    meter.pass(1s, is_sound);
    requests.expire(now);
    updates.step(now);
    if (stages.empty() || stages.back() != state().stage) stages.push_back(state().stage);
  }
  void pass(std::chrono::seconds time) {
    for (auto s = 0s; s < time && !state().is_over(); s += 1s) second();
  }
  bool runs(const Bytes& image) const {
    return std::ranges::equal(meter.flash.running_image().first(image.size()), image);
  }
};

TEST_F(MeterUpdatesTest, ASignedImageIsWrittenStartedTriedAndConfirmed) {
  is_sound = false;
  begin(file("1.4.0", new_image));
  pass(30s);
  EXPECT_EQ(state().stage, Stage::on_trial);
  EXPECT_EQ(state().written, 50'000u);
  is_sound = true;
  pass(30s);

  EXPECT_TRUE(runs(new_image));
  EXPECT_THAT(ended, ElementsAre("confirmed"));
  EXPECT_THAT(stages, ElementsAre(Stage::starting, Stage::on_trial, Stage::confirmed));
}

TEST_F(MeterUpdatesTest, AnImageThatIsNotSoundGoesBackAndThatIsSaid) {
  is_sound = false;
  begin(file("1.4.0", new_image));
  pass(400s);

  EXPECT_TRUE(runs(old_image));
  EXPECT_EQ(state().stage, Stage::went_back);
  EXPECT_THAT(state().why, HasSubstr("found 1.4.0 not sound within five minutes and runs 1.3.9"));
}

TEST_F(MeterUpdatesTest, LostMessagesAreSaidAgain) {
  for (const auto share : {0.02, 0.1, 0.3}) {
    meter.flash = BootFlash(Meter::slot_size, old_image);
    meter.boot();
    loss = share;
    begin(file("1.4.0", new_image));
    pass(3600s);

    EXPECT_EQ(state().stage, Stage::confirmed) << share << ": " << state().why;
    EXPECT_TRUE(runs(new_image));
  }
}

// Each message is cut once, 300 bytes into what it has to write.
TEST_F(MeterUpdatesTest, APowerCutAmidAnyPieceIsMadeGood) {
  const auto pieces = new_image.size() / measurement::max_request_data + 3;
  for (std::uint64_t cut = 1; cut < 2 * pieces; cut += 2) {
    meter.flash = BootFlash(Meter::slot_size, old_image);
    meter.boot();
    cut_at = messages + cut;
    begin(file("1.4.0", new_image));
    pass(120s);

    ASSERT_EQ(state().stage, Stage::confirmed) << cut << ": " << state().why;
    ASSERT_TRUE(runs(new_image)) << cut;
  }
}

TEST_F(MeterUpdatesTest, WhatTheMeterRefusesIsSaidAndChangesNothing) {
  const SigningKey other;
  const auto refused = [&](std::string what) {
    begin(std::move(what));
    pass(60s);
    EXPECT_EQ(state().stage, Stage::failed);
    return state().why;
  };
  auto damaged = file("1.4.0", new_image);
  damaged.back() = static_cast<char>(damaged.back() ^ 1);
  const auto large = bootable_image(Meter::slot_size + 1, 3, "1.4.0");

  EXPECT_THAT(refused(file("1.4.0", new_image, "esp32", &other)), HasSubstr("not signed"));
  EXPECT_THAT(refused(file("1.4.0", new_image, "esp32s3")), HasSubstr("another controller"));
  EXPECT_THAT(refused(file("1.3.9", new_image)), HasSubstr("raise the version"));
  EXPECT_THAT(refused(file("1.4.0", large)), HasSubstr("larger than the meter's slot"));
  EXPECT_THAT(refused(damaged), HasSubstr("not the one that was signed"));
  EXPECT_THAT(refused("nothing"), HasSubstr("not a manifest"));
  EXPECT_TRUE(runs(old_image));
  EXPECT_EQ(ended.size(), 6u);
}

TEST_F(MeterUpdatesTest, AMeterThatIsAwayIsWaitedForTenMinutes) {
  is_up = false;
  begin(file("1.4.0", new_image));
  pass(300s);
  is_up = true;
  pass(60s);
  EXPECT_EQ(state().stage, Stage::confirmed);

  is_up = false;
  begin(file("1.5.0", bootable_image(50'000, 3, "1.5.0")));
  pass(700s);
  EXPECT_EQ(state().stage, Stage::failed);
  EXPECT_THAT(state().why, HasSubstr("does not reply any more"));
}

TEST_F(MeterUpdatesTest, ALaterUpdateTakesThePlaceOfOneUnderWay) {
  is_up = false;
  begin(file("1.4.0", new_image));
  is_up = true;
  const auto later = bootable_image(45'000, 3, "1.5.0");
  begin(file("1.5.0", later));
  pass(60s);

  EXPECT_TRUE(runs(later));
  EXPECT_THAT(ended, ElementsAre("Another update took its place.", "confirmed"));
}

TEST_F(MeterUpdatesTest, AMeterThatTakesNoneIsSentToTheCable) {
  meter.take_no_updates();
  begin(file("1.4.0", new_image));
  pass(10s);

  EXPECT_THAT(state().why, HasSubstr("by the cable"));
}

}  // namespace
}  // namespace hub
