// What partners.toml cannot mean.

#pragma once

#include <cstddef>
#include <string>
#include <string_view>

#include "hub/partners.h"

namespace hub {

// What is wrong with partners, and where: an empty sentence says nothing is.
struct PartnerFault {
  std::string sentence;
  std::string section;   // Its key in the file.
  std::size_t node = 0;  // Of [[esphome]].
  int entity = -1;       // Of that node; -1: the node itself.
  explicit operator bool() const { return !sentence.empty(); }
};

PartnerFault find_fault(const Partners&);

// Text on one line, as long as a secret may be.
bool is_line(std::string_view);
inline constexpr std::size_t most_secret_bytes = 4096;

}  // namespace hub
