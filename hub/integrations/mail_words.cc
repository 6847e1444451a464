#include "hub/integrations/mail_words.h"

#include <fmt/chrono.h>
#include <fmt/format.h>

#include <algorithm>

#include "hub/integrations/base64.h"

namespace hub {
namespace {

constexpr std::size_t longest_encoded = 76;  // RFC 2045, 6.8.
constexpr std::size_t bytes_of_word = 42;    // An encoded word has at most 75 characters.

// RFC 2047: words of whole characters.

}  // namespace

std::string encoded_words(std::string_view text) {
  std::string out;
  while (!text.empty()) {
    auto size = std::min(text.size(), bytes_of_word);
    while (size < text.size() && size > 1 &&
           (static_cast<unsigned char>(text[size]) & 0xC0) == 0x80)
      --size;
    out +=
        fmt::format("{}=?utf-8?B?{}?=", out.empty() ? "" : "\r\n ", base64(text.substr(0, size)));
    text.remove_prefix(size);
  }
  return out;
}

std::string in_lines(const std::string& text) {
  std::string out;
  for (std::size_t i = 0; i < text.size(); i += longest_encoded) {
    out += text.substr(i, longest_encoded) + "\r\n";
  }
  return out;
}

std::string_view domain_of(std::string_view address) {
  return address.substr(address.find('@') + 1);
}

std::string mail_date(measurement::Timestamp time) {
  const auto second = std::chrono::floor<std::chrono::seconds>(time);
  return fmt::format("{:%a, %d %b %Y %H:%M:%S} +0000",
                     fmt::gmtime(std::chrono::system_clock::to_time_t(second)));
}

}  // namespace hub
