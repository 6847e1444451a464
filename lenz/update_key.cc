#include "lenz/update_key.h"

#include <fmt/format.h>
#include <openssl/evp.h>
#include <openssl/pem.h>

#include <filesystem>
#include <memory>

namespace lenz {
namespace {

using Key = std::unique_ptr<EVP_PKEY, decltype(&EVP_PKEY_free)>;

const unsigned char* bytes_of(std::string_view text) {
  return reinterpret_cast<const unsigned char*>(text.data());
}

std::string_view text_of(std::span<const std::uint8_t> bytes) {
  return {reinterpret_cast<const char*>(bytes.data()), bytes.size()};
}

}  // namespace

std::expected<bool, std::string> check_signature(const std::string& file, std::string_view text,
                                                 std::string_view signature) {
  if (!std::filesystem::exists(file)) return false;
  const std::unique_ptr<BIO, decltype(&BIO_free)> pem(BIO_new_file(file.c_str(), "r"), BIO_free);
  const Key key(pem ? PEM_read_bio_PUBKEY(pem.get(), nullptr, nullptr, nullptr) : nullptr,
                EVP_PKEY_free);
  if (!key) {
    return std::unexpected(fmt::format(
        "{} is no public key: write it with openssl ec -pubout, or take it away.", file));
  }
  const std::unique_ptr<EVP_MD_CTX, decltype(&EVP_MD_CTX_free)> context(EVP_MD_CTX_new(),
                                                                        EVP_MD_CTX_free);
  const bool is_genuine =
      EVP_DigestVerifyInit(context.get(), nullptr, EVP_sha256(), nullptr, key.get()) == 1 &&
      EVP_DigestVerify(context.get(), bytes_of(signature), signature.size(), bytes_of(text),
                       text.size()) == 1;
  if (is_genuine) return true;
  return std::unexpected(fmt::format(
      "The update is not signed with the key whose public part is {}: sign it with that.", file));
}

bool TrustedKey::is_genuine(std::span<const std::uint8_t> text,
                            std::span<const std::uint8_t> signature) {
  return check_signature(file_, text_of(text), text_of(signature)).value_or(false);
}

}  // namespace lenz
