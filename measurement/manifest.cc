#include "measurement/manifest.h"

#include <algorithm>
#include <charconv>
#include <span>

namespace measurement {
namespace {

// The first characters, or what is left without them: substr() would bring in exceptions, which a
// meter has none of.
std::string_view first_of(std::string_view text, std::size_t count) {
  return {text.data(), std::min(count, text.size())};
}
std::string_view without(std::string_view text, std::size_t count) {
  text.remove_prefix(std::min(count, text.size()));
  return text;
}

// Whole and without leading zeros, so that there is one way to write it.
template <class Number>
std::optional<Number> number_of(std::string_view text) {
  Number number{};
  const auto end = text.data() + text.size();
  const auto [stop, error] = std::from_chars(text.data(), end, number);
  if (error != std::errc{} || stop != end) return std::nullopt;
  if (text.front() < '0' || (text.front() == '0' && text.size() > 1)) return std::nullopt;
  return number;
}

std::optional<std::uint8_t> digit_of(char c) {
  if (c >= '0' && c <= '9') return static_cast<std::uint8_t>(c - '0');
  if (c >= 'a' && c <= 'f') return static_cast<std::uint8_t>(c - 'a' + 10);
  return std::nullopt;
}

// Returns how many bytes the digits are; 0: they are none, or more than fit.
std::size_t read_hexadecimal(std::string_view digits, std::span<std::uint8_t> into) {
  if (digits.size() % 2 != 0 || digits.size() / 2 > into.size()) return 0;
  for (std::size_t i = 0; i < digits.size() / 2; ++i) {
    const auto high = digit_of(digits[2 * i]), low = digit_of(digits[2 * i + 1]);
    if (!high || !low) return 0;
    into[i] = static_cast<std::uint8_t>(*high << 4 | *low);
  }
  return digits.size() / 2;
}

// Lines of a word, a space and the rest.
class Lines {
 public:
  explicit Lines(std::string_view text) : text_(text), left_(text) {}

  std::optional<std::string_view> after(std::string_view word) {
    const auto end = left_.find('\n');
    if (end == std::string_view::npos) return std::nullopt;
    const auto line = first_of(left_, end);
    if (!line.starts_with(word) || line.size() < word.size() + 2 || line[word.size()] != ' ') {
      return std::nullopt;
    }
    left_.remove_prefix(end + 1);
    return without(line, word.size() + 1);
  }
  std::string_view before() const { return first_of(text_, text_.size() - left_.size()); }
  bool at_end() const { return left_.empty(); }

 private:
  std::string_view text_, left_;
};

bool is_word(std::string_view text) {
  return std::ranges::all_of(text, [](char c) { return c > ' ' && c <= '~'; });
}

}  // namespace

std::optional<Version> version_of(std::string_view text) {
  Version version;
  for (const auto part : {&version.major, &version.minor, &version.patch}) {
    const bool is_last = part == &version.patch;
    const auto end = is_last ? text.size() : text.find('.');
    if (end == std::string_view::npos || end == 0) return std::nullopt;
    const auto number = number_of<std::uint16_t>(first_of(text, end));
    if (!number) return std::nullopt;
    *part = *number;
    text.remove_prefix(is_last ? end : end + 1);
  }
  return version;
}

std::optional<Manifest> read_manifest(std::string_view text) {
  if (text.size() > max_manifest) return std::nullopt;
  Lines lines(text);
  if (lines.after("lenz-firmware") != "2") return std::nullopt;
  const auto version = lines.after("version"), chip = lines.after("chip"),
             size = lines.after("size"), digest = lines.after("sha256");
  if (!version || !chip || !size || !digest || !is_word(*chip)) return std::nullopt;
  Manifest manifest{.chip = *chip, .signed_text = lines.before()};
  const auto read_version = version_of(*version);
  const auto read_size = number_of<std::uint32_t>(*size);
  if (!read_version || !read_size || *read_size == 0) return std::nullopt;
  manifest.version = *read_version;
  manifest.size = *read_size;
  if (read_hexadecimal(*digest, manifest.digest) != manifest.digest.size()) return std::nullopt;
  const auto signature = lines.after("signature");
  if (!signature || !lines.at_end()) return std::nullopt;
  manifest.signature_size = read_hexadecimal(*signature, manifest.signature);
  if (manifest.signature_size == 0) return std::nullopt;
  return manifest;
}

std::optional<SignedImage> signed_image(std::string_view file) {
  const auto last = first_of(file, max_manifest).find("\nsignature ");
  const auto end = last == std::string_view::npos ? last : file.find('\n', last + 1);
  if (end == std::string_view::npos || !read_manifest(first_of(file, end + 1))) return std::nullopt;
  return SignedImage{first_of(file, end + 1), without(file, end + 1)};
}

// Header of 24 bytes, of the first segment 8, then esp_app_desc_t (ESP-IDF's esp_app_format.h,
// esp_app_desc.h).
std::optional<AppImage> read_app_image(std::string_view bytes) {
  constexpr std::size_t described = 32;
  if (bytes.size() < described + 80 || bytes[0] != '\xE9') return std::nullopt;
  const auto byte = [&](std::size_t at) {
    return static_cast<unsigned>(static_cast<std::uint8_t>(bytes[at]));
  };
  AppImage image{.chip_id = static_cast<std::uint16_t>(byte(12) | byte(13) << 8)};
  if (first_of(without(bytes, described), 4) != "\x32\x54\xCD\xAB") return image;
  const auto text = [&](std::size_t at) {
    const auto field = first_of(without(bytes, at), 32);
    return first_of(field, field.find('\0'));
  };
  const auto is_text = [](std::string_view words) {
    return std::ranges::all_of(words, [](char c) { return c >= ' ' && c <= '~'; });
  };
  const auto version = text(described + 16), project = text(described + 48);
  if (is_text(version) && is_text(project)) {
    image.version = version;
    image.project = project;
  }
  return image;
}

}  // namespace measurement
