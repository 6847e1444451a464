#include "hub/pairing.h"

#include <utility>

namespace hub {
namespace {

// Crockford's: none of them is taken for another.
constexpr std::string_view alphabet = "0123456789ABCDEFGHJKMNPQRSTVWXYZ";

std::string code_of(const Pairing::Random& random) {
  std::uint64_t bits = 0;
  for (const auto byte : random) bits = bits << 8 | byte;
  std::string code;
  for (int i = 7; i >= 0; --i) {
    code += alphabet[bits >> (5 * i) & 31];
    if (i == 4) code += '-';
  }
  return code;
}

std::string as_meant(std::string_view code) {
  std::string meant;
  for (auto letter : code) {
    if (letter == '-' || letter == ' ') continue;
    if (letter >= 'a' && letter <= 'z') letter = static_cast<char>(letter - 'a' + 'A');
    if (letter == 'O') letter = '0';
    if (letter == 'I' || letter == 'L') letter = '1';
    meant += letter;
  }
  return meant;
}

}  // namespace

const Pairing::Window& Pairing::open(std::string home, std::string device, const Random& random,
                                     measurement::Timestamp now) {
  opened_ = now;
  wrong_ = 0;
  return window_.emplace(
      Window{std::move(home), std::move(device), code_of(random), now + window_life});
}

const Pairing::Window* Pairing::window(measurement::Timestamp now) {
  // A clock that was set back makes no window longer.
  if (window_ && (now >= window_->until || now < opened_)) close();
  return window_ ? &*window_ : nullptr;
}

std::optional<Pairing::Window> Pairing::claim(std::string_view code, measurement::Timestamp now) {
  if (!window(now)) return std::nullopt;
  if (as_meant(code) != as_meant(window_->code)) {
    if (++wrong_ >= most_wrong) close();
    return std::nullopt;
  }
  return std::exchange(window_, std::nullopt);
}

}  // namespace hub
