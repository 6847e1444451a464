#include "firmware/update.h"

#include <algorithm>

namespace firmware {
namespace {

std::span<const std::uint8_t> bytes_of(std::string_view text) {
  return {reinterpret_cast<const std::uint8_t*>(text.data()), text.size()};
}

}  // namespace

std::expected<void, UpdateError> Update::begin(std::string_view text) {
  abandon();
  const auto manifest = read_manifest(text);
  if (!manifest) return std::unexpected(UpdateError::no_manifest);
  const auto signature = std::span(manifest->signature).first(manifest->signature_size);
  if (!key_.is_genuine(bytes_of(manifest->signed_text), signature)) {
    return std::unexpected(UpdateError::forged);
  }
  if (manifest->chip != running_.chip) return std::unexpected(UpdateError::other_chip);
  if (manifest->version <= running_.version) return std::unexpected(UpdateError::not_newer);
  if (manifest->size > slots_.size()) return std::unexpected(UpdateError::too_large);
  if (slots_.is_on_trial()) return std::unexpected(UpdateError::on_trial);
  digest_ = manifest->digest;
  size_ = manifest->size;
  written_ = erased_ = 0;
  return {};
}

std::expected<void, UpdateError> Update::write(std::uint64_t offset,
                                               std::span<const std::uint8_t> bytes) {
  if (!is_under_way()) return std::unexpected(UpdateError::unexpected_image);
  if (offset != written_) return {};
  if (bytes.size() > size_ - written_) {
    abandon();
    return std::unexpected(UpdateError::unexpected_image);
  }
  bool works = true;
  for (; works && erased_ < written_ + bytes.size(); erased_ += Slots::sector) {
    works = slots_.erase(erased_);
  }
  if (!works || !slots_.write(written_, bytes)) {
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
