#include "hub/net/websocket_client.h"

#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <boost/beast/core/flat_buffer.hpp>
#include <boost/beast/websocket.hpp>
#include <optional>

#include "hub/net/http_client.h"
#include "hub/net/loopback.h"
#include "hub/net/mqtt_client.h"
#include "hub/net/tcp_client.h"

namespace hub {
namespace {

namespace asio = boost::asio;
namespace websocket = boost::beast::websocket;
using asio::ip::tcp;
using boost::system::error_code;
using namespace std::chrono_literals;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::SizeIs;

// Says everything back, and hangs up when it is told "bye".
class Echo {
 public:
  explicit Echo(asio::io_context& io) : acceptor_(io, on_loopback(0)) { accept(); }

  std::string url() const {
    return fmt::format("ws://127.0.0.1:{}/api/websocket", acceptor_.local_endpoint().port());
  }

 private:
  struct Guest {
    explicit Guest(tcp::socket socket) : stream(std::move(socket)) {}
    websocket::stream<tcp::socket> stream;
    boost::beast::flat_buffer buffer;
  };

  void accept() {
    acceptor_.async_accept([this](error_code error, tcp::socket socket) {
      if (error) return;
      auto guest = std::make_shared<Guest>(std::move(socket));
      guest->stream.read_message_max(128 << 20);
      guest->stream.async_accept([this, guest](error_code failure) {
        if (!failure) read(guest);
      });
      accept();
    });
  }
  void read(const std::shared_ptr<Guest>& guest) {
    guest->stream.async_read(guest->buffer, [this, guest](error_code error, std::size_t size) {
      if (error) return;
      const std::string_view text(static_cast<const char*>(guest->buffer.data().data()), size);
      if (text == "bye") return guest->stream.async_close({}, [guest](error_code) {});
      guest->stream.async_write(guest->buffer.data(), [this, guest](error_code, std::size_t done) {
        guest->buffer.consume(done);
        read(guest);
      });
    });
  }

  tcp::acceptor acceptor_;
};

class WebSocketClientTest : public OnLoopback {
 protected:
  void call(const std::string& url) {
    client.emplace(io, url,
                   WebSocketClient::Events{
                       .connected = [this] { ++connections; },
                       .heard = [this](std::string_view text) { heard.emplace_back(text); },
                       .lost = [this](const std::string& why) { losses.push_back(why); }});
  }

  int connections = 0;
  std::vector<std::string> heard, losses;
  std::optional<WebSocketClient> client;
};

TEST_F(WebSocketClientTest, WhatIsSaidIsHeardInOrderBothWays) {
  const Echo server(io);
  call(server.url());
  EXPECT_FALSE(client->send("early")) << "not connected yet";
  ASSERT_TRUE(comes_true([&] { return connections == 1; }));
  const std::string long_one(3 << 20, 'x');

  for (const auto& text : {std::string("one"), long_one, std::string("zwei ü")}) {
    EXPECT_TRUE(client->send(text));
  }

  EXPECT_TRUE(comes_true([&] { return heard.size() == 3; }));
  EXPECT_EQ(heard, (std::vector<std::string>{"one", long_one, "zwei ü"}));
}

TEST_F(WebSocketClientTest, AServerThatHangsUpOrIsHungUpOnIsCalledAgain) {
  const Echo server(io);
  call(server.url());
  ASSERT_TRUE(comes_true([&] { return connections == 1; }));

  client->hang_up();
  EXPECT_FALSE(client->send("x"));
  ASSERT_TRUE(comes_true([&] { return connections == 2; }));
  EXPECT_TRUE(client->send("bye"));
  ASSERT_TRUE(comes_true([&] { return connections == 3; }));

  EXPECT_THAT(losses, ElementsAre("we hung up", "the other end hung up"));
}

TEST_F(WebSocketClientTest, WhoDoesNotSpeakWebSocketIsSaidSo) {
  BareServer server(
      io, [](auto& guest) { guest.say("HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n"); });
  call(fmt::format("ws://127.0.0.1:{}/", server.port()));
  ASSERT_TRUE(comes_true([&] { return !losses.empty(); }));
  EXPECT_THAT(losses, ElementsAre("it does not speak WebSocket there"));

  losses.clear();
  call(fmt::format("ws://127.0.0.1:{}/", deserted_port(io)));
  ASSERT_TRUE(comes_true([&] { return !losses.empty(); }));
  EXPECT_THAT(losses, ElementsAre("Connection refused"));

  losses.clear();
  call("http://ha.lan");
  ASSERT_TRUE(comes_true([&] { return !losses.empty(); }));
  EXPECT_THAT(losses, ElementsAre(HasSubstr("is no address of a server")));
}

TEST_F(WebSocketClientTest, AServerThatReadsNothingDoesNotFillTheMemory) {
  const Echo server(io);
  call(server.url());
  ASSERT_TRUE(comes_true([&] { return connections == 1; }));

  // Nobody works meanwhile, so nothing leaves.
  int taken = 0;
  while (taken < 20 && client->send(std::string(1 << 20, 'x'))) ++taken;

  EXPECT_EQ(taken, 16);  // MiB.
}

TEST_F(WebSocketClientTest, AClientThatIsGoneCallsNothing) {
  const Echo server(io);
  call(server.url());
  client.reset();
  let_work_for(20ms);
  EXPECT_EQ(connections, 0);

  call(server.url());
  ASSERT_TRUE(comes_true([&] { return connections == 1; }));
  client->send("x");
  client.reset();
  let_work_for(20ms);
  EXPECT_TRUE(heard.empty());
  EXPECT_TRUE(losses.empty());
}

// The promise of all links: whoever hangs delays nothing but itself.
class HangingPartners : public OnLoopback {};

TEST_F(HangingPartners, DelayNothingElseAndAreGivenUpAfterTenSeconds) {
  const DeafServer deaf(io);
  BareServer silent(io, nullptr);
  int lost = 0;
  bool is_told = false;
  const auto count = [&](const std::string&) { ++lost; };
  const MqttClient mqtt[] = {{io, {.port = deaf.port(), .client_id = "a"}, {.lost = count}},
                             {io, {.port = silent.port(), .client_id = "b"}, {.lost = count}}};
  const WebSocketClient sockets[] = {
      {io, fmt::format("ws://127.0.0.1:{}/", deaf.port()), {.lost = count}},
      {io, fmt::format("ws://127.0.0.1:{}/", silent.port()), {.lost = count}},
      {io, fmt::format("wss://127.0.0.1:{}/", silent.port()), {.lost = count}}};
  const TcpClient tcp_client(io, "127.0.0.1", deaf.port(), {.lost = count});
  HttpClient http(io);
  http.send({.url = fmt::format("http://127.0.0.1:{}/", deaf.port())}, 20s,
            [&](const auto& answer) { is_told = !answer; });

  // A clock that ticks every 10 ms, and how late each tick is.
  const auto begin = std::chrono::steady_clock::now();
  std::vector<std::chrono::duration<double, std::milli>> lateness;
  asio::steady_timer clock(io, begin + 10ms);
  std::function<void(error_code)> tick = [&](error_code) {
    lateness.emplace_back(std::chrono::steady_clock::now() - clock.expiry());
    clock.expires_after(10ms);
    clock.async_wait(tick);
  };
  clock.async_wait(tick);
  const bool are_all_given_up = comes_true([&] { return lost >= 6 && is_told; }, 15s);
  const auto took = std::chrono::steady_clock::now() - begin;

  EXPECT_TRUE(are_all_given_up) << lost;
  EXPECT_GE(took, 9s);
  ASSERT_GT(lateness.size(), 100u);
  std::ranges::nth_element(lateness, lateness.begin() + static_cast<long>(lateness.size() / 2));
  const auto median = lateness[lateness.size() / 2].count();
  RecordProperty("median_lateness_ms", std::to_string(median));
  EXPECT_LT(median, 5.0);
}

}  // namespace
}  // namespace hub
