#include "lenz/write_door.h"

#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <boost/asio.hpp>
#include <filesystem>
#include <functional>

#include "hub/api/server.h"
#include "hub/files/simulated_disk.h"
#include "hub/store/sqlite_store.h"
#include "lenz/temporary_folder.h"

namespace lenz {
namespace {

namespace asio = boost::asio;
using asio::ip::tcp;
using boost::system::error_code;
using measurement::Timestamp;
using testing::HasSubstr;
using testing::StartsWith;
using namespace std::chrono_literals;

const Timestamp noon = std::chrono::sys_days(std::chrono::year(2026) / 3 / 1) + 12h;
constexpr std::int64_t noon_s = 1'772'366'400;

// The hub's own store, inbox, routes and server, and writers that speak bare bytes.
class WriteDoorTest : public testing::Test {
 protected:
  TemporaryFolder folder;
  std::vector<hub::Home> homes = {[] {
    hub::Home home;
    home.id = "home";
    home.panels.emplace_back();
    return home;
  }()};
  hub::SimulatedDisk disk, accounts_disk;
  hub::SqliteStore store{disk, "/data"};
  hub::LiveFeed live;
  hub::Accounts accounts{accounts_disk,
                         "/accounts.db",
                         [n = std::uint8_t{0}](std::span<std::uint8_t> bytes) mutable {
                           std::ranges::fill(bytes, ++n);
                         },
                         {1, 8 * 1024}};
  std::string token = accounts.new_writer("test", noon).value();
  asio::io_context io;
  hub::PointsInbox inbox{store, live, homes[0]};
  WriteDoor door{io, inbox};
  std::vector<hub::ServedHome> served = {
      {.id = "home", .home = &homes[0], .store = &store, .live = &live, .points = &door.door()}};
  hub::Routes routes{{.homes = served, .accounts = accounts, .now = [] { return noon; }},
                     hub::Pages(folder.path())};
  hub::Server server{io, routes, "127.0.0.1", 0};

  bool run_until(const std::function<bool()>& holds) {
    const auto end = std::chrono::steady_clock::now() + 20s;
    while (!holds()) {
      if (std::chrono::steady_clock::now() > end) return false;
      io.run_one_for(1ms);
      io.restart();
    }
    return true;
  }

  tcp::socket asking(std::string_view body, std::string_view more = "") {
    tcp::socket socket(io);
    socket.connect({asio::ip::address_v4::loopback(), server.port()});
    socket.non_blocking(true);
    const auto head = fmt::format(
        "POST /write?precision=s HTTP/1.1\r\nHost: localhost\r\nAuthorization: Token {}\r\n"
        "Content-Length: {}\r\n{}\r\n",
        token, body.size(), more);
    send(socket, head);
    send(socket, body);
    return socket;
  }

  void send(tcp::socket& socket, std::string_view bytes) {
    run_until([&] {
      error_code error;
      bytes.remove_prefix(socket.write_some(asio::buffer(bytes), error));
      return bytes.empty() || (error && error != asio::error::would_block);
    });
  }

  static void take(tcp::socket& socket, std::string& received) {
    std::array<char, 4096> chunk;
    error_code error;
    received.append(chunk.data(), socket.read_some(asio::buffer(chunk), error));
  }

  std::string answer(std::string_view body, std::string_view more = "") {
    auto socket = asking(body, more);
    std::string received;
    EXPECT_TRUE(run_until([&] {
      take(socket, received);
      return received.find("\r\n\r\n") != std::string::npos;
    }));
    return received;
  }

  // What is left after a power cut.
  std::size_t on_disk(const std::string& device) const {
    const auto image = disk.crash_image(1, hub::PowerCut::dropped);
    return hub::SqliteStore(*image, "/data").samples(device, {noon - 1h, noon + 1h})->size();
  }
};

TEST_F(WriteDoorTest, WhatIsAcknowledgedIsOnTheDisk) {
  EXPECT_THAT(answer(fmt::format("pw,h=0,c=1 P=5,Q=1,V=230,I=0.1 {}\n", noon_s)),
              StartsWith("HTTP/1.1 204 "));

  EXPECT_EQ(on_disk("0"), 1u);
}

TEST_F(WriteDoorTest, FiftyWritersAreEachAnsweredWhenTheirsIsOnTheDisk) {
  std::vector<tcp::socket> sockets;
  std::vector<std::string> received(50);
  for (int i = 0; i < 50; ++i) {
    sockets.push_back(asking(fmt::format("pw,h=w{},c=0 P={} {}\n", i, i, noon_s + i)));
  }

  for (std::size_t i = 0; i < sockets.size(); ++i) {
    ASSERT_TRUE(run_until([&] {
      take(sockets[i], received[i]);
      return received[i].find("\r\n\r\n") != std::string::npos;
    }));
    EXPECT_THAT(received[i], StartsWith("HTTP/1.1 204 "));
    EXPECT_EQ(on_disk(fmt::format("w{}", i)), 1u);
  }
}

TEST_F(WriteDoorTest, AThousandWritesWaitForOneCommitAndAreAnsweredByIt) {
  int answered = 0;
  const auto authorization = "Token " + token;
  for (int i = 0; i < 1000; ++i) {
    const auto body = fmt::format("pw,h=0,c=0 P={} {}\n", i, noon_s + i);
    auto response = routes.answer({.method = "POST",
                                   .target = "/write?precision=s",
                                   .host = "localhost",
                                   .authorization = authorization,
                                   .body = body});
    ASSERT_TRUE(response.later);
    response.later([&](hub::Response one) { answered += one.status == 204; });
  }
  EXPECT_EQ(answered, 0);
  EXPECT_EQ(on_disk("0"), 0u);

  ASSERT_TRUE(run_until([&] { return answered > 0; }));

  EXPECT_EQ(answered, 1000);
  EXPECT_EQ(on_disk("0"), 1000u);
}

TEST_F(WriteDoorTest, ADiskThatRefusesIsSaidAndTheSameCanBeSentAgain) {
  const auto line = fmt::format("pw,h=0,c=0 P=1 {}", noon_s);
  disk.fail_after(0, hub::FileError::unavailable, hub::SimulatedDisk::Failing::always);
  EXPECT_THAT(answer(line), StartsWith("HTTP/1.1 503 "));
  disk.heal();
  EXPECT_EQ(on_disk("0"), 0u);

  EXPECT_THAT(answer(line), StartsWith("HTTP/1.1 204 "));

  EXPECT_EQ(on_disk("0"), 1u);
}

TEST_F(WriteDoorTest, WhatSomebodyElsesFailureUndoesIsNotAcknowledged) {
  std::optional<bool> is_stored;
  ASSERT_TRUE(inbox.take(fmt::format("pw,h=0,c=0 P=1 {}", noon_s), 1s, noon));
  door.door().when_stored([&](auto done) { is_stored = done.has_value(); });
  disk.fail_after(0, hub::FileError::unavailable, hub::SimulatedDisk::Failing::always);
  ASSERT_FALSE(store.commit());  // As a meter's link does.
  disk.heal();

  ASSERT_TRUE(run_until([&] { return is_stored.has_value(); }));

  EXPECT_FALSE(*is_stored);
  EXPECT_EQ(on_disk("0"), 0u);
}

TEST_F(WriteDoorTest, TheHubMayEndWhileSomebodyWaits) {
  auto socket = asking(fmt::format("pw,h=0,c=0 P=1 {}", noon_s));

  EXPECT_TRUE(run_until([&] { return inbox.is_waited_for(); }));
  // The rest is the end of the fixture: with the sanitizers it tells of what is used afterwards.
}

TEST_F(WriteDoorTest, WhatIsWrittenNowIsShownNow) {
  std::vector<std::string> told;
  const auto listening =
      live.subscribe([&](const auto& moment) { told.emplace_back(moment.device); });

  answer(fmt::format("pw,h=now,c=0 P=1 {}\npw,h=old,c=0 P=1 {}\n", noon_s, noon_s - 3600));

  EXPECT_EQ(told, std::vector<std::string>{"now"});
}

TEST_F(WriteDoorTest, ALongBodyIsReadOnlyFromWhoMayWrite) {
  std::string body;
  for (int i = 0; i < 5000; ++i)
    body += fmt::format("pw,h=0,c={} P=1 {}\n", i % 30, noon_s + i / 30);
  ASSERT_GT(body.size(), 64u * 1024);

  EXPECT_THAT(answer(body), StartsWith("HTTP/1.1 204 "));
  EXPECT_EQ(on_disk("0"), 167u);  // 5,000 lines, 30 a second.
  token = "guess";
  EXPECT_THAT(answer(body.substr(0, 70'000)), StartsWith("HTTP/1.1 401 "));
}

TEST_F(WriteDoorTest, ABodyThatIsHeldBackIsAskedFor) {
  const auto body = fmt::format("pw,h=0,c=0 P=1 {}", noon_s);
  tcp::socket socket(io);
  socket.connect({asio::ip::address_v4::loopback(), server.port()});
  socket.non_blocking(true);
  send(socket, fmt::format("POST /write?precision=s HTTP/1.1\r\nHost: localhost\r\n"
                           "Authorization: Token {}\r\nExpect: 100-continue\r\n"
                           "Content-Length: {}\r\n\r\n",
                           token, body.size()));
  std::string received;
  ASSERT_TRUE(run_until([&] {
    take(socket, received);
    return received == "HTTP/1.1 100 Continue\r\n\r\n";
  }));
  received.clear();

  send(socket, body);

  ASSERT_TRUE(run_until([&] {
    take(socket, received);
    return received.find("\r\n\r\n") != std::string::npos;
  }));
  EXPECT_THAT(received, StartsWith("HTTP/1.1 204 "));
}

TEST_F(WriteDoorTest, ABodyBeyondTheLimitIsRefusedBeforeItIsRead) {
  tcp::socket huge(io);
  huge.connect({asio::ip::address_v4::loopback(), server.port()});
  huge.non_blocking(true);
  send(huge, fmt::format("POST /write HTTP/1.1\r\nHost: localhost\r\nAuthorization: Token {}\r\n"
                         "Content-Length: 100000000\r\n\r\n",
                         token));
  std::string received;

  ASSERT_TRUE(run_until([&] {
    take(huge, received);
    return received.find("\r\n\r\n") != std::string::npos;
  }));

  EXPECT_THAT(received, StartsWith("HTTP/1.1 413 "));
}

}  // namespace
}  // namespace lenz
