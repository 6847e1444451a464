// By TLS, from this machine, and plain at the port for TLS: what each of them may do.

#include "hub/api/gate.h"

#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "hub/api/small_world.h"
#include "hub/api/url.h"

namespace hub {
namespace {

using testing::HasSubstr;
using testing::Not;

struct Gate : testing::Test {
  SmallWorld world;

  Response ask(Way way, std::string_view host, const std::string& target = "/",
               std::string_view method = "GET") {
    return world.routes.answer({.method = method, .target = target, .host = host, .way = way});
  }
  // A sign-in by a new link.
  Response sign_in(Way way, std::string_view host, const std::string& origin) {
    const auto body = fmt::format(R"({{"link":"{}"}})", world.accounts.new_link(world.now));
    return world.routes.answer({.method = "POST",
                                .target = "/api/session",
                                .host = host,
                                .origin = origin,
                                .content_type = "application/json",
                                .body = body,
                                .way = way});
  }
  unsigned homes_with(Way way, std::string_view host, const std::string& cookie) {
    return world.routes
        .answer(
            {.method = "GET", .target = "/api/homes", .host = host, .cookie = cookie, .way = way})
        .status;
  }
  static std::string header(const Response& response, std::string_view wanted) {
    for (const auto& [name, value] : response.headers) {
      if (name == wanted) return value;
    }
    return "";
  }
};

TEST_F(Gate, EachWayHasNamesOfItsOwn) {
  for (const auto* host : {"lenz.local", "LENZ.local:8443", "[fd00::1]:443"}) {
    EXPECT_EQ(ask(Way::tls, host).status, 200u) << host;
    EXPECT_EQ(ask(Way::here, host).status, 421u) << host;
  }
  for (const auto* host : {"localhost", "127.0.0.1:8420", "[::1]"}) {
    EXPECT_EQ(ask(Way::tls, host).status, 421u) << host;
    EXPECT_EQ(ask(Way::here, host).status, 200u) << host;
  }
  for (const auto* host : {"evil.example", "lenz.local.evil.example", "x.lenz.local",
                           "lenz.local:x", "fd00::1", "", "lenz.local@evil.example"}) {
    EXPECT_EQ(ask(Way::tls, host).status, 421u) << host;
    EXPECT_EQ(ask(Way::plain, host).status, 421u) << host;
  }
}

TEST_F(Gate, WhoTypesNoHttpsIsSentThereAndShownNothing) {
  const auto page = ask(Way::plain, "lenz.local:8443", "/lenz-ca.crt?a=1");
  const auto odd = ask(Way::plain, "lenz.local:8443", "http://evil.example/");
  const auto home = ask(Way::plain, "lenz.local:8443", "/api/homes");
  const auto post = sign_in(Way::plain, "lenz.local:8443", "");

  EXPECT_EQ(page.status, 307u);
  EXPECT_EQ(header(page, "Location"), "https://lenz.local:8443/lenz-ca.crt?a=1");
  EXPECT_THAT(page.body, Not(HasSubstr("CERTIFICATE")));
  EXPECT_EQ(header(odd, "Location"), "https://lenz.local:8443/");
  EXPECT_EQ(home.status, 307u);
  EXPECT_EQ(post.status, 400u);
  EXPECT_EQ(header(post, "Set-Cookie"), "");
}

TEST_F(Gate, TheCookieOfTlsNeverGoesWithoutIt) {
  const auto secure = header(sign_in(Way::tls, "lenz.local", "https://lenz.local"), "Set-Cookie");
  const auto plain = header(sign_in(Way::here, "localhost", "http://localhost"), "Set-Cookie");

  EXPECT_THAT(secure, testing::MatchesRegex("__Host-lenz_session=[A-Za-z0-9_-]+; HttpOnly; "
                                            "SameSite=Strict; Path=/; Max-Age=15552000; Secure"));
  EXPECT_THAT(plain, Not(HasSubstr("Secure")));

  const auto pair = secure.substr(0, secure.find(';'));
  EXPECT_EQ(homes_with(Way::tls, "lenz.local", pair), 200u);
  // What a plain page of this name could have set is not looked at.
  const auto without_prefix = pair.substr(std::string_view("__Host-").size());
  EXPECT_EQ(homes_with(Way::tls, "lenz.local", without_prefix), 401u);
  EXPECT_EQ(homes_with(Way::here, "localhost", pair), 401u);
}

TEST_F(Gate, SigningOutByTlsTakesTheSecureCookieAway) {
  const auto cookie = header(sign_in(Way::tls, "lenz.local", ""), "Set-Cookie");
  const auto pair = cookie.substr(0, cookie.find(';'));

  const auto out = world.routes.answer({.method = "DELETE",
                                        .target = "/api/session",
                                        .host = "lenz.local",
                                        .content_type = "application/json",
                                        .cookie = pair,
                                        .way = Way::tls});

  // A browser drops what has the prefix and lacks Secure.
  EXPECT_EQ(header(out, "Set-Cookie"),
            "__Host-lenz_session=; HttpOnly; SameSite=Strict; Path=/; Max-Age=0; Secure");
  EXPECT_EQ(homes_with(Way::tls, "lenz.local", pair), 401u);
}

TEST_F(Gate, OnlyThePageOfTlsChangesAnythingByTls) {
  const std::string host = "lenz.local:8443";

  EXPECT_EQ(sign_in(Way::tls, host, "https://lenz.local:8443").status, 204u);
  EXPECT_EQ(sign_in(Way::tls, host, "http://lenz.local:8443").status, 403u);
  EXPECT_EQ(sign_in(Way::tls, host, "https://lenz.local").status, 403u);
  EXPECT_EQ(sign_in(Way::tls, host, "https://evil.example").status, 403u);
  EXPECT_EQ(sign_in(Way::tls, host, "null").status, 403u);
  // Behind a proxy that has TLS.
  EXPECT_EQ(sign_in(Way::here, "localhost", "https://localhost").status, 204u);
}

TEST_F(Gate, TheAuthorityIsShownToAnybodyAsPhonesTakeIt) {
  for (const auto& [way, host] : {std::pair(Way::tls, "lenz.local"), {Way::here, "localhost"}}) {
    const auto shown = ask(way, host, "/lenz-ca.crt");
    EXPECT_EQ(shown.status, 200u);
    EXPECT_EQ(shown.content_type, "application/x-x509-ca-cert");
    EXPECT_THAT(shown.body, HasSubstr("BEGIN CERTIFICATE"));
  }
}

TEST_F(Gate, WithoutAnAuthorityOfItsOwnThereIsNoneToShow) {
  const Routes routes(
      {.homes = world.served, .accounts = world.accounts, .now = [&] { return world.now; }},
      Pages(world.folder.path / "dist"));

  const auto answer =
      routes.answer({.method = "GET", .target = "/lenz-ca.crt", .host = "localhost"});

  EXPECT_EQ(answer.status, 404u);
}

TEST(Address, OfAWholeNetworkIsOne) {
  EXPECT_EQ(counted_address("192.168.1.20"), "192.168.1.20");
  EXPECT_EQ(counted_address("::ffff:192.168.1.20"), "192.168.1.20");
  EXPECT_EQ(counted_address("fd00:1:2:3:4:5:6:7"), "fd00:1:2:3::/64");
  EXPECT_EQ(counted_address("fd00:1:2:3:ffff::1"), "fd00:1:2:3::/64");
  EXPECT_EQ(counted_address("fd00:1:2:4::1"), "fd00:1:2:4::/64");
  EXPECT_EQ(counted_address("fe80::1:2:3:4%eth0"), "fe80::/64");
  EXPECT_EQ(counted_address("::1"), "::1");
  EXPECT_EQ(counted_address(""), "");
}

}  // namespace
}  // namespace hub
