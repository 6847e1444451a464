// What e-mails are made of: headers in ASCII, bodies in lines of base64.

#pragma once

#include <string>
#include <string_view>

#include "measurement/units.h"

namespace hub {

std::string encoded_words(std::string_view text);  // RFC 2047, of a header.
std::string in_lines(const std::string& base64);   // RFC 2045, 6.8.
std::string mail_date(measurement::Timestamp);     // "Mon, 02 Mar 2026 00:00:00 +0000"
std::string_view domain_of(std::string_view address);

}  // namespace hub
