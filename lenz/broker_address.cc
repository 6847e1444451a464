#include "lenz/broker_address.h"

#include <fmt/format.h>

#include <charconv>
#include <stdexcept>

namespace lenz {

hub::BrokerAddress parse_address(const std::string& text) {
  const auto colon = text.rfind(':');
  hub::BrokerAddress address;
  address.host = text.substr(0, colon);
  const auto* end = text.data() + text.size();
  if (colon == std::string::npos || address.host.empty() ||
      std::from_chars(text.data() + colon + 1, end, address.port).ptr != end || address.port < 1 ||
      address.port > 65535) {
    throw std::runtime_error(
        fmt::format("\"{}\" is no address of a broker: write HOST:PORT.", text));
  }
  return address;
}

}  // namespace lenz
