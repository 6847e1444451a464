#include "hub/api/url.h"

#include <arpa/inet.h>

#include <algorithm>
#include <array>
#include <charconv>

namespace hub {
namespace {

bool equal_without_case(std::string_view a, std::string_view b) {
  const auto lower = [](char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c + 32) : c; };
  return std::ranges::equal(a, b, {}, lower, lower);
}

}  // namespace

std::optional<std::string> decoded(std::string_view text) {
  std::string result;
  result.reserve(text.size());
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (text[i] != '%') {
      result += text[i];
      continue;
    }
    unsigned value = 0;
    if (i + 2 >= text.size()) return std::nullopt;
    const auto* end = text.data() + i + 3;
    if (std::from_chars(text.data() + i + 1, end, value, 16).ptr != end) return std::nullopt;
    result += static_cast<char>(value);
    i += 2;
  }
  return result;
}

std::optional<std::map<std::string, std::string, std::less<>>> query(std::string_view text) {
  std::map<std::string, std::string, std::less<>> found;
  while (!text.empty()) {
    const auto pair = text.substr(0, text.find('&'));
    text.remove_prefix(std::min(pair.size() + 1, text.size()));
    if (pair.empty()) continue;
    std::string spaced(pair);
    std::ranges::replace(spaced, '+', ' ');
    const auto equals = spaced.find('=');
    const auto name = decoded(std::string_view(spaced).substr(0, equals));
    const auto value = equals == std::string::npos
                           ? std::optional<std::string>("")
                           : decoded(std::string_view(spaced).substr(equals + 1));
    if (!name || !value || !found.emplace(*name, *value).second) return std::nullopt;
  }
  return found;
}

std::string_view cookie(std::string_view header, std::string_view name) {
  while (!header.empty()) {
    auto pair = header.substr(0, header.find(';'));
    header.remove_prefix(std::min(pair.size() + 1, header.size()));
    pair.remove_prefix(std::min(pair.find_first_not_of(' '), pair.size()));
    const auto equals = pair.find('=');
    if (equals != std::string_view::npos && pair.substr(0, equals) == name) {
      return pair.substr(equals + 1);
    }
  }
  return {};
}

bool is_host(std::string_view host, std::string_view name) {
  if (!equal_without_case(host.substr(0, name.size()), name)) return false;
  const auto rest = host.substr(name.size());
  return rest.empty() ||
         (rest[0] == ':' && rest.size() <= 6 &&
          std::ranges::all_of(rest.substr(1), [](char c) { return c >= '0' && c <= '9'; }));
}

bool is_loopback(std::string_view host) {
  static constexpr std::array<std::string_view, 3> names = {"127.0.0.1", "localhost", "[::1]"};
  return std::ranges::any_of(names, [&](std::string_view name) { return is_host(host, name); });
}

bool same_origin(std::string_view origin, std::string_view host, bool by_https) {
  for (const std::string_view scheme : {"https://", "http://"}) {
    if (origin.starts_with(scheme)) {
      return equal_without_case(origin.substr(scheme.size()), host);
    }
    if (by_https) return false;
  }
  return false;
}

std::string counted_address(std::string address) {
  in6_addr bytes{};
  const auto without_zone = address.substr(0, address.find('%'));
  if (inet_pton(AF_INET6, without_zone.c_str(), &bytes) != 1) return address;
  char text[INET6_ADDRSTRLEN];
  auto* begin = bytes.s6_addr;
  if (IN6_IS_ADDR_V4MAPPED(&bytes)) return inet_ntop(AF_INET, begin + 12, text, sizeof text);
  if (IN6_IS_ADDR_LOOPBACK(&bytes)) return address;
  std::fill(begin + 8, begin + 16, std::uint8_t{0});
  return std::string(inet_ntop(AF_INET6, begin, text, sizeof text)) + "/64";
}

}  // namespace hub
