#include "hub/net/line_client.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <stdlib.h>

#include <boost/asio/ssl.hpp>
#include <optional>
#include <vector>

#include "hub/net/loopback.h"
#include "hub/net/own_certificate.h"

namespace hub {
namespace {

namespace asio = boost::asio;
using asio::ip::tcp;
using boost::system::error_code;
using namespace std::chrono_literals;
using testing::ElementsAre;
using testing::HasSubstr;

class LineClientTest : public OnLoopback {
 protected:
  using Result = std::optional<std::expected<void, std::string>>;

  Result talk(unsigned short port, std::function<LineStep(std::string_view)> next,
              bool is_secure = false, std::chrono::milliseconds limit = 5s) {
    Result result;
    client->talk(
        {.host = "127.0.0.1", .port = port, .is_secure = is_secure, .next = std::move(next)}, limit,
        [&](auto done) { result = std::move(done); });
    EXPECT_FALSE(result);
    EXPECT_TRUE(comes_true([&] { return result.has_value(); }, limit + 2s));
    return result;
  }

  std::unique_ptr<LineClient> client = std::make_unique<LineClient>(io);
};

TEST_F(LineClientTest, HearsLineByLineAndHangsUpAtTheEnd) {
  std::vector<std::string> heard;
  BareServer greeter(io, [](auto& guest) {
    if (guest.said == "hello\r\n") guest.say("250-one\r\n250 two\n");
  });
  Result result;
  client->talk({.host = "127.0.0.1",
                .port = greeter.port(),
                .is_secure = false,
                .next =
                    [&](std::string_view line) {
                      heard.emplace_back(line);
                      if (line == "220 hi") return LineStep{.say = "hello\r\n"};
                      if (line == "250 two") return LineStep{.say = "bye\r\n", .is_end = true};
                      return LineStep{};
                    }},
               5s, [&](auto done) { result = std::move(done); });
  ASSERT_TRUE(comes_true([&] { return !greeter.guests().empty(); }));
  greeter.guests().front().say("220 hi\r\n");

  ASSERT_TRUE(comes_true([&] { return result.has_value(); }));
  EXPECT_TRUE(result->has_value());
  EXPECT_THAT(heard, ElementsAre("220 hi", "250-one", "250 two"));
  EXPECT_TRUE(comes_true([&] { return greeter.guests().front().is_gone; }));
  EXPECT_EQ(greeter.guests().front().said, "hello\r\nbye\r\n");
}

TEST_F(LineClientTest, SaysInASentenceThatNobodyIsThere) {
  const auto result = talk(deserted_port(io), [](auto) { return LineStep{}; });
  ASSERT_TRUE(result);
  EXPECT_THAT(result->error(), HasSubstr("does not answer: Connection refused."));
}

TEST_F(LineClientTest, DoesNotWaitForAServerThatIsSilentForLongerThanItsTime) {
  BareServer server(io, {});
  const auto result = talk(
      server.port(), [](auto) { return LineStep{}; }, false, 200ms);
  ASSERT_TRUE(result);
  EXPECT_THAT(result->error(), HasSubstr("it did not answer in time"));
}

TEST_F(LineClientTest, GivesUpALineWithoutAnEnd) {
  BareServer server(io, {});
  Result result;
  client->talk({.host = "127.0.0.1",
                .port = server.port(),
                .is_secure = false,
                .next = [](auto) { return LineStep{}; }},
               5s, [&](auto done) { result = std::move(done); });
  ASSERT_TRUE(comes_true([&] { return !server.guests().empty(); }));
  server.guests().front().say(std::string(2 * LineClient::longest_line, 'x'));

  ASSERT_TRUE(comes_true([&] { return result.has_value(); }));
  EXPECT_THAT(result->error(), HasSubstr("its line is too long"));
}

TEST_F(LineClientTest, TrustsNothingThatWasSaidBeforeTheConnectionWasSecure) {
  BareServer server(io, {});
  Result result;
  client->talk({.host = "127.0.0.1",
                .port = server.port(),
                .is_secure = false,
                .next = [](auto) { return LineStep{.say = "STARTTLS\r\n", .must_secure = true}; }},
               5s, [&](auto done) { result = std::move(done); });
  ASSERT_TRUE(comes_true([&] { return !server.guests().empty(); }));
  server.guests().front().say("220 go ahead\r\n250 AUTH PLAIN\r\n");

  ASSERT_TRUE(comes_true([&] { return result.has_value(); }));
  EXPECT_THAT(result->error(), HasSubstr("spoke on before the connection was secure"));
}

// Greets in the clear, and answers STARTTLS and then one word over TLS.
class StartTlsServer {
 public:
  explicit StartTlsServer(asio::io_context& io)
      : certificate_("IP:127.0.0.1", tls_), acceptor_(io, on_loopback(0)) {
    acceptor_.async_accept([this](error_code error, tcp::socket socket) {
      if (error) return;
      stream_.emplace(std::move(socket), tls_);
      asio::write(stream_->next_layer(), asio::buffer(std::string("220 hi\r\n")));
      asio::async_read_until(stream_->next_layer(), asio::dynamic_buffer(said_), "\n",
                             [this](error_code failure, std::size_t) {
                               if (!failure) begin_tls();
                             });
    });
  }

  unsigned short port() const { return acceptor_.local_endpoint().port(); }
  const std::string& certificate_file() const { return certificate_.file; }
  const std::string& said() const { return said_; }

 private:
  void begin_tls() {
    asio::write(stream_->next_layer(), asio::buffer(std::string("220 go ahead\r\n")));
    stream_->async_handshake(asio::ssl::stream_base::server, [this](error_code failure) {
      if (failure) return;
      asio::async_read_until(*stream_, asio::dynamic_buffer(said_), "hello\r\n",
                             [this](error_code error, std::size_t) {
                               if (error) return;
                               asio::async_write(*stream_, asio::buffer(answer_),
                                                 [](error_code, std::size_t) {});
                             });
    });
  }

  asio::ssl::context tls_{asio::ssl::context::tls_server};
  const OwnCertificate certificate_;
  tcp::acceptor acceptor_;
  std::optional<asio::ssl::stream<tcp::socket>> stream_;
  std::string said_;
  const std::string answer_ = "250 secret\r\n";
};

LineStep start_tls(std::string_view line) {
  if (line == "220 hi") return {.say = "STARTTLS\r\n"};
  if (line == "220 go ahead") return {.say = "", .must_secure = true};
  return {.say = "hello\r\n", .is_end = line == "250 secret"};
}

TEST_F(LineClientTest, GoesOnOverTlsWithAServerThatProvesToBeTheOneThatWasMeant) {
  StartTlsServer server(io);
  ::setenv("SSL_CERT_FILE", server.certificate_file().c_str(), 1);

  const auto result = talk(server.port(), start_tls);

  ::unsetenv("SSL_CERT_FILE");
  ASSERT_TRUE(result);
  EXPECT_TRUE(result->has_value()) << result->error();
  EXPECT_THAT(server.said(), testing::StartsWith("STARTTLS\r\nhello\r\n"));
}

TEST_F(LineClientTest, SaysNothingMoreToAServerThatNobodyVouchesFor) {
  StartTlsServer server(io);

  const auto result = talk(server.port(), start_tls);

  ASSERT_TRUE(result);
  EXPECT_THAT(result->error(), HasSubstr("its certificate is not trusted"));
  EXPECT_EQ(server.said(), "STARTTLS\r\n");
}

TEST_F(LineClientTest, MayBeLetGoOfInTheMiddle) {
  BareServer server(io, {});
  client->talk({.host = "127.0.0.1",
                .port = server.port(),
                .is_secure = false,
                .next = [](auto) { return LineStep{}; }},
               5s, [](auto) { FAIL(); });
  ASSERT_TRUE(comes_true([&] { return !server.guests().empty(); }));
  client.reset();
  EXPECT_TRUE(comes_true([&] { return server.guests().front().is_gone; }));
}

}  // namespace
}  // namespace hub
