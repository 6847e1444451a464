#pragma once

#include <array>
#include <chrono>

namespace insight {

inline const char* name_of(std::chrono::month month) {
  static constexpr std::array names = {"January",   "February", "March",    "April",
                                       "May",       "June",     "July",     "August",
                                       "September", "October",  "November", "December"};
  return names.at(unsigned{month} - 1);
}

}  // namespace insight
