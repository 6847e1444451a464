#include "hub/api/signed_update.h"

#include <fmt/format.h>

#include "hub/api/firmware_build.h"
#include "measurement/manifest.h"

namespace hub {

std::expected<SignedUpdate, std::string> SignedUpdate::of_file(std::string_view file) {
  const auto why = [](std::string sentence) { return std::unexpected(std::move(sentence)); };
  if (file.size() > most_bytes) {
    return why(fmt::format("The update is larger than {} MiB, which no meter has room for.",
                           most_bytes >> 20));
  }
  const auto parts = measurement::signed_image(file);
  const auto manifest = parts ? measurement::read_manifest(parts->manifest) : std::nullopt;
  if (!manifest) return why("This is no update of Lenz firmware: give what sign_update wrote.");
  const auto image = parts->image;
  std::string digest;
  for (const auto byte : manifest->digest) digest += fmt::format("{:02x}", byte);
  if (image.size() != manifest->size || sha256(image) != digest) {
    return why("The image is not the one that was signed: sign it again, and send it whole.");
  }
  const std::string chip(manifest->chip);
  const auto id = chip_id(chip);
  if (!id)
    return why("The update is for no chip that is known here: sign it for esp32 or esp32s3.");
  const auto app = measurement::read_app_image(image);
  if (!app) return why("The image is none for an ESP32: sign build/lenz_meter.bin.");
  if (app->chip_id != *id) {
    return why(
        fmt::format("The image is built for another chip than {}: sign it for its own.", chip));
  }
  const auto version = fmt::format("{}.{}.{}", manifest->version.major, manifest->version.minor,
                                   manifest->version.patch);
  // The meter compares what it runs, and so would take the same update again and again.
  if (app->version != version) {
    return why(fmt::format(
        "The image says that it is version \"{}\", and was signed as {}: build it as the version "
        "that it is signed as.",
        app->version, version));
  }
  const auto signature = reinterpret_cast<const char*>(manifest->signature.data());
  return SignedUpdate{.id = sha256(file).substr(0, 16),
                      .version = version,
                      .project = std::string(app->project),
                      .chip = chip,
                      .image_bytes = manifest->size,
                      .signed_text = std::string(manifest->signed_text),
                      .signature = std::string(signature, manifest->signature_size),
                      .bytes = file.size()};
}

}  // namespace hub
