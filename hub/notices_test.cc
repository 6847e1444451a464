#include "hub/notices.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace hub {
namespace {

using measurement::Timestamp;
using namespace std::chrono_literals;
using testing::HasSubstr;

// A Monday.
const Timestamp midnight = std::chrono::sys_days(std::chrono::year(2026) / 3 / 2);

std::chrono::minutes utc(Timestamp) { return 0min; }

Notice notice(const std::string& about, Sending sending, Timestamp time) {
  return {.about = about, .sending = sending, .time = time, .title = about, .text = about + "."};
}

class Notices : public testing::Test {
 protected:
  Notices() { queue.set_channels({"email"}); }

  void add(const std::string& about, Sending sending, Timestamp time) {
    EXPECT_TRUE(queue.add(notice(about, sending, time), time, 24h));
  }
  // What is sent between the times, looking every minute.
  std::vector<std::pair<std::string, Timestamp>> sent(Timestamp begin, Timestamp end,
                                                      bool is_taken = true) {
    std::vector<std::pair<std::string, Timestamp>> found;
    for (auto now = begin; now < end; now += 1min) {
      while (const auto one = queue.next("email", now)) {
        queue.done("email", *one, is_taken, now);
        found.emplace_back(one->title, now);
      }
    }
    return found;
  }

  NoticeQueue queue{utc, ""};
};

using Sent = std::vector<std::pair<std::string, Timestamp>>;

TEST_F(Notices, keep_quiet_at_night_but_for_danger) {
  add("dryer", Sending::today, midnight + 23h);
  add("neutral", Sending::at_once, midnight + 23h + 5min);

  EXPECT_EQ(sent(midnight + 23h + 5min, midnight + 48h),
            (Sent{{"neutral", midnight + 23h + 5min}, {"dryer", midnight + 31h}}));
}

TEST_F(Notices, keep_quiet_by_the_homes_clocks) {
  NoticeQueue east([](Timestamp) { return 120min; }, "");
  east.set_channels({"email"});
  east.add(notice("dryer", Sending::today, midnight), midnight, 24h);

  EXPECT_FALSE(east.next("email", midnight + 4h + 59min));
  EXPECT_TRUE(east.next("email", midnight + 5h));
}

TEST_F(Notices, put_what_can_wait_into_one_digest_a_week) {
  add("fridge", Sending::digest, midnight + 9h);
  add("freezer", Sending::digest, midnight + 72h);

  const auto found = sent(midnight + 9h, midnight + 20 * 24h);

  EXPECT_EQ(found, (Sent{{"2 things worth a look this week", midnight + 7 * 24h + 8h}}));
}

TEST_F(Notices, say_each_thing_of_a_digest) {
  add("fridge", Sending::digest, midnight);
  add("freezer", Sending::digest, midnight + 1h);

  const auto one = queue.next("email", midnight + 8h);

  ASSERT_TRUE(one);
  EXPECT_EQ(one->text, "fridge\nfridge.\n\nfreezer\nfreezer.");
}

TEST_F(Notices, do_not_repeat_themselves) {
  add("dryer", Sending::today, midnight + 12h);
  EXPECT_FALSE(queue.add(notice("dryer", Sending::today, midnight + 13h), midnight + 13h, 24h));
  EXPECT_TRUE(queue.add(notice("dryer", Sending::today, midnight + 36h), midnight + 36h, 24h));
}

TEST_F(Notices, are_tried_again_ever_less_often_and_given_up_after_a_day) {
  add("dryer", Sending::at_once, midnight);

  const auto tries = sent(midnight, midnight + 48h, false);

  ASSERT_GT(tries.size(), 7u);
  EXPECT_EQ(tries[1].second, midnight + 1min);
  EXPECT_EQ(tries[2].second, midnight + 3min);
  EXPECT_EQ(tries[3].second, midnight + 7min);
  EXPECT_EQ(tries.back().second - tries[tries.size() - 2].second, 60min);
  EXPECT_GE(tries.back().second, midnight + 24h);
  EXPECT_LE(tries.back().second, midnight + 25h);
  EXPECT_EQ(queue.waiting(), 0u);
  EXPECT_EQ(queue.lost(), 1u);
}

TEST_F(Notices, that_one_channel_has_taken_still_wait_for_the_other) {
  queue.set_channels({"email", "webhook"});
  add("dryer", Sending::at_once, midnight);

  queue.done("email", *queue.next("email", midnight), true, midnight);

  EXPECT_FALSE(queue.next("email", midnight));
  EXPECT_TRUE(queue.next("webhook", midnight));
}

TEST_F(Notices, survive_a_restart) {
  add("dryer", Sending::today, midnight);

  NoticeQueue again(utc, queue.memory());
  again.set_channels({"email"});

  EXPECT_FALSE(again.add(notice("dryer", Sending::today, midnight + 1h), midnight + 1h, 24h));
  const auto one = again.next("email", midnight + 7h);
  ASSERT_TRUE(one);
  EXPECT_EQ(one->title, "dryer");
  ASSERT_EQ(again.recent().size(), 1u);
}

TEST_F(Notices, begin_anew_with_a_damaged_memory) {
  add("dryer", Sending::today, midnight);
  const auto memory = queue.memory();
  for (std::size_t size = 0; size < memory.size(); ++size) {
    EXPECT_EQ(NoticeQueue(utc, memory.substr(0, size)).waiting(), 0u) << size;
  }
}

TEST_F(Notices, have_a_limit_of_which_the_oldest_falls_out) {
  for (std::size_t i = 0; i <= NoticeQueue::most_waiting; ++i) {
    add(std::to_string(i), Sending::at_once, midnight);
  }
  EXPECT_EQ(queue.waiting(), NoticeQueue::most_waiting);
  EXPECT_EQ(queue.lost(), 1u);
  EXPECT_EQ(queue.next("email", midnight)->title, "1");
}

}  // namespace
}  // namespace hub
