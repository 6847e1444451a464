// The parts of an address like "https://influx.example.org:8086/api?x=1".

#pragma once

#include <cstdint>
#include <expected>
#include <string>
#include <string_view>

namespace hub {

struct ServerUrl {
  bool is_secure = false;
  std::string host;  // Without the brackets of an IPv6 address.
  std::uint16_t port = 0;
  std::string target;     // Path and query, at least "/".
  std::string authority;  // As in the Host header: the port only where it is not the usual one.
};

// `scheme` is "http" or "ws"; with an "s" behind it, it is secure. The error is one sentence; it
// does not repeat the query, in which there may be a secret.
std::expected<ServerUrl, std::string> parse_url(std::string_view url, std::string_view scheme);

}  // namespace hub
