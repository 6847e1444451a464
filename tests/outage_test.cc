// A meter with 4 MB of flash whose hub is away for a day, on a line that loses messages and with a
// supply that fails: chips, driver, outbox, flash, hub and store, in virtual time.

#include <fmt/format.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <deque>
#include <map>
#include <random>
#include <set>
#include <vector>

#include "firmware/device.h"
#include "firmware/ram_storage.h"
#include "hub/files/simulated_disk.h"
#include "hub/hub.h"
#include "hub/store/sqlite_store.h"
#include "measurement/report_codec.h"
#include "simulator/board.h"
#include "simulator/flash.h"

namespace lenz {
namespace {

using firmware::Device;
using firmware::FlashLog;
using firmware::FlashLogOptions;
using measurement::Quantity;
using measurement::Sample;
using measurement::Stream;
using measurement::Timestamp;
using measurement::Uptime;
using namespace std::chrono_literals;

constexpr std::size_t log_bytes = 220 * firmware::Flash::sector;  // Of 4 MB, beside two images.
constexpr auto off_time = 20s;

// Channel c draws (c + 1) x 180 W, at 230 V.
class TwelveHeaters final : public simulator::Scene {
 public:
  const std::vector<simulator::Channel>& channels() const override { return channels_; }
  measurement::Hertz line_frequency() const override { return {50}; }
  Moment advance(Timestamp now, std::span<simulator::ChipInput> chips) override {
    for (std::size_t c = 0; c < channels_.size(); ++c) {
      auto& chip = chips[measurement::chip_of(c)];
      chip.voltage.fill({230});
      chip.frequency = {50};
      const auto watts = static_cast<float>(180 * (c + 1));
      chip.channels[c % 3] = {.fundamental_power = {watts}, .current = {watts / 230}};
    }
    return {.powered = true, .until = now + 24h * 365};
  }

 private:
  std::vector<simulator::Channel> channels_{12, {"heater", {20}}};
};

// Between a meter and a hub; of what travels either way it loses a share.
class Line final : public firmware::Transport {
 public:
  Line(hub::Hub& hub, std::uint64_t seed) : hub_(hub), random_(seed) {}

  bool is_up() const override { return up; }
  unsigned connections() const override { return connected; }
  bool send(firmware::Post, std::span<const std::uint8_t> report) override {
    if (reports_left == 0) return false;
    --reports_left;
    ++reports;
    if (!arrives()) return true;
    const auto decoded = measurement::decode(report, samples_);
    EXPECT_TRUE(decoded);
    const auto count = decoded->count;
    bytes += report.size();
    EXPECT_TRUE(hub_.accept({decoded->header, std::span(samples_).first(count)}, now));
    if (decoded->header.stream == Stream::samples) {
      newest = std::max(newest, *decoded->header.booted_at + samples_[count - 1].uptime);
    }
    return true;
  }
  std::optional<Received> receive(std::span<std::uint8_t> buffer) override {
    if (answers_.empty()) return std::nullopt;
    const auto answer = answers_.front();
    answers_.pop_front();
    std::ranges::copy(answer, buffer.begin());
    return Received{firmware::Mail::stored, answer.size()};
  }

  // What the hub says at the end of a group commit.
  void confirm() {
    const auto confirmed = hub_.confirm();
    ASSERT_TRUE(confirmed);
    for (const auto& one : *confirmed) {
      std::vector<std::uint8_t> answer(1024);
      answer.resize(measurement::encode(measurement::Answer{.ranges = one.ranges}, answer).value());
      if (arrives()) answers_.push_back(answer);
    }
  }

  void drop() { answers_.clear(), ++connected; }

  bool up = false;
  unsigned connected = 0;
  unsigned reports_left = 0;  // That it takes in this second.
  double losses = 0;
  Timestamp now{}, newest{};
  std::uint64_t reports = 0, bytes = 0;

 private:
  bool arrives() { return static_cast<double>(random_() >> 11) * 0x1p-53 >= losses; }

  hub::Hub& hub_;
  std::mt19937_64 random_;
  std::vector<Sample> samples_ = std::vector<Sample>(measurement::max_samples_per_report);
  std::deque<std::vector<std::uint8_t>> answers_;
};

class OutageTest : public testing::Test {
 protected:
  OutageTest() {
    hub.admit("meter-1");
    board.advance(now);
  }

  // The meter between two failures of its supply.
  struct Life {
    Life(OutageTest& world, std::uint64_t its_boot) : boot(its_boot), booted_at(world.now) {
      for (std::size_t chip = 0; chip < world.board.chips(); ++chip) {
        chips.emplace_back(world.board.bus(chip), world.board.configs()[chip]);
      }
      log.emplace(world.flash, window, FlashLogOptions::of(log_bytes));
      device.emplace(firmware::DeviceOptions{.name = "meter-1", .boot = boot}, chips, ram, window,
                     world.line);
      device->keep_in(*log);
      device->know_time(booted_at);
    }

    std::uint64_t boot;
    Timestamp booted_at;
    std::vector<firmware::Atm90e32> chips;
    std::array<std::uint8_t, 32 * 1024> bytes{};
    firmware::RamStorage ram{bytes};
    std::array<Sample, 20> window;
    std::optional<FlashLog> log;
    std::optional<Device> device;
  };

  struct Cut {
    std::uint64_t boot;
    Timestamp booted_at, at;
  };

  void second() {
    now += 1s;
    line.now = now;
    line.reports_left = reports_a_second;
    board.advance(now);
    if (!life && now >= on_again) life = std::make_unique<Life>(*this, ++boots);
    if (life) {
      const Uptime uptime = now - life->booted_at;
      life->device->sample(uptime);
      life->device->exchange(uptime);
    }
    line.confirm();
  }

  // The supply fails while the flash is written, or, when it is not, somewhat later.
  void cut_power() {
    flash.cut_after(random() % 3000);
    for (int patience = 15; patience > 0 && !flash.is_off(); --patience) second();
    flash.power_off();
    cuts.push_back({life->boot, life->booted_at, now});
    life.reset();
    for (std::size_t chip = 0; chip < board.chips(); ++chip) board.chip(chip).brown_out();
    line.drop();
    flash.power_on();
    on_again = now + off_time;
  }

  // With so many cuts, at random.
  void live(std::chrono::seconds time, int times = 0) {
    const Timestamp start = now, end = now + time;
    for (int i = 1; i <= times; ++i) {
      const auto next = start + time * i / (times + 1) + 1s * (random() % 60);
      while (now < next) second();
      cut_power();
      while (!life) second();
    }
    while (now < end) second();
  }

  static double milliwatt_hours(std::size_t channel, std::chrono::duration<double> time) {
    return 180.0 * static_cast<double>(channel + 1) * time.count() / 3.6;
  }

  double energy(std::size_t channel) {
    const auto points =
        store.read({"meter-1", Quantity::imported, channel}, {begin - 1h, now + 1h}, 1h);
    double sum = 0;
    for (const double gained : points->gained) sum += std::isnan(gained) ? 0 : gained;
    return sum;
  }

  const Timestamp begin = std::chrono::sys_days(std::chrono::year(2026) / 4 / 1);
  std::mt19937_64 random{11};
  Timestamp now = begin;
  TwelveHeaters scene;
  simulator::Board board{scene};
  hub::SimulatedDisk disk;
  hub::SqliteStore store{disk, "/home"};
  hub::LiveFeed feed;
  hub::Hub hub{store, feed};
  Line line{hub, 12};
  simulator::SimulatedFlash flash{log_bytes, 13};
  std::unique_ptr<Life> life;
  Timestamp on_again = begin;
  unsigned reports_a_second = 50;
  std::uint64_t boots = 0;
  std::vector<Cut> cuts;
};

TEST_F(OutageTest, ADayWithoutAHubAndThirtyPowerCutsLoseNoWattHourThatWasWritten) {
  live(24h, 15);
  line.up = true;
  ++line.connected;
  line.losses = 0.05;
  live(1h, 15);
  for (int patience = 600; patience > 0 && !life->log->empty(); --patience) second();
  ASSERT_TRUE(life->log->empty());
  ASSERT_EQ(cuts.size(), 30u);

  // The last that the hub has of each start, and how long before the cut that was.
  const auto kept = store.samples("meter-1", {begin, now + 1h});
  ASSERT_TRUE(kept);
  std::map<std::uint64_t, const hub::Store::Kept*> last;
  std::set<std::tuple<std::uint64_t, Stream, std::uint64_t>> names;
  for (const auto& one : *kept) {
    EXPECT_TRUE(names.emplace(one.boot, one.stream, one.sample.number).second) << "stored twice";
    auto& newest = last[one.boot];
    if (!newest || newest->time < one.time) newest = &one;
  }
  ASSERT_EQ(last.size(), 31u);
  Uptime longest{};
  for (const auto& cut : cuts) longest = std::max(longest, cut.at - last.at(cut.boot)->time);
  EXPECT_LE(longest, Device::write_every + 1s);

  // Each of them has all energy since its start, and the hub has counted just these.
  for (std::size_t c = 0; c < 12; ++c) {
    double sum = 0;
    for (const auto& [boot, newest] : last) {
      const auto total = newest->sample.get<Quantity::imported>(c);
      ASSERT_TRUE(total);
      // From the chip's set-up at the end of the first second to the sample, in counts of 4 mWh.
      const auto expected = milliwatt_hours(c, newest->sample.uptime - 1s);
      EXPECT_NEAR(static_cast<double>(total->value), expected, 4 + expected / 1000);
      sum += static_cast<double>(total->value);
    }
    EXPECT_DOUBLE_EQ(energy(c), sum);
  }

  // Each cut is a gap from at most a write period before it, and there are no others. One that the
  // line made shortly before may be beside it.
  const auto gaps = store.gaps("meter-1", {begin, now});
  ASSERT_TRUE(gaps);
  std::vector<bool> is_listed(cuts.size());
  for (const auto& gap : *gaps) {
    if (gap.channel) continue;
    const auto cut = std::ranges::find_if(cuts, [&](const Cut& one) {
      return one.at - Device::write_every <= gap.range.begin &&
             gap.range.end <= one.at + off_time + 2s;
    });
    ASSERT_NE(cut, cuts.end());
    if (gap.range.end >= cut->at + off_time)
      is_listed[static_cast<std::size_t>(cut - cuts.begin())] = true;
  }
  EXPECT_EQ(std::ranges::count(is_listed, true), 30);
  std::uint32_t erases = 0;
  for (const auto one : flash.erases()) erases = std::max(erases, one);
  fmt::print(
      "A day without a hub and 30 power cuts: at most {:.1f} s before a cut missing, {} reports, "
      "{} lost samples told, at most {} erases of a sector.\n",
      std::chrono::duration<double>(longest).count(), line.reports, store.tally("meter-1")->lost,
      erases);
}

TEST_F(OutageTest, TheBacklogComesAHundredTimesAsFastAsItGrewAndThePresentDoesNotWait) {
  live(24h);
  line.up = true;
  ++line.connected;
  reports_a_second = 20;

  int time = 0;
  Uptime worst{};
  do {
    second();
    ++time;
    if (time > 1) worst = std::max(worst, now - line.newest);
  } while (time < 3600 && !life->log->empty());

  EXPECT_LE(time, 24 * 3600 / 100);
  EXPECT_LE(worst, 1s);
  fmt::print("A day came in {} s, {:.0f} times as fast as it went by, in {} reports of {} bytes.\n",
             time, 24 * 3600.0 / time, line.reports, line.bytes / line.reports);
}

}  // namespace
}  // namespace lenz
