#include "lenz/house_faults.h"

#include <fmt/format.h>

#include <stdexcept>

namespace lenz {

std::vector<simulator::Fault> house_faults(const std::string& house,
                                           const std::vector<std::string>& texts) {
  if (!texts.empty() && house != "us" && house != "eu3") {
    throw std::runtime_error(
        fmt::format("The scene {} has no appliances: --fault needs --house us or eu3.", house));
  }
  std::vector<simulator::Fault> faults;
  for (const auto& text : texts) {
    const auto fault =
        simulator::parse_fault(text, house == "eu3" ? simulator::House::eu3 : simulator::House::us);
    if (!fault) throw std::runtime_error(fault.error());
    faults.push_back(*fault);
  }
  return faults;
}

}  // namespace lenz
