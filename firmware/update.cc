#include "firmware/update.h"

#include <algorithm>
#include <charconv>

namespace firmware {
namespace {

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
    const auto line = left_.substr(0, end);
    if (!line.starts_with(word) || line.size() < word.size() + 2 || line[word.size()] != ' ') {
      return std::nullopt;
    }
    left_.remove_prefix(end + 1);
    return line.substr(word.size() + 1);
  }
  std::string_view before() const { return text_.substr(0, text_.size() - left_.size()); }
  bool at_end() const { return left_.empty(); }

 private:
  std::string_view text_, left_;
};

bool is_word(std::string_view text) {
  return std::ranges::all_of(text, [](char c) { return c > ' ' && c <= '~'; });
}

std::span<const std::uint8_t> bytes_of(std::string_view text) {
  return {reinterpret_cast<const std::uint8_t*>(text.data()), text.size()};
}

}  // namespace

const char* sentence(UpdateError error) {
  switch (error) {
    case UpdateError::malformed:
      return "This is not a manifest of Lenz firmware: make it with sign_update.";
    case UpdateError::forged:
      return "The manifest is not signed with this meter's key: sign it with the key that the "
             "firmware was built with.";
    case UpdateError::other_chip:
      return "The image is for another controller: build it for this one.";
    case UpdateError::not_newer:
      return "The meter runs this version or a later one: raise the version.";
    case UpdateError::too_large:
      return "The image is larger than the meter's slot: build a smaller one.";
    case UpdateError::on_trial:
      return "The meter still tries its last update: wait five minutes.";
    case UpdateError::flash_failed:
      return "The flash could not be written: try again, and replace the board if it stays so.";
    case UpdateError::unexpected_image:
      return "The image is longer than its manifest says: sign it again.";
    case UpdateError::cut_short:
      return "The image ended early: check the network and try again.";
    case UpdateError::damaged:
      return "The image is not the one that was signed: fetch it again.";
    case UpdateError::not_bootable:
      return "The bootloader refuses the image: build it again.";
  }
  return "BUG: an update error without a sentence";
}

std::optional<Version> version_of(std::string_view text) {
  Version version;
  for (const auto part : {&version.major, &version.minor, &version.patch}) {
    const bool is_last = part == &version.patch;
    const auto end = is_last ? text.size() : text.find('.');
    if (end == std::string_view::npos || end == 0) return std::nullopt;
    const auto number = number_of<std::uint16_t>(text.substr(0, end));
    if (!number) return std::nullopt;
    *part = *number;
    text.remove_prefix(is_last ? end : end + 1);
  }
  return version;
}

std::expected<Manifest, UpdateError> read_manifest(std::string_view text) {
  constexpr auto malformed = std::unexpected(UpdateError::malformed);
  if (text.size() > max_manifest) return malformed;
  Lines lines(text);
  if (lines.after("lenz-firmware") != "1") return malformed;
  const auto version = lines.after("version"), chip = lines.after("chip"),
             size = lines.after("size"), digest = lines.after("sha256"), url = lines.after("url");
  if (!version || !chip || !size || !digest || !url) return malformed;
  if (!is_word(*chip) || !is_word(*url) || !url->starts_with("https://")) return malformed;
  Manifest manifest{.chip = *chip, .url = *url, .signed_text = lines.before()};
  const auto read_version = version_of(*version);
  const auto read_size = number_of<std::uint32_t>(*size);
  if (!read_version || !read_size || *read_size == 0) return malformed;
  manifest.version = *read_version;
  manifest.size = *read_size;
  if (read_hexadecimal(*digest, manifest.digest) != manifest.digest.size()) return malformed;
  const auto signature = lines.after("signature");
  if (!signature || !lines.at_end()) return malformed;
  manifest.signature_size = read_hexadecimal(*signature, manifest.signature);
  if (manifest.signature_size == 0) return malformed;
  return manifest;
}

std::expected<void, UpdateError> Update::begin(std::string_view text) {
  abandon();
  const auto manifest = read_manifest(text);
  if (!manifest) return std::unexpected(manifest.error());
  const auto signature = std::span(manifest->signature).first(manifest->signature_size);
  if (!key_.is_genuine(bytes_of(manifest->signed_text), signature)) {
    return std::unexpected(UpdateError::forged);
  }
  if (manifest->chip != running_.chip) return std::unexpected(UpdateError::other_chip);
  if (manifest->version <= running_.version) return std::unexpected(UpdateError::not_newer);
  if (manifest->size > slots_.size()) return std::unexpected(UpdateError::too_large);
  if (slots_.is_on_trial()) return std::unexpected(UpdateError::on_trial);
  if (!slots_.erase(manifest->size)) return std::unexpected(UpdateError::flash_failed);
  digest_ = manifest->digest;
  size_ = manifest->size;
  written_ = 0;
  return {};
}

std::expected<void, UpdateError> Update::write(std::span<const std::uint8_t> bytes) {
  if (bytes.size() > size_ - (is_under_way() ? written_ : 0)) {
    abandon();
    return std::unexpected(UpdateError::unexpected_image);
  }
  if (!slots_.write(written_, bytes)) {
    abandon();
    return std::unexpected(UpdateError::flash_failed);
  }
  written_ += bytes.size();
  return {};
}

std::expected<void, UpdateError> Update::finish() {
  const auto size = size_;
  abandon();
  if (size == 0) return std::unexpected(UpdateError::unexpected_image);
  if (written_ < size) return std::unexpected(UpdateError::cut_short);
  Sha256 sum;
  std::array<std::uint8_t, 256> part;
  for (std::size_t offset = 0; offset < size; offset += part.size()) {
    const auto bytes = std::span(part).first(std::min(part.size(), size - offset));
    if (!slots_.read(offset, bytes)) return std::unexpected(UpdateError::flash_failed);
    sum.add(bytes);
  }
  if (sum.digest() != digest_) return std::unexpected(UpdateError::damaged);
  if (!slots_.choose()) return std::unexpected(UpdateError::not_bootable);
  return {};
}

Trial::Verdict Trial::step(measurement::Uptime now, const Soundness& soundness) {
  if (!slots_.is_on_trial()) return Verdict::none;
  if (soundness.chips_answer && soundness.storage_works && soundness.hub_heard) {
    return slots_.keep() ? Verdict::kept : Verdict::running;
  }
  if (now < patience) return Verdict::running;
  slots_.fall_back();
  return Verdict::failed;
}

}  // namespace firmware
