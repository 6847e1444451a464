// The page by TLS: what a browser, a stranger and somebody who forgets the s in https get.

#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <boost/asio.hpp>
#include <boost/asio/ssl.hpp>
#include <functional>
#include <random>

#include "hub/api/server.h"
#include "hub/api/small_world.h"
#include "hub/net/loopback.h"
#include "hub/net/own_certificate.h"

namespace hub {
namespace {

namespace asio = boost::asio;
namespace ssl = boost::asio::ssl;
using asio::ip::tcp;
using boost::system::error_code;
using testing::HasSubstr;
using testing::Not;
using testing::StartsWith;

TlsCertificate of(const OwnCertificate& own) { return {own.certificate_text, own.key_text}; }

class ServerTlsTest : public OnLoopback {
 protected:
  static ServerLimits limits() {
    ServerLimits short_ones;
    short_ones.idle = short_ones.handshake = 300ms;
    short_ones.heartbeat = 50ms;
    short_ones.connections = 8;
    short_ones.connections_of_address = 6;
    short_ones.handshakes_per_s = 100'000;
    return short_ones;
  }

  SmallWorld world;
  ssl::context unused{ssl::context::tls_server};
  OwnCertificate first{"DNS:lenz.local", unused}, second{"DNS:lenz.local", unused};
  std::unique_ptr<Server> server =
      std::make_unique<Server>(io, world.routes, of(first), "127.0.0.1", 0, limits());

  // What a client trusts does not matter here: whom it met is asked afterwards.
  struct Client {
    Client(asio::io_context& io, const std::function<void(SSL_CTX*)>& set)
        : context(ssl::context::tls_client), stream((set(context.native_handle()), io), context) {}

    ssl::context context;
    ssl::stream<tcp::socket> stream;
    std::string received;
    std::optional<error_code> shook;
    bool has_ended = false;
    std::array<char, 65536> chunk{};

    bool is_in() const { return shook && !*shook; }
    void read_on() {
      stream.async_read_some(asio::buffer(chunk), [this](error_code error, std::size_t size) {
        received.append(chunk.data(), size);
        has_ended = error.failed();
        if (!error) read_on();
      });
    }
    void send(std::string bytes) {
      const auto kept = std::make_shared<std::string>(std::move(bytes));
      asio::async_write(stream, asio::buffer(*kept), [kept](error_code, std::size_t) {});
    }
    std::string met() {
      const std::unique_ptr<X509, void (*)(X509*)> shown(
          SSL_get1_peer_certificate(stream.native_handle()), X509_free);
      const std::unique_ptr<BIO, int (*)(BIO*)> memory(BIO_new(BIO_s_mem()), BIO_free);
      PEM_write_bio_X509(memory.get(), shown.get());
      char* begin = nullptr;
      const auto size = BIO_get_mem_data(memory.get(), &begin);
      return {begin, static_cast<std::size_t>(size)};
    }
  };

  tcp::socket connected(const Server& to) {
    tcp::socket socket(io);
    socket.connect({asio::ip::address_v4::loopback(), to.port()});
    return socket;
  }

  // After its handshake, whatever came of it.
  std::unique_ptr<Client> client(const std::function<void(SSL_CTX*)>& set = [](SSL_CTX*) {}) {
    auto made = std::make_unique<Client>(io, set);
    made->stream.next_layer().connect({asio::ip::address_v4::loopback(), server->port()});
    made->stream.async_handshake(ssl::stream_base::client,
                                 [&to = *made](error_code error) { to.shook = error; });
    EXPECT_TRUE(comes_true([&] { return made->shook.has_value(); }));
    if (made->is_in()) made->read_on();
    return made;
  }

  std::string answer(const std::string& bytes) {
    const auto visitor = client();
    EXPECT_TRUE(visitor->is_in());
    visitor->send(bytes);
    EXPECT_TRUE(comes_true([&] { return visitor->has_ended; })) << "Still open.";
    return visitor->received;
  }
  std::string get(const std::string& target, const std::string& host = "lenz.local:8443") {
    return answer(
        fmt::format("GET {} HTTP/1.1\r\nHost: {}\r\nConnection: close\r\n\r\n", target, host));
  }

  // Of one who does not speak TLS.
  std::string plain_answer(const Server& to, std::string_view bytes) {
    auto socket = connected(to);
    socket.write_some(asio::buffer(bytes));
    return received_by(socket);
  }
  std::string received_by(tcp::socket& socket) {
    socket.non_blocking(true);
    std::string received;
    EXPECT_TRUE(comes_true([&] {
      std::array<char, 4096> chunk;
      error_code error;
      received.append(chunk.data(), socket.read_some(asio::buffer(chunk), error));
      return error && error != asio::error::would_block;
    })) << "Still open.";
    return received;
  }
};

TEST_F(ServerTlsTest, ThePageIsThereUnderItsNamesAndNoOther) {
  EXPECT_THAT(get("/"), StartsWith("HTTP/1.1 200 OK\r\n"));
  EXPECT_THAT(get("/"), HasSubstr("<h1>Lenz</h1>"));
  EXPECT_THAT(get("/", "[fd00::1]:8443"), StartsWith("HTTP/1.1 200"));
  EXPECT_THAT(get("/", "localhost"), StartsWith("HTTP/1.1 421"));
  EXPECT_THAT(get("/", "evil.example"), StartsWith("HTTP/1.1 421"));
}

TEST_F(ServerTlsTest, OneConnectionAnswersManyRequests) {
  const auto visitor = client();
  for (std::size_t i = 1; i <= 3; ++i) {
    visitor->received.clear();
    visitor->send("GET / HTTP/1.1\r\nHost: lenz.local\r\n\r\n");
    EXPECT_TRUE(comes_true([&] { return visitor->received.ends_with("Lenz</h1>"); }));
  }
}

TEST_F(ServerTlsTest, AnAnswerEndsAsItShouldAndIsNotCutOff) {
  const auto visitor = client();
  visitor->send("GET / HTTP/1.1\r\nHost: lenz.local\r\nConnection: close\r\n\r\n");
  comes_true([&] { return visitor->has_ended; });
  // OpenSSL has seen the other end say that it ends.
  EXPECT_NE(SSL_get_shutdown(visitor->stream.native_handle()) & SSL_RECEIVED_SHUTDOWN, 0);
}

TEST_F(ServerTlsTest, ALinkSignsInAndABodyThatIsTooLongIsToldSo) {
  const auto body = fmt::format(R"({{"link":"{}"}})", world.accounts.new_link(world.now));
  const auto post = [&](std::size_t length, const std::string& sent) {
    return answer(fmt::format(
        "POST /api/session HTTP/1.1\r\nHost: lenz.local\r\nOrigin: https://lenz.local\r\n"
        "Content-Type: application/json\r\nContent-Length: {}\r\n"
        "Connection: close\r\n\r\n{}",
        length, sent));
  };

  EXPECT_THAT(post(body.size(), body), HasSubstr("Set-Cookie: __Host-lenz_session="));
  EXPECT_THAT(post(200'000, std::string(200'000, 'x')), StartsWith("HTTP/1.1 413"));
}

TEST_F(ServerTlsTest, APageThatListensHearsOfSamplesAndOfItsEnd) {
  const auto cookie = "__Host-" + world.signed_in();
  const auto visitor = client();
  visitor->send(fmt::format(
      "GET /api/homes/home/live HTTP/1.1\r\nHost: lenz.local\r\nCookie: {}\r\n\r\n", cookie));
  const auto hears = [&](const std::string& word) {
    return comes_true([&] { return visitor->received.find(word) != std::string::npos; });
  };
  ASSERT_TRUE(hears("\"fridge\":80}}\n\n"));
  EXPECT_THAT(visitor->received, HasSubstr("Content-Type: text/event-stream\r\n"));

  measurement::Sample sample(1);
  sample.put<measurement::Quantity::active_power>(0, {1234.5f});
  world.live.publish({"meter-1", world.now, sample});
  EXPECT_TRUE(hears("\"fridge\":1234.5}}"));
  EXPECT_TRUE(hears(": still here\n\n"));

  ASSERT_TRUE(world.accounts.sign_out(cookie.substr(cookie.find('=') + 1)));
  EXPECT_TRUE(comes_true([&] { return visitor->has_ended; }));
}

TEST_F(ServerTlsTest, WhoForgetsTheSIsSentThere) {
  const auto told = plain_answer(
      *server, "GET /#x HTTP/1.1\r\nHost: lenz.local:8443\r\nConnection: keep-alive\r\n\r\n");

  EXPECT_THAT(told, StartsWith("HTTP/1.1 307"));
  EXPECT_THAT(told, HasSubstr("Location: https://lenz.local:8443/"));
  EXPECT_THAT(told, Not(HasSubstr("<h1>")));
  EXPECT_THAT(plain_answer(*server, "GET / HTTP/1.1\r\nHost: evil.example\r\n\r\n"),
              StartsWith("HTTP/1.1 421"));
  EXPECT_THAT(plain_answer(*server,
                           "POST /api/session HTTP/1.1\r\nHost: lenz.local\r\n"
                           "Content-Length: 2\r\n\r\n{}"),
              StartsWith("HTTP/1.1 400"));
}

TEST_F(ServerTlsTest, AnOldTlsIsRefused) {
  const auto only = [](int version) {
    return [version](SSL_CTX* context) {
      SSL_CTX_set_security_level(context, 0);  // So that it is the server who refuses.
      SSL_CTX_set_min_proto_version(context, version);
      SSL_CTX_set_max_proto_version(context, version);
    };
  };

  EXPECT_FALSE(client(only(TLS1_VERSION))->is_in());
  EXPECT_FALSE(client(only(TLS1_1_VERSION))->is_in());
  EXPECT_TRUE(client(only(TLS1_2_VERSION))->is_in());
  EXPECT_TRUE(client(only(TLS1_3_VERSION))->is_in());
}

TEST_F(ServerTlsTest, CiphersWithoutForwardSecrecyAreRefused) {
  const auto visitor = client([](SSL_CTX* context) {
    SSL_CTX_set_max_proto_version(context, TLS1_2_VERSION);
    SSL_CTX_set_cipher_list(context, "AES128-GCM-SHA256:ECDHE-RSA-AES128-SHA");
  });

  EXPECT_FALSE(visitor->is_in());
}

TEST_F(ServerTlsTest, AHandshakeThatStallsIsLetGo) {
  auto silent = connected(*server), slow = connected(*server);
  slow.write_some(asio::buffer(std::string_view("\x16\x03\x01\x02\x00\x01\x00\x01", 8)));

  EXPECT_EQ(received_by(silent), "");
  EXPECT_EQ(received_by(slow), "");
  EXPECT_THAT(get("/"), StartsWith("HTTP/1.1 200"));
}

TEST_F(ServerTlsTest, WhoFillsTheNetworksPortLeavesThisMachinesFree) {
  Server here(io, world.routes, "127.0.0.1", 0, limits());
  std::vector<std::unique_ptr<Client>> open;
  for (std::size_t i = 0; i < limits().connections_of_address; ++i) {
    open.push_back(client());
    EXPECT_TRUE(open.back()->is_in());
  }

  EXPECT_FALSE(client()->is_in());  // One more of this address.
  EXPECT_THAT(plain_answer(here, "GET / HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n"),
              StartsWith("HTTP/1.1 200"));

  open.pop_back();
  EXPECT_TRUE(comes_true([this] { return client()->is_in(); }));
}

TEST_F(ServerTlsTest, HandshakesThatComeTooFastWait) {
  auto slow = limits();
  slow.handshakes_per_s = 4;
  slow.connections = slow.connections_of_address = 4;
  server = std::make_unique<Server>(io, world.routes, of(first), "127.0.0.1", 0, slow);
  const auto begin = std::chrono::steady_clock::now();

  // Five at once, then one in 250 ms.
  for (int i = 0; i < 8; ++i) EXPECT_TRUE(client()->is_in()) << i;

  EXPECT_GT(std::chrono::steady_clock::now() - begin, 500ms);
}

TEST_F(ServerTlsTest, ARenewedCertificateIsShownAndABrokenOneIsNot) {
  const auto before = client();
  ASSERT_TRUE(server->show(of(second)));

  EXPECT_EQ(client()->met(), second.certificate_text);
  EXPECT_EQ(before->met(), first.certificate_text);
  before->send("GET / HTTP/1.1\r\nHost: lenz.local\r\n\r\n");
  EXPECT_TRUE(comes_true([&] { return before->received.ends_with("Lenz</h1>"); }));

  const std::vector<TlsCertificate> broken = {{"", ""},
                                              {"no certificate", second.key_text},
                                              {second.certificate_text, "no key"},
                                              {second.certificate_text, first.key_text}};
  for (const auto& one : broken) {
    const auto shown = server->show(one);
    ASSERT_FALSE(shown);
    EXPECT_THAT(shown.error(), HasSubstr("PEM"));
  }
  EXPECT_EQ(client()->met(), second.certificate_text);
  EXPECT_THROW(Server(io, world.routes, broken[1], "127.0.0.1", 0), std::runtime_error);
}

TEST_F(ServerTlsTest, ItListensOnAllAddressesOnlyWhenNoneIsNamed) {
  EXPECT_THROW(Server(io, world.routes, of(first), "lenz.local", 0), std::runtime_error);
  EXPECT_THROW(Server(io, world.routes, of(first), "127.0.0.1", server->port()),
               std::runtime_error);
}

TEST_F(ServerTlsTest, NothingThatIsSentBreaksIt) {
  // The beginning of a ClientHello, as OpenSSL sends it.
  ssl::context context(ssl::context::tls_client);
  const std::unique_ptr<SSL, void (*)(SSL*)> hello(SSL_new(context.native_handle()), SSL_free);
  auto* out = BIO_new(BIO_s_mem());
  SSL_set_bio(hello.get(), BIO_new(BIO_s_mem()), out);
  SSL_connect(hello.get());
  char* begin = nullptr;
  const auto size = BIO_get_mem_data(out, &begin);
  const std::string good(begin, static_cast<std::size_t>(size));
  const auto seed = std::random_device{}();
  std::mt19937 random(seed);

  for (int i = 0; i < 300; ++i) {
    auto bytes = good;
    for (auto times = random() % 8; times > 0; --times) {
      bytes[random() % bytes.size()] = static_cast<char>(random());
    }
    bytes.resize(1 + random() % bytes.size());
    auto socket = connected(*server);
    socket.write_some(asio::buffer(bytes));
    error_code ignored;
    socket.shutdown(tcp::socket::shutdown_send, ignored);
    received_by(socket);
  }
  EXPECT_THAT(get("/"), StartsWith("HTTP/1.1 200")) << "seed " << seed;
}

TEST_F(ServerTlsTest, TheHubStopsWhileAHandshakeIsUnderWay) {
  auto stalled = connected(*server);
  const auto listening = client();
  comes_true([&] { return listening->is_in(); });

  server.reset();

  EXPECT_EQ(received_by(stalled), "");
  EXPECT_TRUE(comes_true([&] { return listening->has_ended; }));
}

}  // namespace
}  // namespace hub
