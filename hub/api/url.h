// What is written in a request's address and headers, taken apart; and where it is from.

#pragma once

#include <map>
#include <optional>
#include <string>
#include <string_view>

namespace hub {

// Percent-decoded once; nothing when a '%' is not followed by two hex digits.
std::optional<std::string> decoded(std::string_view text);

// "a=1&b=x%20y+z" as names and values. Nothing when it is not well formed or names one thing twice.
std::optional<std::map<std::string, std::string, std::less<>>> query(std::string_view text);

// The value of a cookie; empty when there is none of that name.
std::string_view cookie(std::string_view header, std::string_view name);

// Whether a Host header is this name, in whatever case and with any port.
bool is_host(std::string_view host, std::string_view name);

// Whether a Host header names this machine itself: 127.0.0.1, localhost or [::1], with any port. A
// name that only leads here (DNS rebinding) does not.
bool is_loopback(std::string_view host);

// Whether a page at this Origin came from this Host: by https, or, where that is not demanded, by
// http.
bool same_origin(std::string_view origin, std::string_view host, bool by_https);

// As whom an address is counted: who has an IPv6 network has all of its addresses, so these are
// one, "fd00:1:2:3::/64"; an IPv4 address is the same in either notation.
std::string counted_address(std::string address);

}  // namespace hub
