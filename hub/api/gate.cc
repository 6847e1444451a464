#include "hub/api/gate.h"

#include <fmt/format.h>

#include <algorithm>

#include "hub/api/url.h"

namespace hub {
namespace {

// Not for ever (308): the owner may serve something else there one day.
Response sent_on(const Request& request) {
  const bool reads = request.method == "GET" || request.method == "HEAD";
  auto response = refusal(reads ? 307 : 400, "This port speaks TLS: open it as https://.");
  if (reads) {
    const auto target = request.target.starts_with('/') ? request.target : "/";
    response.headers.emplace_back("Location", fmt::format("https://{}{}", request.host, target));
  }
  return response;
}

}  // namespace

std::optional<Response> stopped_at_the_gate(const Request& request,
                                            std::span<const std::string> names) {
  if (request.way == Way::here) {
    if (is_loopback(request.host)) return std::nullopt;
    return refusal(421,
                   "Without TLS Lenz answers only on the machine it runs on: open it as localhost "
                   "or 127.0.0.1, or start the hub with --https NAME (docs/https.md).");
  }
  const bool is_ours = std::ranges::any_of(
      names, [&](const std::string& name) { return is_host(request.host, name); });
  if (!is_ours) {
    return refusal(421,
                   "This is no name of this hub: open it by one that it was given with --https.");
  }
  if (request.way == Way::plain) return sent_on(request);
  return std::nullopt;
}

bool is_from_own_page(const Request& request) {
  return request.origin.empty() ||
         same_origin(request.origin, request.host, request.way == Way::tls);
}

std::string_view session_cookie(Way way) {
  return way == Way::tls ? "__Host-lenz_session" : "lenz_session";
}

std::pair<std::string, std::string> session_cookie(Way way, std::string_view session,
                                                   std::chrono::seconds age) {
  return {"Set-Cookie",
          fmt::format("{}={}; HttpOnly; SameSite=Strict; Path=/; Max-Age={}{}", session_cookie(way),
                      session, age.count(), way == Way::tls ? "; Secure" : "")};
}

}  // namespace hub
