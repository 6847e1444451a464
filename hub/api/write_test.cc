#include "hub/api/write.h"

#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sodium.h>
#include <zlib.h>

#include <nlohmann/json.hpp>

#include "hub/api/small_world.h"

namespace hub {
namespace {

using testing::HasSubstr;

std::string packed(std::string_view text) {
  z_stream stream{};
  ::deflateInit2(&stream, 9, Z_DEFLATED, 15 + 16, 9, Z_DEFAULT_STRATEGY);
  std::string out(::deflateBound(&stream, text.size()), '\0');
  stream.next_in = reinterpret_cast<Bytef*>(const_cast<char*>(text.data()));
  stream.avail_in = static_cast<uInt>(text.size());
  stream.next_out = reinterpret_cast<Bytef*>(out.data());
  stream.avail_out = static_cast<uInt>(out.size());
  EXPECT_EQ(::deflate(&stream, Z_FINISH), Z_STREAM_END);
  out.resize(stream.total_out);
  ::deflateEnd(&stream);
  return out;
}

std::string base64(std::string_view text) {
  std::string out(sodium_base64_ENCODED_LEN(text.size(), sodium_base64_VARIANT_ORIGINAL), 0);
  sodium_bin2base64(out.data(), out.size(), reinterpret_cast<const unsigned char*>(text.data()),
                    text.size(), sodium_base64_VARIANT_ORIGINAL);
  out.pop_back();
  return out;
}

// A door behind which a test sits.
class WriteTest : public testing::Test {
 protected:
  SmallWorld world;
  std::string token = world.accounts.new_writer("bench", world.now).value();
  std::string heard;
  std::chrono::nanoseconds unit{};
  std::expected<PointsTaken, StoreError> taken = PointsTaken{.lines = 1};
  std::vector<std::function<void(std::expected<void, StoreError>)>> waiting;
  PointsDoor door{
      .take =
          [this](std::string_view text, std::chrono::nanoseconds given, measurement::Timestamp) {
            heard = text;
            unit = given;
            return taken;
          },
      .when_stored = [this](auto done) { waiting.push_back(std::move(done)); }};
  Routes routes{
      {.homes = world.served, .accounts = world.accounts, .now = [this] { return world.now; }},
      Pages(world.folder.path / "dist")};

  WriteTest() { world.served[0].points = &door; }

  Response ask(Request request) {
    request.method = "POST";
    request.host = "localhost";
    if (request.target.empty()) request.target = "/write";
    return routes.answer(request);
  }
  // With the disk's answer.
  Response told(Request request, std::expected<void, StoreError> disk = {}) {
    const auto authorization = "Token " + token;
    if (request.authorization.empty()) request.authorization = authorization;
    auto response = ask(request);
    if (response.later) {
      std::optional<Response> given;
      response.later([&](Response one) { given = std::move(one); });
      EXPECT_FALSE(given) << "Answered before the disk did.";
      waiting.back()(disk);
      EXPECT_TRUE(given);
      return given.value_or(Response{});
    }
    return response;
  }
};

TEST_F(WriteTest, AnAnswerWaitsForTheDisk) {
  for (const std::string_view target :
       {"/write?db=lenz&precision=s", "/api/v2/write?org=o&bucket=b&precision=s"}) {
    EXPECT_EQ(told({.target = target, .body = "p,h=1,c=2 P=3 4"}).status, 204u);
    EXPECT_EQ(heard, "p,h=1,c=2 P=3 4");
    EXPECT_EQ(unit, 1s);
  }
}

TEST_F(WriteTest, ATokenIsAskedForInAHeaderOfEitherVersion) {
  const auto basic = "Basic " + base64("anybody:" + token);
  for (const auto& right : {"Token " + token, "Bearer " + token, basic}) {
    EXPECT_EQ(told({.authorization = right}).status, 204u) << right;
  }
  const auto wrong_basic = "Basic " + base64(token + ":x");
  for (const std::string& wrong :
       {std::string("Token x"), "Token " + token + "x", "token " + token, std::string("Basic !"),
        wrong_basic, std::string("Token "), "Token " + std::string(5000, 'x')}) {
    const auto response = told({.authorization = wrong});
    EXPECT_EQ(response.status, 401u) << wrong;
    EXPECT_EQ(response.body.find(token), std::string::npos);
  }
  EXPECT_EQ(ask({.body = "x"}).status, 401u);
  const auto in_address = "/write?u=a&p=" + token;
  EXPECT_EQ(ask({.target = in_address}).status, 401u);
  EXPECT_THAT(told({.target = in_address}).body, HasSubstr("header"));
  EXPECT_EQ(heard, "") << "A stranger's points came in.";
}

TEST_F(WriteTest, ARevokedTokenOpensNothing) {
  ASSERT_TRUE(world.accounts.revoke_writer("bench"));

  EXPECT_EQ(told({}).status, 401u);
  EXPECT_FALSE(world.accounts.revoke_writer("bench"));
}

TEST_F(WriteTest, ATokenToWriteReadsNothing) {
  const auto authorization = "Token " + token;
  for (const auto& row : Routes::table()) {
    if (row.role == Role::anyone || row.role == Role::writer) continue;
    EXPECT_EQ(routes
                  .answer({.method = row.method,
                           .target = row.path,
                           .host = "localhost",
                           .content_type = "application/json",
                           .authorization = authorization,
                           .body = row.method == "GET" ? "" : "{}"})
                  .status,
              401u)
        << row.path;
  }
}

TEST_F(WriteTest, EveryPrecisionOfBothVersionsIsKnown) {
  const std::vector<std::pair<std::string, std::chrono::nanoseconds>> known = {
      {"", 1ns},   {"n", 1ns}, {"ns", 1ns}, {"u", 1us}, {"us", 1us},
      {"ms", 1ms}, {"s", 1s},  {"m", 1min}, {"h", 1h}};
  for (const auto& [word, expected] : known) {
    const auto target = "/write?precision=" + word;
    EXPECT_EQ(told({.target = target}).status, 204u) << word;
    EXPECT_EQ(unit, expected) << word;
  }
  EXPECT_EQ(told({.target = "/write"}).status, 204u);
  EXPECT_EQ(unit, 1ns);
  EXPECT_THAT(told({.target = "/write?precision=d"}).body, HasSubstr("precision"));
}

TEST_F(WriteTest, WhatIsBadIsNamedAfterTheRestIsOnTheDisk) {
  taken = PointsTaken{.lines = 9, .refused = 2, .first_line = 4, .why = "has no fields"};

  const auto response = told({});

  EXPECT_EQ(response.status, 400u);
  EXPECT_EQ(nlohmann::json::parse(response.body)["error"],
            "partial write: Line 4 has no fields; 2 of 9 lines were refused.");
}

TEST_F(WriteTest, WhereNothingIsGoodNobodyWaits) {
  taken = PointsTaken{.lines = 1, .refused = 1, .first_line = 1, .why = "has no fields"};

  const auto response = told({});

  EXPECT_EQ(response.status, 400u);
  EXPECT_THAT(response.body, HasSubstr("\"Line 1 has no fields; 1 of 1 lines"));
  EXPECT_TRUE(waiting.empty());
}

TEST_F(WriteTest, ADiskThatRefusesMakesTheWriterComeAgain) {
  EXPECT_EQ(told({}, std::unexpected(StoreError::unavailable)).status, 503u);
  const auto full = told({}, std::unexpected(StoreError::full));
  EXPECT_EQ(full.status, 507u);
  EXPECT_THAT(full.headers, testing::Contains(testing::Pair("Retry-After", "60")));
  taken = std::unexpected(StoreError::unavailable);
  const auto broken = told({});
  EXPECT_EQ(broken.status, 503u);
  EXPECT_THAT(broken.headers, testing::Contains(testing::Pair("Retry-After", "5")));
}

TEST_F(WriteTest, APackedBodyIsUnpacked) {
  const auto text = "p,h=1,c=2 P=3 4\n" + std::string(100'000, '#');

  EXPECT_EQ(told({.content_encoding = "gzip", .body = packed(text)}).status, 204u);

  EXPECT_EQ(heard, text);
}

TEST_F(WriteTest, APackedBodyThatIsNoneOrBurstsIsRefused) {
  const auto whole = packed("p,h=1,c=2 P=3 4\n");
  const auto bomb = packed(std::string(most_points_bytes + 1, '\n'));
  ASSERT_LT(bomb.size(), 10'000u);
  for (const std::string& body :
       {bomb, whole.substr(0, whole.size() - 9), std::string("p,h=1,c=2 P=3"), std::string()}) {
    EXPECT_EQ(told({.content_encoding = "gzip", .body = body}).status, 400u);
  }
  EXPECT_EQ(told({.content_encoding = "br", .body = whole}).status, 415u);
  EXPECT_EQ(heard, "");
}

TEST_F(WriteTest, ABodyThatIsTooLongIsRefused) {
  const std::string body(most_points_bytes + 1, '\n');

  EXPECT_EQ(told({.body = body}).status, 413u);
}

TEST_F(WriteTest, WritersAreListedByNameAndNotByToken) {
  const auto same = world.accounts.new_writer("bench", world.now);
  const auto second = world.accounts.new_writer("attic", world.now + 1s);

  ASSERT_FALSE(same);
  EXPECT_THAT(same.error(), HasSubstr("bench"));
  ASSERT_TRUE(second);
  EXPECT_EQ(second->size(), 43u);  // 256 bits, six a character.
  const auto writers = world.accounts.writers();
  ASSERT_EQ(writers.size(), 2u);
  EXPECT_EQ(writers[0].name, "attic");
  EXPECT_EQ(writers[0].since, world.now + 1s);
  EXPECT_FALSE(world.accounts.new_writer("", world.now));
  EXPECT_FALSE(world.accounts.new_writer("a\nb", world.now));
}

// Two homes with doors of their own, and a token for the second.
class ManyHomesWriteTest : public WriteTest {
 protected:
  ManyHomesWriteTest() {
    world.served.push_back({.id = "oak", .home = &world.homes[0], .points = &oaks});
    world.served.push_back({.id = "poor", .trouble = "Its database is damaged."});
    token = world.accounts.new_writer("all", world.now).value();
  }

  Response write(const std::string& target, const std::string& with) {
    const auto authorization = "Token " + with;
    return ask({.target = target, .authorization = authorization, .body = "power watts=1"});
  }

  std::string oaks_token = world.accounts.new_writer("oak's", world.now, "oak").value();
  std::string at_oak;
  PointsDoor oaks{.take = [this](std::string_view text, std::chrono::nanoseconds,
                                 measurement::Timestamp) -> std::expected<PointsTaken, StoreError> {
                    at_oak = text;
                    return PointsTaken{.lines = 1};
                  },
                  .when_stored = [](auto) {}};
};

TEST_F(ManyHomesWriteTest, TheDatabaseOrBucketNamesTheHome) {
  for (const std::string target : {"/write?db=oak", "/api/v2/write?org=o&bucket=oak"}) {
    at_oak.clear();
    EXPECT_TRUE(write(target, token).later) << target;
    EXPECT_EQ(at_oak, "power watts=1") << target;
  }
  EXPECT_EQ(heard, "") << "the other home heard nothing";
}

TEST_F(ManyHomesWriteTest, AHomeThatIsNotNamedOrNotKnownOrNotTheTokensIsRefusedWithOneSentence) {
  for (const std::string target : {"/write", "/write?db=elm", "/write?db=", "/write?db=home"}) {
    const auto response = write(target, oaks_token);
    EXPECT_EQ(response.status, 404u) << target;
    EXPECT_NE(response.body.find("name one for which this token was made"), std::string::npos);
  }
  EXPECT_EQ(write("/write?db=elm", token).status, 404u);
  EXPECT_EQ(heard, "");
}

TEST_F(ManyHomesWriteTest, ATokenOfOneHomeWritesThere) {
  EXPECT_TRUE(write("/write?db=oak", oaks_token).later);
}

TEST_F(ManyHomesWriteTest, AHomeThatCannotBeServedSaysWhy) {
  const auto response = write("/write?db=poor", token);

  EXPECT_EQ(response.status, 503u);
  EXPECT_NE(response.body.find("Its database is damaged."), std::string::npos);
}

}  // namespace
}  // namespace hub
