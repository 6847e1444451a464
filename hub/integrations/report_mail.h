// The month's report as an e-mail: its sentences as text, and the page itself attached.

#pragma once

#include <span>
#include <string>
#include <string_view>

#include "hub/partners.h"
#include "measurement/units.h"

namespace hub {

// Headers and body, lines ended by CRLF, all of it ASCII. `file` is what the page is called.
std::string report_mail(std::string_view title, std::span<const std::string> sentences,
                        std::string_view page, std::string_view file, const Email&,
                        measurement::Timestamp now);

}  // namespace hub
