#include "hub/hub.h"

#include <gtest/gtest.h>

#include <vector>

namespace hub {
namespace {

using measurement::ReportHeader;
using measurement::Sample;
using measurement::StoredRange;
using measurement::Timestamp;
using measurement::Uptime;
using namespace std::chrono_literals;

// A store that forgets what was not committed of one boot, older than those of `later`.
class ForgetfulStore final : public Store {
 public:
  std::expected<Appended, StoreError> append(const ReportHeader& header,
                                             std::span<const Sample> samples) override {
    if (is_full) return std::unexpected(StoreError::full);
    booted_at = header.booted_at;
    Appended appended;
    for (const auto& sample : samples) {
      const bool added = !durable.contains(sample.number) && pending.insert(sample.number).second;
      ++(added ? appended.added : appended.duplicate);
    }
    return appended;
  }
  std::expected<void, StoreError> commit() override {
    const auto numbers = std::exchange(pending, {});
    if (is_full) return std::unexpected(StoreError::full);
    durable.insert(numbers.begin(), numbers.end());
    return {};
  }
  std::uint64_t undone() const override { return 0; }
  std::expected<std::vector<StoredRange>, StoreError> stored(std::string_view,
                                                             std::size_t most) override {
    auto ranges = later;
    for (const auto number : durable) {
      if (ranges.size() == later.size() || ranges.back().end != number) {
        ranges.push_back({1, measurement::Stream::samples, number, number});
      }
      ranges.back().end = number + 1;
    }
    if (ranges.size() > most) ranges.resize(most);
    return ranges;
  }
  std::expected<Points, StoreError> read(const Series&, TimeRange, std::chrono::milliseconds,
                                         Columns) override {
    return Points{};
  }
  std::expected<std::optional<Last>, StoreError> last(std::string_view) override {
    return std::nullopt;
  }
  std::expected<std::vector<Gap>, StoreError> gaps(std::string_view, TimeRange) override {
    return std::vector<Gap>{};
  }
  std::expected<Tally, StoreError> tally(std::string_view) override { return Tally{}; }
  std::expected<measurement::Origin, StoreError> origin(std::string_view) override {
    return measurement::Origin{};
  }
  std::expected<std::vector<Kept>, StoreError> samples(std::string_view, TimeRange) override {
    return std::vector<Kept>{};
  }
  std::expected<measurement::Sample, StoreError> totals_before(std::string_view, std::uint64_t,
                                                               measurement::Timestamp,
                                                               std::uint64_t) override {
    return measurement::Sample{};
  }
  std::expected<std::vector<Change>, StoreError> changes(std::uint64_t, std::size_t) override {
    return std::vector<Change>{};
  }
  std::expected<std::vector<std::string>, StoreError> devices() override {
    return std::vector<std::string>{};
  }
  std::expected<bool, StoreError> tidy(Timestamp) override { return true; }

  bool is_full = false;
  std::vector<StoredRange> later;
  std::set<std::uint64_t> pending, durable;
  std::optional<Timestamp> booted_at;
};

class HubTest : public testing::Test {
 protected:
  HubTest() : hub(store, live) { hub.admit("main-panel"); }

  std::expected<void, Rejected> accept(std::uint64_t number, const char* device = "main-panel",
                                       measurement::Stream stream = measurement::Stream::samples) {
    Sample sample(1);
    sample.number = number;
    sample.uptime = Uptime(1000 * (static_cast<std::int64_t>(number) + 1));
    return hub.accept(
        {{.device = device, .boot = 1, .stream = stream, .chips = 1, .booted_at = booted},
         {&sample, 1}},
        now);
  }

  const Timestamp now = std::chrono::sys_days(std::chrono::year(2026) / 3 / 1);
  std::optional<Timestamp> booted = now - 1h;
  ForgetfulStore store;
  LiveFeed live;
  Hub hub;
};

TEST_F(HubTest, AReportThatArrivesLateIsKeptButDoesNotTurnThePageBack) {
  std::vector<std::uint64_t> told;
  const auto listening =
      live.subscribe([&](const LiveFeed::Moment& m) { told.push_back(m.sample.number); });

  EXPECT_TRUE(accept(2));
  EXPECT_TRUE(accept(1));
  EXPECT_TRUE(accept(1));
  EXPECT_TRUE(hub.confirm());

  EXPECT_EQ(store.durable, (std::set<std::uint64_t>{1, 2}));
  EXPECT_EQ(told, std::vector<std::uint64_t>{2});
}

TEST_F(HubTest, AnEdgeOfSomeChannelsIsKeptAndIsNotThePresent) {
  unsigned told = 0;
  const auto listening = live.subscribe([&](const LiveFeed::Moment&) { ++told; });

  EXPECT_TRUE(accept(0, "main-panel", measurement::Stream::edges));
  EXPECT_TRUE(hub.confirm());

  EXPECT_EQ(store.durable, (std::set<std::uint64_t>{0}));
  EXPECT_EQ(told, 0u);
}

TEST_F(HubTest, AMeterThatBringsTheSamplesOfAnOldStartIsToldOfIt) {
  for (std::uint64_t boot = 30; boot > 10; --boot) {
    store.later.push_back({boot, measurement::Stream::samples, 0, 5});
  }
  accept(0);

  const auto ranges = hub.confirm()->at(0).ranges;

  EXPECT_EQ(ranges.size(), measurement::max_stored_ranges);
  EXPECT_EQ(ranges[0], (StoredRange{1, measurement::Stream::samples, 0, 1}));
  EXPECT_EQ(ranges[1], store.later[0]);
}

TEST_F(HubTest, AStrangersReportIsRefused) {
  EXPECT_EQ(accept(0, "stranger").error(), Rejected::unknown_device);
  EXPECT_TRUE(hub.confirm()->empty());
}

TEST_F(HubTest, OnlyWhatIsOnTheDiskIsAcknowledged) {
  accept(0);
  accept(1);

  const auto acknowledged = hub.confirm();

  ASSERT_EQ(acknowledged->size(), 1u);
  EXPECT_EQ(acknowledged->at(0).device, "main-panel");
  EXPECT_EQ(acknowledged->at(0).ranges,
            (std::vector<StoredRange>{{1, measurement::Stream::samples, 0, 2}}));
}

TEST_F(HubTest, WhenTheDiskIsFullNothingIsAcknowledgedAndItGoesOnWhenThereIsRoomAgain) {
  accept(0);
  store.is_full = true;
  EXPECT_EQ(hub.confirm().error(), StoreError::full);
  EXPECT_EQ(accept(1).error(), Rejected::not_stored);

  store.is_full = false;
  EXPECT_TRUE(hub.confirm()->empty());
  accept(0);
  accept(1);

  EXPECT_EQ(hub.confirm()->at(0).ranges.at(0).end, 2u);
}

TEST_F(HubTest, AMeterWithoutAClockIsGivenTheTimeOfArrival) {
  booted.reset();

  ASSERT_TRUE(accept(4));

  EXPECT_EQ(store.booted_at, now - 5s);  // Sample 4 is five seconds after the boot.
}

TEST_F(HubTest, AMeterWhoseClockIsAbsurdIsRefusedWithItsSampleKeptAtTheMeter) {
  booted = Timestamp(0ms);

  EXPECT_EQ(accept(0).error(), Rejected::implausible_time);
  EXPECT_TRUE(store.pending.empty());
}

}  // namespace
}  // namespace hub
