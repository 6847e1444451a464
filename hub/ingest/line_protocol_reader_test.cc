#include "hub/ingest/line_protocol_reader.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <random>

namespace hub {
namespace {

using measurement::Timestamp;
using namespace std::chrono_literals;
using Got = LineProtocolReader::Got;
using Type = LineField::Type;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::Pair;

const Timestamp now = std::chrono::sys_days(std::chrono::year(2026) / 3 / 1) + 12h;
const TimeRange allowed{std::chrono::sys_days(std::chrono::year(2000) / 1 / 1), now + 24h};

LineProtocolReader reader(std::string_view text, std::chrono::nanoseconds unit = 1ms) {
  return {text, unit, allowed, now};
}

// The complaint about the first line of a text; empty: there is none.
std::string complaint(std::string_view text, std::chrono::nanoseconds unit = 1ms) {
  auto lines = reader(text, unit);
  return lines.next() == Got::fault ? lines.fault() : "";
}

Decimal number(std::string_view text) {
  const auto line = "p v=" + std::string(text);
  auto lines = reader(line);
  EXPECT_EQ(lines.next(), Got::line) << text << ": " << lines.fault();
  return lines.fields().empty() ? Decimal{} : lines.fields()[0].number;
}

TEST(LineProtocol, ALineIsItsSeriesItsFieldsAndItsTime) {
  auto lines =
      reader("circuit,circuit=fridge,home=h active_power_w=80.5,on=t,note=\"a\" 1700000000000\n");

  ASSERT_EQ(lines.next(), Got::line);
  EXPECT_EQ(lines.series(), "circuit,circuit=fridge,home=h");
  ASSERT_EQ(lines.fields().size(), 3u);
  EXPECT_EQ(lines.fields()[0].key, "active_power_w");
  EXPECT_EQ(lines.fields()[0].number, (Decimal{805, -1}));
  EXPECT_EQ(lines.fields()[1].type, Type::boolean);
  EXPECT_EQ(lines.fields()[2].type, Type::text);
  EXPECT_EQ(lines.time().time_since_epoch(), 1'700'000'000'000ms);
  EXPECT_EQ(lines.next(), Got::end);
}

TEST(LineProtocol, NumbersAreExact) {
  EXPECT_EQ(number("0"), (Decimal{0, 0}));
  EXPECT_EQ(number("-12.50"), (Decimal{-1250, -2}));
  EXPECT_EQ(number("+3"), (Decimal{3, 0}));
  EXPECT_EQ(number(".5"), (Decimal{5, -1}));
  EXPECT_EQ(number("5."), (Decimal{5, 0}));
  EXPECT_EQ(number("17i"), (Decimal{17, 0}));
  EXPECT_EQ(number("17u"), (Decimal{17, 0}));
  EXPECT_EQ(number("1.5e3"), (Decimal{15, 2}));
  EXPECT_EQ(number("25E-4"), (Decimal{25, -4}));
  EXPECT_EQ(number("000000000000000000000000000001"), (Decimal{1, 0}));
  // 20 digits: the last two are cut off, and their place is kept.
  EXPECT_EQ(number("12345678901234567891"), (Decimal{123456789012345678, 2}));
  EXPECT_EQ(number("0.00000000000000000000123"), (Decimal{123, -23}));
}

TEST(LineProtocol, NumbersBecomeWholeSteps) {
  EXPECT_EQ(in_steps({805, -1}, -1), 805);
  EXPECT_EQ(in_steps({805, -1}, -3), 80'500);
  EXPECT_EQ(in_steps({8049, -2}, -1), 805);  // 80.49 W
  EXPECT_EQ(in_steps({8045, -2}, -1), 805);  // Half away from zero.
  EXPECT_EQ(in_steps({-8045, -2}, -1), -805);
  EXPECT_EQ(in_steps({8044, -2}, -1), 804);
  EXPECT_EQ(in_steps({1, -300}, -1), 0);
  EXPECT_EQ(in_steps({1, 300}, -1), std::nullopt);
  EXPECT_EQ(in_steps({0, 300}, -1), 0);
  EXPECT_EQ(in_steps({123456789012345678, 2}, -1), std::nullopt);
}

TEST(LineProtocol, TimesAreInTheUnitThatWasSaid) {
  const auto time = [](std::string_view text, std::chrono::nanoseconds unit) {
    auto lines = reader(text, unit);
    EXPECT_EQ(lines.next(), Got::line) << lines.fault();
    return lines.time().time_since_epoch();
  };
  EXPECT_EQ(time("p v=1 1700000000123456789", 1ns), 1'700'000'000'123ms);
  EXPECT_EQ(time("p v=1 1700000000123456", 1us), 1'700'000'000'123ms);
  EXPECT_EQ(time("p v=1 1700000000123", 1ms), 1'700'000'000'123ms);
  EXPECT_EQ(time("p v=1 1700000000", 1s), 1'700'000'000'000ms);
  EXPECT_EQ(time("p v=1 28333333", 1min), 1'699'999'980'000ms);
  EXPECT_EQ(time("p v=1 472222", 1h), 1'699'999'200'000ms);
  EXPECT_EQ(time("p v=1", 1s), now.time_since_epoch());
}

TEST(LineProtocol, EscapesAndTextsMayHoldWhatSeparates) {
  auto lines = reader(
      "my\\ home,ro\\,om=a\\=b,k=back\\slash fie\\ ld=\"x, y=\\\"1\\\"\nz\",w=2 1700000000000\np "
      "v=1");

  ASSERT_EQ(lines.next(), Got::line) << lines.fault();
  const auto name = parse_series(lines.series());
  ASSERT_TRUE(name);
  EXPECT_EQ(name->measurement, "my home");
  EXPECT_THAT(name->tags, ElementsAre(Pair("ro,om", "a=b"), Pair("k", "back\\slash")));
  EXPECT_EQ(lines.fields()[0].key, "fie\\ ld");
  EXPECT_EQ(lines.fields()[1].number, (Decimal{2, 0}));
  ASSERT_EQ(lines.next(), Got::line);
  EXPECT_EQ(lines.line(), 3u);  // The text above had a newline in it.
}

TEST(LineProtocol, AWrongLineIsSkippedAndNamed) {
  auto lines =
      reader("\n# a comment\np v=1 1700000000000\r\np v=x 1700000000000\n\np v=2 1700000001000");

  ASSERT_EQ(lines.next(), Got::line);
  EXPECT_EQ(lines.line(), 3u);
  ASSERT_EQ(lines.next(), Got::fault);
  EXPECT_EQ(lines.line(), 4u);
  ASSERT_EQ(lines.next(), Got::line);
  EXPECT_EQ(lines.fields()[0].number, (Decimal{2, 0}));
  EXPECT_EQ(lines.next(), Got::end);
}

TEST(LineProtocol, EveryMistakeHasItsSentence) {
  EXPECT_EQ(complaint("p"), "has no fields");
  EXPECT_EQ(complaint("p,a=b\n"), "has no fields");
  EXPECT_EQ(complaint("p v"), "has a field without a value");
  EXPECT_EQ(complaint("p v 1"), "has a field without a value");
  EXPECT_EQ(complaint("p v="), "has a field without a value");
  EXPECT_EQ(complaint("p v=,w=1"), "has a field without a value");
  EXPECT_EQ(complaint("p v=1,"), "has a field without a value");
  EXPECT_EQ(complaint("p =1"), "has a field without a name");
  for (const char* bad :
       {"-", ".", "1x", "1e", "1.5i", "0x10", "1e3i", "--1", "NaN", "inf", "tr"}) {
    EXPECT_EQ(complaint("p v=" + std::string(bad)), "has a value that is no number") << bad;
  }
  EXPECT_EQ(complaint("p v=1e999"), "has a number that is too long");
  EXPECT_EQ(complaint("p v=\"abc"), "has a text without an end");
  EXPECT_EQ(complaint("p v=\"abc\"d"), "goes on after a text's end");
  EXPECT_EQ(complaint("p v=1 -5"), "has a time before 1970");
  EXPECT_EQ(complaint("p v=1 soon"), "has a time that is no number");
  EXPECT_EQ(complaint("p v=1 1700000000000 x"), "goes on after its time");
  EXPECT_THAT(complaint("p v=1 1700000000"), HasSubstr("too early"));  // Seconds for milliseconds.
  EXPECT_THAT(complaint("p v=1 1700000000000", 1s), HasSubstr("too late"));
  EXPECT_THAT(complaint("p v=1 99999999999999999999999"), HasSubstr("too late"));
  EXPECT_THAT(complaint("p v=1 9999999999999999999", 1h), HasSubstr("too late"));
  EXPECT_THAT(complaint("p v=\"" + std::string(17'000, 'x') + "\""), HasSubstr("longer than"));
  std::string many = "p a=1";
  for (int i = 0; i < 64; ++i) many += ",a=1";
  EXPECT_THAT(complaint(many), HasSubstr("more than 64 fields"));
}

TEST(LineProtocol, ASeriesThatIsNoneIsRefused) {
  for (const char* bad : {",a=b", "p,", "p,a", "p,a=", "p,=b", "p,a=b,", "p,a=b=c", "p,a=b,a=c"}) {
    EXPECT_FALSE(parse_series(bad)) << bad;
  }
  EXPECT_FALSE(parse_series("p,a=\x01"));
  EXPECT_FALSE(parse_series("p,a=" + std::string(257, 'x')));
  std::string many = "p";
  for (int i = 0; i < 33; ++i) many += ",k" + std::to_string(i) + "=v";
  EXPECT_FALSE(parse_series(many));
}

TEST(LineProtocol, AGuessNeverChangesWhatIsRead) {
  const std::string text = "p,c=1 v=1\np,c=12 v=2\np,c=1 v=3\np,c=1";
  auto guessed = reader(text);
  auto plain = reader(text);
  for (bool is_over = false; !is_over;) {
    const auto got = guessed.next("p,c=1");
    ASSERT_EQ(got, plain.next());
    is_over = got == Got::end;
    if (got == Got::line) {
      EXPECT_EQ(guessed.series(), plain.series());
      EXPECT_EQ(guessed.is_guessed(), plain.series() == "p,c=1");
      EXPECT_EQ(guessed.fields()[0].number, plain.fields()[0].number);
    }
  }
}

// A line that begins like the one before is read faster, and not otherwise.
TEST(LineProtocol, WhatTheLineBeforeWasChangesNothing) {
  const unsigned seed = 11;
  std::mt19937 random(seed);
  const auto any = [&](const std::vector<std::string>& words) {
    return words[random() % words.size()];
  };
  for (int i = 0; i < 20'000; ++i) {
    std::vector<std::string> lines;
    std::string text;
    while (lines.size() < 4) {
      std::string line = "p " + any({"v", "vv", "a", "v\\=", ""}) + "=" +
                         any({"1", "-1.5", ".5", "5.", "1e3", "007.50", "5i", "-", ".", "x",
                              "\"t\"", "t", "123456789012345678", "1234567890.12345678901", ""});
      if (random() % 2) line += "," + any({"v", "w"}) + "=" + any({"0.25", "250", "-7", "2.5e1"});
      line += any({"", " 1767225600000", " 1767225600001", " 17672256000000", " 1767225600000 ",
                   " 0", " x"});
      text += line + "\n";
      lines.push_back(std::move(line));
    }
    auto together = reader(text);
    for (const auto& line : lines) {
      auto alone = reader(line);
      const auto got = alone.next();
      ASSERT_EQ(together.next(), got) << "seed " << seed << ": " << text;
      ASSERT_STREQ(got == Got::fault ? together.fault() : "",
                   got == Got::fault ? alone.fault() : "");
      if (got != Got::line) continue;
      EXPECT_EQ(together.time(), alone.time()) << text;
      ASSERT_EQ(together.fields().size(), alone.fields().size()) << text;
      for (std::size_t f = 0; f < alone.fields().size(); ++f) {
        EXPECT_EQ(together.fields()[f].key, alone.fields()[f].key) << text;
        EXPECT_EQ(together.fields()[f].type, alone.fields()[f].type) << text;
        if (alone.fields()[f].type != Type::number) continue;
        EXPECT_EQ(together.fields()[f].number, alone.fields()[f].number) << text;
      }
    }
  }
}

// With the sanitizers on, this is where a step beyond the text's end is found.
TEST(LineProtocol, NoTextMakesItStumble) {
  const unsigned seed = 7;
  std::mt19937 random(seed);
  constexpr std::string_view alphabet = "p,c=1 v.-+eiut\"\\\n\r#09";
  for (int i = 0; i < 200'000; ++i) {
    std::vector<char> text(random() % 40);
    for (auto& c : text) c = alphabet[random() % alphabet.size()];
    auto lines = reader({text.data(), text.size()});
    std::size_t most = text.size() + 2;
    while (lines.next() != Got::end) {
      ASSERT_GT(--most, 0u) << "seed " << seed << ": it does not move on";
    }
  }
}

}  // namespace
}  // namespace hub
