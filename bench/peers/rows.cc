#include <fmt/format.h>

#include <cstdlib>

#include "bench/peers/system.h"

namespace bench {
namespace {

// Steps of a tenth or a thousandth, without zeros at the end.
void append_steps(std::string& text, std::int32_t steps, int parts) {
  if (steps < 0) text += '-';
  const auto size = std::abs(steps);
  const fmt::format_int whole(size / parts);
  text.append(whole.data(), whole.size());
  int rest = size % parts;
  if (rest == 0) return;
  text += '.';
  for (int digit = parts / 10; rest > 0; digit /= 10) {
    text += static_cast<char>('0' + rest / digit);
    rest %= digit;
  }
}

}  // namespace

void append_line(std::string& text, const Row& row) {
  const auto append_number = [&](auto number) {
    const fmt::format_int digits(number);
    text.append(digits.data(), digits.size());
  };
  text += "pw,h=";
  append_number(row.home);
  text += ",c=";
  append_number(row.clamp);
  text += " P=";
  append_steps(text, row.point.active_power, 10);
  text += ",Q=";
  append_steps(text, row.point.reactive_power, 10);
  text += ",V=";
  append_steps(text, row.point.voltage, 10);
  text += ",I=";
  append_steps(text, row.point.current, 1000);
  text += ' ';
  append_number(row.second);
  text += '\n';
}

}  // namespace bench
