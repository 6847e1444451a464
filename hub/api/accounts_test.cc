#include "hub/api/accounts.h"

#include <gtest/gtest.h>
#include <sodium.h>
#include <sys/stat.h>

#include <array>

#include "hub/api/small_world.h"

namespace hub {
namespace {

class AccountsTest : public testing::Test {
 protected:
  TemporaryFolder folder;
  std::string file = (folder.path / "accounts.db").string();
  Disk disk;
  Accounts accounts{disk, file, counting_random(), cheap};
  measurement::Timestamp now = new_year;

  std::string new_session() {
    return accounts.sign_in_with_link(accounts.new_link(now), now).value();
  }
  // Ann's password is "open sesame".
  std::string session_of_ann() {
    const auto session = new_session();
    EXPECT_TRUE(accounts.set_password("Ann", "open sesame", session));
    return session;
  }
  Accounts::Why guess(std::string_view name, std::string_view address = "192.0.2.1") {
    const auto session = accounts.sign_in(name, "wrong guess", address, now);
    EXPECT_FALSE(session);
    return session.error().why;
  }
};

TEST_F(AccountsTest, ALinkOpensTheDoorOnce) {
  const auto link = accounts.new_link(now);

  const auto first = accounts.sign_in_with_link(link, now);
  const auto second = accounts.sign_in_with_link(link, now);

  ASSERT_TRUE(first);
  EXPECT_TRUE(accounts.user_of(*first, now));
  EXPECT_EQ(second.error().why, Accounts::Why::wrong);
}

TEST_F(AccountsTest, ALinkExpiresAfterADay) {
  const auto link = accounts.new_link(now);

  EXPECT_FALSE(accounts.sign_in_with_link(link, now + 24h + 1ms));
  EXPECT_TRUE(accounts.sign_in_with_link(link, now + 24h));
}

TEST_F(AccountsTest, ANewLinkVoidsTheOldOne) {
  const auto old = accounts.new_link(now);
  const auto link = accounts.new_link(now);

  EXPECT_FALSE(accounts.sign_in_with_link(old, now));
  EXPECT_TRUE(accounts.sign_in_with_link(link, now));
}

TEST_F(AccountsTest, OnAFreshHubNothingOpens) {
  EXPECT_FALSE(accounts.sign_in_with_link("", now));
  EXPECT_FALSE(accounts.sign_in("", "", "", now));
  EXPECT_FALSE(accounts.sign_in("admin", "admin", "", now));
  EXPECT_FALSE(accounts.user_of("", now));
  EXPECT_FALSE(accounts.user_of("lenz", now));
  EXPECT_FALSE(accounts.owner());
}

TEST_F(AccountsTest, TokensAreAsLongAsPromised) {
  // Base64 carries 6 bits a character: 192 / 6 = 32, and 256 / 6 = 42.7.
  EXPECT_EQ(accounts.new_link(now).size(), 32u);
  EXPECT_EQ(new_session().size(), 43u);
}

TEST_F(AccountsTest, ASessionThatNobodyUsesEndsAfterAMonth) {
  const auto session = new_session();

  EXPECT_TRUE(accounts.user_of(session, now + 30 * 24h));
  EXPECT_TRUE(accounts.user_of(session, now + 60 * 24h));
  EXPECT_FALSE(accounts.user_of(session, now + 91 * 24h));
}

TEST_F(AccountsTest, ASessionEndsAfterHalfAYearHoweverMuchItIsUsed) {
  const auto session = new_session();
  for (int day = 0; day <= 180; day += 20) {
    ASSERT_TRUE(accounts.user_of(session, now + day * 24h)) << day;
  }

  EXPECT_FALSE(accounts.user_of(session, now + 180 * 24h + 1ms));
}

TEST_F(AccountsTest, SigningOutEndsTheSessionAtTheHub) {
  const auto session = new_session();
  const auto other = new_session();

  ASSERT_TRUE(accounts.sign_out(session));

  EXPECT_FALSE(accounts.user_of(session, now));
  EXPECT_TRUE(accounts.user_of(other, now));
}

TEST_F(AccountsTest, SettingAPasswordEndsEveryOtherSession) {
  const auto other = new_session();

  const auto session = session_of_ann();

  EXPECT_TRUE(accounts.user_of(session, now));
  EXPECT_FALSE(accounts.user_of(other, now));
  EXPECT_EQ(accounts.owner(), "Ann");
}

TEST_F(AccountsTest, AnnComesBackWithHerPasswordAndNobodyElseDoes) {
  session_of_ann();

  EXPECT_TRUE(accounts.sign_in("Ann", "open sesame", "192.0.2.1", now));
  EXPECT_EQ(guess("Ann"), Accounts::Why::wrong);
  EXPECT_EQ(guess("Bob"), Accounts::Why::wrong);
  EXPECT_FALSE(accounts.sign_in("Bob", "open sesame", "192.0.2.2", now));
  EXPECT_FALSE(accounts.sign_in("", "open sesame", "192.0.2.3", now));
}

TEST_F(AccountsTest, APasswordOfSevenCharactersIsRefusedAndOneOfEightUmlautsIsNot) {
  const auto session = new_session();

  EXPECT_FALSE(accounts.set_password("Ann", "1234567", session));
  EXPECT_TRUE(accounts.set_password("Ann", "ääääääää", session));
  EXPECT_TRUE(accounts.set_password("Ann", std::string(128, 'x'), session));
  EXPECT_FALSE(accounts.set_password("Ann", std::string(129, 'x'), session));
  EXPECT_FALSE(accounts.set_password("", "open sesame", session));
  EXPECT_FALSE(accounts.set_password("Ann\nadmin", "open sesame", session));
}

TEST_F(AccountsTest, GuessingIsSlowedToOneTryInThirtySeconds) {
  session_of_ann();
  int looked_at = 0;
  for (int second = 0; second < 3600; ++second, now += 1s) {
    if (guess("Ann") == Accounts::Why::wrong) ++looked_at;
  }

  // Three at once, then after 1, 2, 4, 8 and 16 s, then one in 30 s: 3 + 5 + (3600 - 31) / 30.
  EXPECT_GE(looked_at, 3600 / 30);
  EXPECT_LE(looked_at, 3 + 5 + 3600 / 30);
}

TEST_F(AccountsTest, GuessingFromManyAddressesIsNoFaster) {
  session_of_ann();
  for (int i = 0; i < 20; ++i) guess("Ann", "192.0.2." + std::to_string(i));

  const auto again = accounts.sign_in("Ann", "open sesame", "198.51.100.1", now);

  EXPECT_EQ(again.error().why, Accounts::Why::too_soon);
  EXPECT_LE(again.error().wait, 30s);
}

TEST_F(AccountsTest, AStrangerCannotKeepTheOwnerOut) {
  session_of_ann();
  ASSERT_TRUE(accounts.sign_in("Ann", "open sesame", "192.0.2.77", now));
  for (int i = 0; i < 1000; ++i) guess("Ann", "198.51.100.1");

  EXPECT_TRUE(accounts.sign_in("Ann", "open sesame", "192.0.2.77", now));
  EXPECT_TRUE(accounts.sign_in_with_link(accounts.new_link(now), now));
}

TEST_F(AccountsTest, ANameNobodyHasWaitsLikeTheOwners) {
  session_of_ann();
  std::vector<Accounts::Why> owner, nobody;
  for (int i = 0; i < 6; ++i) {
    owner.push_back(guess("Ann", "192.0.2.1"));
    nobody.push_back(guess("Bob", "192.0.2.2"));
  }

  EXPECT_EQ(owner, nobody);
  EXPECT_EQ(owner.back(), Accounts::Why::too_soon);
}

TEST_F(AccountsTest, AHubThatRestartsKnowsItsOwnerAndSessions) {
  const auto session = session_of_ann();

  Accounts restarted(disk, file, counting_random(), cheap);

  EXPECT_TRUE(restarted.user_of(session, now));
  EXPECT_TRUE(restarted.sign_in("Ann", "open sesame", "192.0.2.1", now));
}

TEST_F(AccountsTest, OnlyTheHubsUserCanReadTheFilesAndTheyHoldNoSecret) {
  const auto session = session_of_ann();
  const auto link = accounts.new_link(now);

  int files = 0;
  for (const auto& entry : std::filesystem::directory_iterator(folder.path)) {
    ++files;
    struct stat status {};
    ASSERT_EQ(::stat(entry.path().c_str(), &status), 0);
    EXPECT_EQ(status.st_mode & 0777, 0600u) << entry.path();
    std::ifstream in(entry.path(), std::ios::binary);
    const std::string content{std::istreambuf_iterator<char>(in), {}};
    for (const std::string_view secret :
         {std::string_view(session), std::string_view(link), std::string_view("open sesame")}) {
      EXPECT_EQ(content.find(secret), std::string::npos) << entry.path();
    }
  }
  EXPECT_GE(files, 1);
}

TEST_F(AccountsTest, AFileOfANewerVersionIsNotTouched) {
  Database(disk, file).execute("PRAGMA user_version = 3");

  try {
    Accounts newer(disk, file, counting_random(), cheap);
    FAIL() << "opened";
  } catch (const std::runtime_error& error) {
    EXPECT_NE(std::string(error.what()).find(file), std::string::npos);
  }
}

TEST_F(AccountsTest, SessionsDoNotPileUp) {
  const auto first = new_session();
  now += 1s;
  for (int i = 0; i < Accounts::most_sessions; ++i) new_session();

  EXPECT_FALSE(accounts.user_of(first, now));
}

TEST_F(AccountsTest, AResidentSeesTheHomesThatWereNamedAndNoOther) {
  const auto link = accounts.admit({"Bob", {"elm", "oak"}}, now).value();

  const auto session = accounts.sign_in_with_link(link, now);

  const auto user = accounts.user_of(session.value(), now);
  ASSERT_TRUE(user);
  EXPECT_EQ(user->name, "Bob");
  EXPECT_TRUE(user->lives_in("elm") && user->lives_in("oak"));
  EXPECT_FALSE(user->lives_in("ash"));
  EXPECT_FALSE(accounts.sign_in_with_link(link, now)) << "a link opens once";
}

TEST_F(AccountsTest, AResidentComesBackWithAPasswordAndKeepsTheName) {
  const auto session =
      accounts.sign_in_with_link(accounts.admit({"Bob", {"elm"}}, now).value(), now).value();
  EXPECT_FALSE(accounts.set_password("Ann", "open sesame", session));

  ASSERT_TRUE(accounts.set_password("Bob", "open sesame", session));

  const auto again = accounts.sign_in("Bob", "open sesame", "", now);
  ASSERT_TRUE(again);
  EXPECT_FALSE(accounts.user_of(*again, now)->is_owner);
  EXPECT_FALSE(accounts.owner()) << "nobody has become the owner";
}

TEST_F(AccountsTest, AResidentWithoutAPasswordCannotSignInWithAnEmptyOne) {
  ASSERT_TRUE(accounts.admit({"Bob", {"elm"}}, now));

  EXPECT_FALSE(accounts.sign_in("Bob", "", "", now));
}

TEST_F(AccountsTest, OtherHomesHoldAtOnceAndARemovedResidentIsOut) {
  const auto session =
      accounts.sign_in_with_link(accounts.admit({"Bob", {"elm"}}, now).value(), now).value();

  ASSERT_TRUE(accounts.admit({"Bob", {"oak"}}, now));
  EXPECT_FALSE(accounts.user_of(session, now)->lives_in("elm"));
  ASSERT_TRUE(accounts.remove_resident("Bob"));

  EXPECT_FALSE(accounts.user_of(session, now));
  EXPECT_TRUE(accounts.residents().empty());
}

TEST_F(AccountsTest, NobodyIsCalledAsTheOwnerIs) {
  const auto session = accounts.sign_in_with_link(accounts.new_link(now), now).value();
  ASSERT_TRUE(accounts.set_password("Ann", "open sesame", session));
  ASSERT_TRUE(accounts.admit({"Bob", {"elm"}}, now));

  EXPECT_FALSE(accounts.admit({"Ann", {"elm"}}, now));
  EXPECT_FALSE(accounts.set_password("Bob", "open sesame", session));
}

TEST_F(AccountsTest, TheSessionsOfAResidentEndNoneOfTheOwners) {
  const auto owners = accounts.sign_in_with_link(accounts.new_link(now), now).value();

  for (int i = 0; i < Accounts::most_sessions + 1; ++i) {
    const auto link = accounts.admit({"Bob", {"elm"}}, now).value();
    ASSERT_TRUE(accounts.sign_in_with_link(link, now + 1ms * i));
  }

  EXPECT_TRUE(accounts.user_of(owners, now + 1s));
}

TEST_F(AccountsTest, AWritersTokenMayBeOfOneHome) {
  const auto token = accounts.new_writer("solar", now, "elm").value();

  const auto writer = accounts.writer_of(token);

  ASSERT_TRUE(writer);
  EXPECT_TRUE(writer->may_write_to("elm"));
  EXPECT_FALSE(writer->may_write_to("oak"));
}

TEST_F(AccountsTest, AFileOfTheFirstVersionKeepsItsOwnerSessionsAndWriters) {
  const auto old = (folder.path / "old.db").string();
  const auto hash = [](std::string_view token) {
    std::array<std::uint8_t, 32> bytes{};
    crypto_generichash(bytes.data(), bytes.size(),
                       reinterpret_cast<const unsigned char*>(token.data()), token.size(), nullptr,
                       0);
    return bytes;
  };
  {
    Database first(disk, old);
    ASSERT_EQ(first.execute("PRAGMA user_version = 1;"
                            "CREATE TABLE owner (id INTEGER PRIMARY KEY, name TEXT, password TEXT);"
                            "CREATE TABLE link (id INTEGER PRIMARY KEY, token BLOB, made INTEGER);"
                            "CREATE TABLE sessions (token BLOB PRIMARY KEY, begun INTEGER, "
                            "seen INTEGER) WITHOUT ROWID;"
                            "CREATE TABLE writer (token BLOB PRIMARY KEY, name TEXT UNIQUE, "
                            "since INTEGER) WITHOUT ROWID;"
                            "INSERT INTO owner VALUES (1, 'Ann', 'x')"),
              0);
    const auto time = now.time_since_epoch().count();
    const auto session = hash("session"), writer = hash("writer");
    ASSERT_EQ(first.prepare("INSERT INTO sessions VALUES (?, ?2, ?2)")
                  .bind(1, std::span<const std::uint8_t>(session))
                  .bind(2, std::int64_t{time})
                  .run(),
              0);
    ASSERT_EQ(first.prepare("INSERT INTO writer VALUES (?, 'telegraf', ?)")
                  .bind(1, std::span<const std::uint8_t>(writer))
                  .bind(2, std::int64_t{time})
                  .run(),
              0);
  }

  Accounts later(disk, old, counting_random(), cheap);

  EXPECT_EQ(later.owner(), "Ann");
  EXPECT_TRUE(later.user_of("session", now)->is_owner);
  EXPECT_TRUE(later.writer_of("writer")->may_write_to("any"));
}

}  // namespace
}  // namespace hub
