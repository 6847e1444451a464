#include "firmware/update.h"

#include <algorithm>

namespace firmware {
namespace {

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

std::expected<void, UpdateError> Update::begin(std::string_view text) {
  abandon();
  const auto manifest = read_manifest(text);
  if (!manifest) return std::unexpected(UpdateError::malformed);
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
