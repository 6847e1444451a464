// A page of HTML as a PDF, by a browser that is there.

#pragma once

#include <string>
#include <string_view>

namespace lenz {

// Throws std::runtime_error with one sentence: there is no Chromium, or it fails.
void print_page(std::string_view page, const std::string& pdf);

}  // namespace lenz
