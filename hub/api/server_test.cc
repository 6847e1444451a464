#include "hub/api/server.h"

#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <boost/asio.hpp>
#include <functional>
#include <random>
#include <thread>

#include "hub/api/small_world.h"
#include "hub/net/loopback.h"

namespace hub {
namespace {

namespace asio = boost::asio;
using asio::ip::tcp;
using boost::system::error_code;
using testing::HasSubstr;
using testing::Not;
using testing::StartsWith;

// A real server on a free port, and clients that speak bare bytes. All on one thread: the clients
// never block, and wait by letting the server run.
class ServerTest : public OnLoopback {
 protected:
  static ServerLimits limits() {
    ServerLimits short_ones;
    short_ones.idle = 300ms;
    short_ones.heartbeat = 50ms;
    return short_ones;
  }

  SmallWorld world;
  std::unique_ptr<Server> server =
      std::make_unique<Server>(io, world.routes, "127.0.0.1", 0, limits());

  tcp::socket connected() {
    tcp::socket socket(io);
    socket.connect({asio::ip::address_v4::loopback(), server->port()});
    socket.non_blocking(true);
    return socket;
  }

  void send(tcp::socket& socket, std::string_view bytes) {
    comes_true([&] {
      error_code error;
      bytes.remove_prefix(socket.write_some(asio::buffer(bytes), error));
      return bytes.empty() || (error && error != asio::error::would_block);
    });
  }

  // Takes what has come; false at the end of the connection.
  static bool take(tcp::socket& socket, std::string& received) {
    std::array<char, 65536> chunk;
    error_code error;
    const auto size = socket.read_some(asio::buffer(chunk), error);
    received.append(chunk.data(), size);
    return !error || error == asio::error::would_block;
  }

  std::string receive_until(tcp::socket& socket, std::string_view word) {
    std::string received;
    EXPECT_TRUE(comes_true([&] {
      const bool goes_on = take(socket, received);
      return received.find(word) != std::string::npos || !goes_on;
    })) << "Waited for "
        << word << ", got " << received;
    return received;
  }

  std::string receive_all(tcp::socket& socket) {
    std::string received;
    EXPECT_TRUE(comes_true([&] { return !take(socket, received); })) << "Still open.";
    return received;
  }

  // The whole answer to bytes after which the connection ends.
  std::string answer(std::string_view bytes) {
    auto socket = connected();
    send(socket, bytes);
    return receive_all(socket);
  }

  std::string get(std::string_view target, std::string_view more = "") {
    return answer(fmt::format("GET {} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n{}\r\n",
                              target, more));
  }

  tcp::socket listening(const std::string& cookie) {
    auto socket = connected();
    send(socket, fmt::format("GET /api/homes/home/live HTTP/1.1\r\nHost: localhost\r\n"
                             "Cookie: {}\r\n\r\n",
                             cookie));
    return socket;
  }

  void publish(float watts) {
    measurement::Sample sample(1);
    sample.put<measurement::Quantity::active_power>(0, {watts});
    world.live.publish({"meter-1", world.now, sample});
  }
};

TEST_F(ServerTest, EveryAnswerTellsTheBrowserWhatItMayNotDo) {
  for (const std::string_view target : {"/", "/nothing", "/api/status", "/api/homes", "/api/x"}) {
    const auto text = get(target);
    EXPECT_THAT(text, HasSubstr("Content-Security-Policy: default-src 'self'; style-src 'self' "
                                "'unsafe-inline'; img-src 'self' data:; frame-ancestors 'none'; "
                                "base-uri 'none'; form-action 'none'\r\n"));
    EXPECT_THAT(text, HasSubstr("X-Content-Type-Options: nosniff\r\n"));
    EXPECT_THAT(text, HasSubstr("Referrer-Policy: no-referrer\r\n"));
    EXPECT_THAT(text, Not(HasSubstr("Access-Control")));
    EXPECT_EQ(target == "/", text.find("Cache-Control: no-store\r\n") == std::string::npos);
  }
}

TEST_F(ServerTest, OneConnectionAnswersManyRequests) {
  auto socket = connected();
  for (int i = 0; i < 3; ++i) {
    send(socket, "GET / HTTP/1.1\r\nHost: localhost\r\n\r\n");
    EXPECT_THAT(receive_until(socket, "Lenz</h1>"), StartsWith("HTTP/1.1 200 OK\r\n"));
  }
}

TEST_F(ServerTest, AHeadHasTheLengthAndNotThePage) {
  const auto text = answer("HEAD / HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n");

  EXPECT_THAT(text, HasSubstr("Content-Length: 13\r\n"));  // <h1>Lenz</h1>
  EXPECT_THAT(text, testing::EndsWith("\r\n\r\n"));
}

TEST_F(ServerTest, ANameThatOnlyLeadsHereIsRefused) {
  const auto with_hosts = [&](std::string_view hosts) {
    return answer(fmt::format("GET / HTTP/1.1\r\n{}Connection: close\r\n\r\n", hosts));
  };

  EXPECT_THAT(with_hosts("Host: evil.example\r\n"), StartsWith("HTTP/1.1 421"));
  EXPECT_THAT(with_hosts(""), StartsWith("HTTP/1.1 421"));
  EXPECT_THAT(with_hosts("Host: localhost\r\nHost: evil.example\r\n"), StartsWith("HTTP/1.1 421"));
  EXPECT_THAT(with_hosts("Host: localhost\r\n"), StartsWith("HTTP/1.1 200"));
}

TEST_F(ServerTest, APostFromAnotherSiteIsRefused) {
  const auto post = [&](std::string_view origin) {
    return answer(
        fmt::format("POST /api/session HTTP/1.1\r\nHost: localhost\r\n{}"
                    "Content-Type: application/json\r\nContent-Length: 2\r\n"
                    "Connection: close\r\n\r\n{{}}",
                    origin));
  };

  EXPECT_THAT(post("Origin: http://evil.example\r\n"), StartsWith("HTTP/1.1 403"));
  EXPECT_THAT(post("Origin: http://localhost\r\nOrigin: http://evil.example\r\n"),
              StartsWith("HTTP/1.1 403"));
  EXPECT_THAT(post("Origin: http://localhost\r\n"),
              StartsWith("HTTP/1.1 400"));  // {} is no sign-in.
}

TEST_F(ServerTest, ALinkSignsInOverTheWire) {
  const auto body = fmt::format(R"({{"link":"{}"}})", world.accounts.new_link(world.now));
  const auto post = fmt::format(
      "POST /api/session HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n"
      "Content-Length: {}\r\nConnection: close\r\n\r\n{}",
      body.size(), body);

  const auto first = answer(post);
  const auto second = answer(post);

  EXPECT_THAT(first, StartsWith("HTTP/1.1 204"));
  EXPECT_THAT(first, HasSubstr("Set-Cookie: lenz_session="));
  EXPECT_THAT(second, StartsWith("HTTP/1.1 401"));
}

TEST_F(ServerTest, AHeaderThatIsTooLongIsRefused) {
  EXPECT_THAT(get("/", "X: " + std::string(17 * 1024, 'x') + "\r\n"), StartsWith("HTTP/1.1 431"));
  EXPECT_THAT(get("/" + std::string(200 * 1024, 'x')), StartsWith("HTTP/1.1 431"));
  EXPECT_THAT(get("/", "X: " + std::string(15 * 1024, 'x') + "\r\n"), StartsWith("HTTP/1.1 200"));
}

TEST_F(ServerTest, ABodyThatIsTooLongIsRefusedBeforeItIsRead) {
  const auto post = [&](std::string_view rest) {
    return answer(
        fmt::format("POST /api/session HTTP/1.1\r\nHost: localhost\r\n"
                    "Content-Type: application/json\r\n{}",
                    rest));
  };
  std::string chunks = "Transfer-Encoding: chunked\r\n\r\n";
  for (int i = 0; i < 20; ++i) chunks += "1000\r\n" + std::string(0x1000, 'x') + "\r\n";

  EXPECT_THAT(post("Content-Length: 10000000000\r\n\r\n"), StartsWith("HTTP/1.1 413"));
  EXPECT_THAT(post("Content-Length: 65537\r\n\r\n" + std::string(65537, 'x')),
              StartsWith("HTTP/1.1 413"));
  EXPECT_THAT(post(chunks), StartsWith("HTTP/1.1 413"));
}

TEST_F(ServerTest, ARequestThatCouldBeReadTwoWaysIsRefused) {
  for (const std::string_view lengths :
       {"Content-Length: 2\r\nTransfer-Encoding: chunked\r\n",
        "Transfer-Encoding: chunked\r\nContent-Length: 2\r\n",
        "Content-Length: 2\r\nContent-Length: 3\r\n", "Content-Length: -1\r\n",
        "Content-Length: 2x\r\n", "Content-Length : 2\r\n"}) {
    EXPECT_THAT(
        answer(fmt::format("POST /api/session HTTP/1.1\r\nHost: localhost\r\n{}\r\n{{}}", lengths)),
        StartsWith("HTTP/1.1 400"))
        << lengths;
  }
}

TEST_F(ServerTest, NothingThatIsSentBreaksIt) {
  const auto seed = std::random_device{}();
  std::mt19937 random(seed);
  const std::string good =
      "POST /api/session?a=%41 HTTP/1.1\r\nHost: localhost\r\nOrigin: http://localhost\r\n"
      "Cookie: lenz_session=x; a=b\r\nContent-Type: application/json\r\nContent-Length: 12\r\n\r\n"
      "{\"link\":\"a\"}";
  const auto end = std::chrono::steady_clock::now() + 3s;
  int sent = 0;
  while (std::chrono::steady_clock::now() < end) {
    std::string bytes = good;
    if (random() % 4 == 0) {
      bytes.resize(random() % 300);
      for (auto& byte : bytes) byte = static_cast<char>(random());
    }
    for (auto times = random() % 8; times > 0 && !bytes.empty(); --times) {
      bytes[random() % bytes.size()] = static_cast<char>(random());
    }
    bytes.resize(random() % (bytes.size() + 1));
    auto socket = connected();
    send(socket, bytes);
    error_code ignored;
    socket.shutdown(tcp::socket::shutdown_send, ignored);
    const auto text = receive_all(socket);
    ASSERT_TRUE(text.empty() || text.starts_with("HTTP/1.")) << text << ", seed " << seed;
    ASSERT_FALSE(text.starts_with("HTTP/1.1 500")) << text << ", seed " << seed;
    ++sent;
  }
  EXPECT_GT(sent, 100);
  EXPECT_THAT(get("/"), StartsWith("HTTP/1.1 200")) << "seed " << seed;
}

TEST_F(ServerTest, AVisitorWhoSaysNothingIsLetGo) {
  auto silent = connected();
  auto slow = connected();
  send(slow, "GET / HTTP/1.1\r\nHo");

  EXPECT_EQ(receive_all(silent), "");
  EXPECT_EQ(receive_all(slow), "");
}

TEST_F(ServerTest, OneConnectionTooManyIsTurnedAway) {
  std::vector<tcp::socket> open;
  for (std::size_t i = 0; i < ServerLimits{}.connections; ++i) {
    open.push_back(connected());
    send(open.back(), "GET / HTTP/1.1\r\nHost: localhost\r\n\r\n");
    receive_until(open.back(), "Lenz</h1>");
  }

  auto one_too_many = connected();
  EXPECT_THAT(receive_all(one_too_many), StartsWith("HTTP/1.1 503"));

  open.pop_back();
  comes_true([this] { return get("/").starts_with("HTTP/1.1 200"); });
  EXPECT_THAT(get("/"), StartsWith("HTTP/1.1 200"));
}

TEST_F(ServerTest, APageThatListensHearsSamplesAndThatTheLineIsOpen) {
  auto socket = listening(world.signed_in());

  const auto first = receive_until(socket, "\"fridge\":80}}\n\n");
  EXPECT_THAT(first, StartsWith("HTTP/1.1 200 OK\r\n"));
  EXPECT_THAT(first, HasSubstr("Content-Type: text/event-stream\r\n"));

  publish(1234.5f);
  EXPECT_THAT(receive_until(socket, "\n\n"), HasSubstr("\"fridge\":1234.5}}"));

  receive_until(socket, ": still here\n\n");
}

TEST_F(ServerTest, AStrangerHearsNothing) {
  auto socket = listening("lenz_session=guess");

  const auto text = receive_until(socket, "Sign in");
  publish(1234.5f);

  EXPECT_THAT(text, StartsWith("HTTP/1.1 401"));
  EXPECT_THAT(receive_all(socket), Not(HasSubstr("fridge")));
}

TEST_F(ServerTest, SigningOutEndsWhatIsHeard) {
  const auto cookie = world.signed_in();
  auto socket = listening(cookie);
  receive_until(socket, "fridge");

  ASSERT_TRUE(world.accounts.sign_out(cookie.substr(cookie.find('=') + 1)));
  publish(1234.5f);

  EXPECT_THAT(receive_all(socket), Not(HasSubstr("1234.5")));
}

TEST_F(ServerTest, OneListenerTooManyIsRefusedUntilAnotherLeaves) {
  const auto cookie = world.signed_in();
  std::vector<tcp::socket> listeners;
  for (std::size_t i = 0; i < ServerLimits{}.listeners; ++i) {
    listeners.push_back(listening(cookie));
    receive_until(listeners.back(), "fridge");
  }

  auto one_too_many = listening(cookie);
  EXPECT_THAT(receive_all(one_too_many), StartsWith("HTTP/1.1 503"));

  listeners.pop_back();
  EXPECT_TRUE(comes_true([&] {
    auto socket = listening(cookie);
    return receive_until(socket, "\r\n\r\n").starts_with("HTTP/1.1 200");
  }));
}

TEST_F(ServerTest, AListenerThatDoesNotReadIsDroppedAndTheOthersHearOn) {
  ServerLimits patient;  // So that only the queue's limit can end it.
  server = std::make_unique<Server>(io, world.routes, "127.0.0.1", 0, patient);
  world.homes[0].panels[0].circuits[0].id = std::string(100'000, 'f');  // Big messages.
  const auto cookie = world.signed_in();
  auto slow = listening(cookie);
  auto quick = listening(cookie);
  receive_until(quick, "}}\n\n");
  receive_until(slow, "data: {");

  // More than the kernel keeps for a connection (at most 6 MiB on each side by default) and the
  // queue.
  std::string heard;
  for (int i = 0; i < 300; ++i) {
    publish(static_cast<float>(i));
    const auto number = fmt::format("\":{}}}}}\n\n", i);
    ASSERT_TRUE(comes_true([&] {
      take(quick, heard);
      return heard.ends_with(number);
    })) << i;
    heard.clear();
  }

  receive_all(slow);  // Ends.
}

TEST_F(ServerTest, WhoHasLeftIsNotReadFor) {
  const auto cookie = world.signed_in();
  const auto ask = fmt::format(
      "GET /api/homes/home/history?circuits=fridge&begin=1767225600000&end=1767229200000&step=60 "
      "HTTP/1.1\r\nHost: localhost\r\nCookie: {}\r\nConnection: close\r\n\r\n",
      cookie);
  const auto reads = [&] { return world.store.reads; };
  EXPECT_THAT(answer(ask), StartsWith("HTTP/1.1 200 OK"));
  const auto of_one = reads();
  ASSERT_GT(of_one, 0);

  auto left = connected();
  send(left, ask);
  left.close();
  EXPECT_THAT(answer(ask), StartsWith("HTTP/1.1 200 OK"));

  EXPECT_EQ(reads(), 2 * of_one);
}

TEST_F(ServerTest, AnswersThatTakeLongLeaveTurnsToOthers) {
  const auto ask = fmt::format(
      "GET /api/homes/home/history?circuits=fridge&begin=1767225600000&end=1767229200000&step=60&"
      "columns=mean,energy HTTP/1.1\r\nHost: localhost\r\nCookie: {}\r\nConnection: close\r\n\r\n",
      world.signed_in());
  EXPECT_THAT(answer(ask), StartsWith("HTTP/1.1 200 OK"));
  const auto of_one = std::exchange(world.store.reads, 0);
  world.store.at_read = [] { std::this_thread::sleep_for(20ms); };

  std::vector<tcp::socket> patient;
  for (int i = 0; i < 5; ++i) send(patient.emplace_back(connected()), ask);
  EXPECT_TRUE(comes_true([&] { return world.store.reads > 0; }));
  EXPECT_THAT(get("/api/status"), StartsWith("HTTP/1.1 200 OK"));

  EXPECT_LT(world.store.reads, 5 * of_one);
  for (auto& socket : patient) EXPECT_THAT(receive_all(socket), StartsWith("HTTP/1.1 200 OK"));
}

TEST_F(ServerTest, ManyWhoWaitForLongAnswersAllGetThem) {
  const auto cookie = world.signed_in();
  std::vector<tcp::socket> sockets;
  std::vector<std::string> received(10);
  for (std::size_t i = 0; i < received.size(); ++i) {
    sockets.push_back(connected());
    send(sockets.back(),
         fmt::format("GET /api/homes/home/gaps?begin=0&end=1767229200000 HTTP/1.1\r\n"
                     "Host: localhost\r\nCookie: {}\r\nConnection: close\r\n\r\n",
                     cookie));
  }

  EXPECT_TRUE(comes_true([&] {
    std::size_t over = 0;
    for (std::size_t i = 0; i < sockets.size(); ++i) over += !take(sockets[i], received[i]);
    return over == sockets.size();
  }));

  for (const auto& one : received) EXPECT_THAT(one, StartsWith("HTTP/1.1 200 OK"));
}

TEST_F(ServerTest, TheHubStopsWhileSomebodyListens) {
  auto socket = listening(world.signed_in());
  receive_until(socket, "fridge");

  server.reset();
  publish(1);

  EXPECT_EQ(receive_all(socket), "");
}

TEST_F(ServerTest, APortThatIsTakenIsNamed) {
  try {
    Server second(io, world.routes, "127.0.0.1", server->port());
    FAIL() << "Two servers on one port.";
  } catch (const std::runtime_error& error) {
    EXPECT_THAT(error.what(), HasSubstr(std::to_string(server->port())));
    EXPECT_THAT(error.what(), HasSubstr("another port"));
  }
}

TEST_F(ServerTest, OnlyThisMachineIsListenedTo) {
  for (const std::string address : {"0.0.0.0", "::", "192.0.2.1", "localhost", ""}) {
    EXPECT_THROW(Server(io, world.routes, address, 0), std::runtime_error) << address;
  }
}

}  // namespace
}  // namespace hub
