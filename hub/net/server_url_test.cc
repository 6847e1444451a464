#include "hub/net/server_url.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace hub {
namespace {

using testing::HasSubstr;
using testing::Not;

TEST(ServerUrl, AnAddressIsTakenApart) {
  struct Case {
    const char *url, *scheme;
    bool is_secure;
    const char* host;
    int port;
    const char *target, *authority;
  };
  const Case cases[] = {
      {"http://a", "http", false, "a", 80, "/", "a"},
      {"https://a", "http", true, "a", 443, "/", "a"},
      {"https://a:443/", "http", true, "a", 443, "/", "a"},
      {"http://10.0.0.7:8086/write?db=x", "http", false, "10.0.0.7", 8086, "/write?db=x",
       "10.0.0.7:8086"},
      {"http://a?x=1#part", "http", false, "a", 80, "/?x=1", "a"},
      {"ws://[::1]:8123/api/websocket", "ws", false, "::1", 8123, "/api/websocket", "[::1]:8123"},
      {"wss://[fe80::1]", "ws", true, "fe80::1", 443, "/", "[fe80::1]"},
  };
  for (const auto& [url, scheme, is_secure, host, port, target, authority] : cases) {
    const auto parsed = parse_url(url, scheme);
    ASSERT_TRUE(parsed) << url;
    EXPECT_EQ(parsed->is_secure, is_secure) << url;
    EXPECT_EQ(parsed->host, host) << url;
    EXPECT_EQ(parsed->port, port) << url;
    EXPECT_EQ(parsed->target, target) << url;
    EXPECT_EQ(parsed->authority, authority) << url;
  }
}

TEST(ServerUrl, WhatIsNoAddressIsRefused) {
  for (const char* url :
       {"", "http", "http:", "http://", "http:///x", "a.lan", "ftp://a", "ws://a", "http://a:0",
        "http://a:65536", "http://a:8o", "http://a:", "http://[::1", "http://[::1]8", "http://a b",
        "http://a/\r\nHost: b", "http://user:word@a", "httpss://a"}) {
    EXPECT_FALSE(parse_url(url, "http")) << url;
  }
}

TEST(ServerUrl, AComplaintDoesNotTellSecrets) {
  const auto parsed = parse_url("http://a:x/write?p=sesame", "http");

  ASSERT_FALSE(parsed);
  EXPECT_THAT(parsed.error(), HasSubstr("\"http://a:x/write\" is no address"));
  EXPECT_THAT(parsed.error(), Not(HasSubstr("sesame")));
}

}  // namespace
}  // namespace hub
