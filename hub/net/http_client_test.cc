#include "hub/net/http_client.h"

#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <stdlib.h>

#include <boost/asio/ssl.hpp>
#include <optional>

#include "hub/net/loopback.h"
#include "hub/net/own_certificate.h"

namespace hub {
namespace {

namespace asio = boost::asio;
using asio::ip::tcp;
using boost::system::error_code;
using namespace std::chrono_literals;
using testing::HasSubstr;

using Result = std::optional<std::expected<HttpAnswer, std::string>>;

class HttpClientTest : public OnLoopback {
 protected:
  std::string url(unsigned short port, const char* scheme = "http") {
    return fmt::format("{}://127.0.0.1:{}/write?db=home", scheme, port);
  }
  // What comes of a request.
  Result result_of(const std::string& to, std::chrono::milliseconds limit = 5s) {
    Result result;
    client->send({.url = to, .headers = {{"Authorization", "Token t"}}, .body = "power 1"}, limit,
                 [&result](auto answer) { result = std::move(answer); });
    EXPECT_FALSE(result) << "answered before it was sent";
    EXPECT_TRUE(comes_true([&] { return result.has_value(); }, limit + 2s));
    return result;
  }
  std::string error_of(const std::string& to, std::chrono::milliseconds limit = 5s) {
    const auto result = result_of(to, limit);
    return result && !*result ? result->error() : "none";
  }

  std::unique_ptr<HttpClient> client = std::make_unique<HttpClient>(io);
};

bool is_whole(const BareServer::Guest& guest) { return guest.said.ends_with("power 1"); }

TEST_F(HttpClientTest, ARequestIsSentAndItsAnswerToldOverOneConnectionTheSecondTimeToo) {
  BareServer server(io, [](auto& guest) {
    if (is_whole(guest)) guest.say("HTTP/1.1 204 No Content\r\n\r\n");
  });

  for (int i = 0; i < 2; ++i) {
    for (auto& guest : server.guests()) guest.said.clear();
    const auto result = result_of(url(server.port()));
    ASSERT_TRUE(result && *result) << result->error();
    EXPECT_EQ((*result)->status, 204u);
  }

  ASSERT_EQ(server.guests().size(), 1u);
  EXPECT_EQ(server.guests().front().said,
            fmt::format("POST /write?db=home HTTP/1.1\r\nHost: 127.0.0.1:{}\r\nUser-Agent: Lenz\r\n"
                        "Authorization: Token t\r\nContent-Length: 7\r\n\r\npower 1",
                        server.port()));
}

TEST_F(HttpClientTest, AServerThatHungUpMeanwhileIsCalledAgain) {
  BareServer server(io, [](auto& guest) {
    if (!is_whole(guest)) return;
    guest.say("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok");
    guest.hang_up();
  });

  for (int i = 0; i < 3; ++i) {
    const auto result = result_of(url(server.port()));
    ASSERT_TRUE(result && *result) << result->error();
    EXPECT_EQ((*result)->body, "ok");
  }

  EXPECT_EQ(server.guests().size(), 3u);
}

TEST_F(HttpClientTest, WhereNobodyListensTheErrorSaysSo) {
  EXPECT_THAT(error_of(url(deserted_port(io))), HasSubstr("Connection refused"));
  EXPECT_THAT(error_of("influx.lan:8086"), HasSubstr("is no address of a server"));
}

TEST_F(HttpClientTest, AConnectionThatEndsInTheMiddleIsAnError) {
  BareServer server(io, [](auto& guest) {
    if (!is_whole(guest)) return;
    guest.say("HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nhalf");
    guest.hang_up();
  });

  EXPECT_THAT(error_of(url(server.port())), HasSubstr("hung up in the middle"));
}

TEST_F(HttpClientTest, ServersThatTakeTheConnectionOrNotEvenThatAreGivenUpInTime) {
  BareServer silent(io, nullptr);
  const DeafServer deaf(io);

  for (const auto port : {silent.port(), deaf.port()}) {
    const auto begin = std::chrono::steady_clock::now();
    EXPECT_THAT(error_of(url(port), 300ms), HasSubstr("not answer")) << port;
    EXPECT_LT(std::chrono::steady_clock::now() - begin, 1500ms);
  }
}

TEST_F(HttpClientTest, AnAnswerThatIsTooLongIsCutOff) {
  const std::size_t most = 1 << 20;
  std::size_t size = most;
  BareServer server(io, [&](auto& guest) {
    if (!is_whole(guest)) return;
    guest.said.clear();
    guest.say(fmt::format("HTTP/1.1 200 OK\r\nContent-Length: {}\r\n\r\n", size));
    guest.socket.non_blocking(true);
    auto text = std::make_shared<std::string>(size, 'x');
    asio::async_write(guest.socket, asio::buffer(*text), [text](error_code, std::size_t) {});
  });

  const auto longest = result_of(url(server.port()));
  ASSERT_TRUE(longest && *longest) << longest->error();
  EXPECT_EQ((*longest)->body.size(), most);

  size = most + 1;
  EXPECT_THAT(error_of(url(server.port())), HasSubstr("longer than 1048576 bytes"));
}

TEST_F(HttpClientTest, WhatIsNotHttpIsAnError) {
  BareServer server(io, [](auto& guest) { guest.say("SSH-2.0-OpenSSH_9.2\r\n\r\n"); });

  EXPECT_THAT(error_of(url(server.port())), HasSubstr("does not answer"));
}

TEST_F(HttpClientTest, AClientThatIsGoneCallsNothing) {
  BareServer server(io, [](auto& guest) {
    if (is_whole(guest)) guest.say("HTTP/1.1 204 No Content\r\n\r\n");
  });
  const DeafServer deaf(io);
  bool is_called = false;
  const auto note = [&](const auto&) { is_called = true; };

  client->send({.url = url(server.port()), .body = "power 1"}, 5s, note);
  client = std::make_unique<HttpClient>(io);  // Before anything was sent.
  client->send({.url = url(deaf.port())}, 5s, note);
  let_work_for(20ms);
  client = std::make_unique<HttpClient>(io);  // While it connects.
  client->send({.url = url(server.port()), .body = "power 1"}, 5s, note);
  ASSERT_TRUE(
      comes_true([&] { return !server.guests().empty() && is_whole(server.guests().back()); }));
  client.reset();  // When the answer is on its way.
  let_work_for(50ms);

  EXPECT_FALSE(is_called);
}

// A server with a certificate that it has written itself.
class SecureServer {
 public:
  SecureServer(asio::io_context& io, const std::string& names)
      : certificate_(names, tls_), acceptor_(io, on_loopback(0)) {
    accept();
  }

  unsigned short port() const { return acceptor_.local_endpoint().port(); }

  const std::string& certificate_file() const { return certificate_.file; }
  int heard = 0;

 private:
  void accept() {
    acceptor_.async_accept([this](error_code error, tcp::socket socket) {
      if (error) return;
      auto stream = std::make_shared<asio::ssl::stream<tcp::socket>>(std::move(socket), tls_);
      stream->async_handshake(asio::ssl::stream_base::server, [this, stream](error_code failure) {
        if (!failure) answer(stream);
      });
      accept();
    });
  }
  void answer(const std::shared_ptr<asio::ssl::stream<tcp::socket>>& stream) {
    auto said = std::make_shared<std::string>();
    asio::async_read_until(*stream, asio::dynamic_buffer(*said), "power 1",
                           [this, stream, said](error_code failure, std::size_t) {
                             if (failure) return;
                             ++heard;
                             asio::async_write(
                                 *stream, asio::buffer("HTTP/1.1 204 No Content\r\n\r\n", 27),
                                 [this, stream](error_code, std::size_t) { answer(stream); });
                           });
  }

  asio::ssl::context tls_{asio::ssl::context::tls_server};
  const OwnCertificate certificate_;
  tcp::acceptor acceptor_;
};

TEST_F(HttpClientTest, AServerWhoseCertificateNobodyVouchesForHearsNothing) {
  const SecureServer server(io, "IP:127.0.0.1");

  EXPECT_THAT(error_of(url(server.port(), "https")),
              HasSubstr("its certificate is not trusted: self-signed certificate"));
  EXPECT_EQ(server.heard, 0);
}

TEST_F(HttpClientTest, AServerMustBeTheOneThatItsCertificateNames) {
  for (const auto& [names, is_trusted] :
       {std::pair{"IP:127.0.0.1", true}, std::pair{"IP:127.0.0.2, DNS:localhost", false}}) {
    const SecureServer server(io, names);
    ::setenv("SSL_CERT_FILE", server.certificate_file().c_str(), 1);
    client = std::make_unique<HttpClient>(io);

    for (int i = 0; i < 2; ++i) {
      const auto result = result_of(url(server.port(), "https"));
      ASSERT_TRUE(result);
      EXPECT_EQ(result->has_value(), is_trusted) << (*result ? "" : result->error());
      if (!is_trusted && !*result) {
        EXPECT_THAT(result->error(), HasSubstr("IP address mismatch"));
      }
    }
    const auto by_name = result_of(fmt::format("https://localhost:{}/", server.port()));
    EXPECT_EQ(by_name->has_value(), !is_trusted) << (*by_name ? "" : by_name->error());
    EXPECT_EQ(server.heard, is_trusted ? 2 : 1);
    ::unsetenv("SSL_CERT_FILE");
  }
}

}  // namespace
}  // namespace hub
