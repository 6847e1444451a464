#include "hub/net/server_url.h"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>

namespace hub {
namespace {

// What may not stand in a request's first line or in a name.
bool is_clean(std::string_view text) {
  return std::ranges::all_of(text, [](char c) { return c > ' ' && c < 0x7F; });
}

}  // namespace

std::expected<ServerUrl, std::string> parse_url(std::string_view url, std::string_view scheme) {
  const auto complaint =
      std::unexpected(fmt::format("\"{}\" is no address of a server: write {}://HOST:PORT/PATH.",
                                  url.substr(0, url.find_first_of("?@")), scheme));
  ServerUrl parsed;
  if (!is_clean(url) || !url.starts_with(scheme)) return complaint;
  auto rest = url.substr(scheme.size());
  parsed.is_secure = rest.starts_with('s');
  if (parsed.is_secure) rest.remove_prefix(1);
  if (!rest.starts_with("://")) return complaint;
  rest.remove_prefix(3);

  const auto end = std::min(rest.find_first_of("/?#"), rest.size());
  auto authority = rest.substr(0, end);
  const auto target = rest.substr(end, rest.find('#') - end);
  parsed.target = fmt::format("{}{}", target.starts_with('/') ? "" : "/", target);

  const auto host_end = authority.starts_with('[') ? authority.find(']') : authority.find(':');
  const bool is_bracketed = authority.starts_with('[');
  if (is_bracketed && host_end == authority.npos) return complaint;
  parsed.host = authority.substr(is_bracketed, host_end - is_bracketed);
  auto port = authority.substr(std::min(authority.size(), host_end + is_bracketed));
  if (parsed.host.empty() || authority.find('@') != authority.npos) return complaint;

  const std::uint16_t usual = parsed.is_secure ? 443 : 80;
  parsed.port = usual;
  if (!port.empty()) {
    if (!port.starts_with(':')) return complaint;
    port.remove_prefix(1);
    const auto* last = port.data() + port.size();
    const auto [stop, failure] = std::from_chars(port.data(), last, parsed.port);
    if (failure != std::errc() || stop != last || parsed.port == 0) return complaint;
  }
  parsed.authority = is_bracketed ? fmt::format("[{}]", parsed.host) : parsed.host;
  if (parsed.port != usual) parsed.authority += fmt::format(":{}", parsed.port);
  return parsed;
}

}  // namespace hub
